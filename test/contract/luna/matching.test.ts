/** Matching of what is stored: verify, identify, match. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LunaAccount, LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { rawExchange } from "../../support/luna/raw-http.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { Gallery, near, similarityAt } from "../../support/luna/vectors.ts";

let server: LunaServer;
let account: LunaAccount;
let client: LunaClient;
let gallery: Gallery;
/** The reference: the first axis. */
let d: string;
let persons: string;
let descriptors: string;
/** Eight people by falling likeness to the reference, all on the list. */
const people: { readonly id: string; readonly descriptors: readonly string[] }[] = [];
const COSINES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, -0.2];
const UNKNOWN = "0b6f2b4c-7a2d-4f39-9b8e-1f0f6b9f3f11";

beforeAll(async () => {
  server = await startLuna({ shipped: false });
  account = await server.newAccount();
  client = account.client;
  gallery = new Gallery(account);
  persons = await gallery.list("persons", [], "everybody");
  d = await gallery.descriptor(near(1));
  for (const [i, cosine] of COSINES.entries()) {
    // Each person has a second descriptor that is less alike.
    people.push(await gallery.person(`person ${i}`, [near(-0.9, i + 2), near(cosine, i + 2)], [persons]));
  }
  descriptors = await gallery.list(
    "descriptors",
    people.map((person) => person.descriptors[1]!),
    "descriptors of everybody",
  );
});
afterAll(() => server.stop());

const post = (operation: "verify" | "identify" | "match", query: Readonly<Record<string, string | number>>) =>
  client.call("POST", `/4/matching/${operation}`, { query });

function expectError({ status, body }: LunaAnswer, code: number, detail?: string): void {
  expect({ status, code: body.error_code }).toEqual({ status: 400, code });
  if (detail !== undefined) expect(body.detail).toBe(detail);
}

const matchOf = (at: number) => ({
  person_id: people[at]!.id,
  descriptor_id: people[at]!.descriptors[1]!,
  user_data: `person ${at}`,
  external_id: `ext person ${at}`,
  similarity: expect.closeTo(similarityAt(COSINES[at]!), 6),
});
const descriptorMatchOf = (at: number) => ({
  id: people[at]!.descriptors[1]!,
  similarity: expect.closeTo(similarityAt(COSINES[at]!), 6),
});

describe("verify", () => {
  test("LUNA-MATCH-001 verify of the same person answers one candidate with all that is known of the person", async () => {
    const { status, body } = await post("verify", { descriptor_id: d, person_id: people[0]!.id });
    expect(status).toBe(201);
    expect(body).toEqual({ candidates: [matchOf(0)] });
    expect(body.candidates[0].similarity).toBeGreaterThan(0.99);
  });

  test("LUNA-MATCH-002 verify of another person answers a low similarity: there is no threshold", async () => {
    const { status, body } = await post("verify", { descriptor_id: d, person_id: people[7]!.id });
    expect(status).toBe(201);
    expect(body.candidates).toEqual([matchOf(7)]);
    expect(body.candidates[0].similarity).toBeLessThan(0.001);
  });

  test("LUNA-MATCH-003 verify of a person without descriptors answers no candidates", async () => {
    const { id } = await gallery.person("nobody");
    const { status, body } = await post("verify", { descriptor_id: d, person_id: id });
    expect({ status, body }).toEqual({ status: 201, body: { candidates: [] } });
  });

  test("LUNA-MATCH-004 verify of a person with several descriptors answers the best and its id", async () => {
    const { id, descriptors: own } = await gallery.person("many", [near(0.3, 40), near(0.75, 41), near(0.6, 42)]);
    const { body } = await post("verify", { descriptor_id: d, person_id: id });
    expect(body.candidates).toHaveLength(1);
    expect(body.candidates[0]).toMatchObject({
      descriptor_id: own[1]!,
      similarity: expect.closeTo(similarityAt(0.75), 6),
    });
  });

  test("LUNA-MATCH-005 verify of an unknown descriptor is 11018", async () => {
    const detail = `Descriptor with id '${UNKNOWN}' not found.`;
    expectError(await post("verify", { descriptor_id: UNKNOWN, person_id: people[0]!.id }), 11018, detail);
  });

  test("LUNA-MATCH-006 verify of an unknown person is 22007", async () => {
    const detail = `Person with id '${UNKNOWN}' not found.`;
    expectError(await post("verify", { descriptor_id: d, person_id: UNKNOWN }), 22007, detail);
  });

  test("LUNA-MATCH-007 verify without descriptor_id is 12014", async () => {
    const detail = "Required parameters 'descriptor_id' not found";
    expectError(await post("verify", { person_id: people[0]!.id }), 12014, detail);
  });

  test("LUNA-MATCH-008 verify without person_id is 12014", async () => {
    expectError(await post("verify", { descriptor_id: d }), 12014, "Required parameters 'person_id' not found");
  });
});

describe("identify", () => {
  test("LUNA-MATCH-009 identify by a descriptor in a list answers three persons when no limit is given", async () => {
    const { status, body } = await post("identify", { descriptor_id: d, list_id: persons });
    expect(status).toBe(201);
    expect(body).toEqual({ candidates: [matchOf(0), matchOf(1), matchOf(2)] });
  });

  test("LUNA-MATCH-010 identify by a person goes by the best of all its descriptors", async () => {
    const { id } = await gallery.person("reference", [near(0.1, 50), near(1, 50), near(-0.5, 51)]);
    const { body } = await post("identify", { person_id: id, list_id: persons });
    expect(body.candidates).toEqual([matchOf(0), matchOf(1), matchOf(2)]);
  });

  test("LUNA-MATCH-011 identify among person_ids considers these alone", async () => {
    const ids = [people[4]!.id, people[2]!.id];
    const { body } = await post("identify", { descriptor_id: d, person_ids: ids.join(",") });
    expect(body.candidates).toEqual([matchOf(2), matchOf(4)]);
  });

  test("LUNA-MATCH-012 identify with an unknown one among person_ids is 11020", async () => {
    const ids = `${people[0]!.id},${UNKNOWN}`;
    const detail = "One or more person not found";
    expectError(await post("identify", { descriptor_id: d, person_ids: ids }), 11020, detail);
  });

  test("LUNA-MATCH-013 identify in an unknown list is 22003", async () => {
    const detail = `List with id '${UNKNOWN}' not found`;
    expectError(await post("identify", { descriptor_id: d, list_id: UNKNOWN }), 22003, detail);
  });

  test("LUNA-MATCH-014 identify by an unknown reference is 11018 or 22007", async () => {
    expectError(await post("identify", { descriptor_id: UNKNOWN, list_id: persons }), 11018);
    expectError(await post("identify", { person_id: UNKNOWN, list_id: persons }), 22007);
  });

  test("LUNA-MATCH-015 identify without a reference is 12016 and names both", async () => {
    const detail = "No one parameters '[person_id, descriptor_id]' not found";
    expectError(await post("identify", { list_id: persons }), 12016, detail);
  });

  test("LUNA-MATCH-016 identify without candidates is 12016 and names both", async () => {
    const detail = "No one parameters '[list_id, person_ids]' not found";
    expectError(await post("identify", { descriptor_id: d }), 12016, detail);
  });

  test.each(["0", "6", "x", "2.5", "-1", ""])("LUNA-MATCH-017 identify with the limit %j is 12012", async (limit) => {
    const detail = "Bad query parameters 'limit'";
    expectError(await post("identify", { descriptor_id: d, list_id: persons, limit }), 12012, detail);
  });

  test("LUNA-MATCH-018 identify answers at most as many as the limit says, the best first", async () => {
    const five = await post("identify", { descriptor_id: d, list_id: persons, limit: 5 });
    expect(five.body.candidates).toEqual([0, 1, 2, 3, 4].map(matchOf));
    const one = await post("identify", { descriptor_id: d, list_id: persons, limit: 1 });
    expect(one.body.candidates).toEqual([matchOf(0)]);
  });

  test("LUNA-MATCH-019 identify with both references goes by person_id", async () => {
    const query = { person_id: people[6]!.id, descriptor_id: d, person_ids: people[6]!.id };
    const { body } = await post("identify", query);
    expect(body.candidates[0].similarity).toBeCloseTo(1, 6);
  });

  test("LUNA-MATCH-020 identify with list_id and person_ids goes by the list", async () => {
    const query = { descriptor_id: d, list_id: persons, person_ids: people[5]!.id, limit: 1 };
    expect((await post("identify", query)).body.candidates).toEqual([matchOf(0)]);
    // The ids are not even looked up.
    expect((await post("identify", { ...query, person_ids: UNKNOWN })).status).toBe(201);
  });

  test("LUNA-MATCH-021 identify in an empty list answers no candidates", async () => {
    const { status, body } = await post("identify", { descriptor_id: d, list_id: await gallery.list("persons") });
    expect({ status, body }).toEqual({ status: 201, body: { candidates: [] } });
  });

  test("LUNA-MATCH-022 identify in a list of descriptors is 36001", async () => {
    const detail = `Expected list of persons. Got list of descriptors. List id '${descriptors}'`;
    expectError(await post("identify", { descriptor_id: d, list_id: descriptors }), 36001, detail);
  });

  test("LUNA-MATCH-024 identify shows a person with many descriptors once", async () => {
    const list = await gallery.list("persons");
    const { id } = await gallery.person("crowded", [near(0.7, 60), near(0.8, 61), near(0.75, 62)], [list]);
    const { body } = await post("identify", { descriptor_id: d, list_id: list, limit: 5 });
    expect(body.candidates).toHaveLength(1);
    expect(body.candidates[0]).toMatchObject({ person_id: id, similarity: expect.closeTo(similarityAt(0.8), 6) });
  });

  test("LUNA-MATCH-025 identify finds the reference itself when it is a candidate", async () => {
    const [own] = people[3]!.descriptors;
    const { body } = await post("identify", { descriptor_id: own!, list_id: persons, limit: 1 });
    expect(body.candidates).toEqual([{ ...matchOf(3), descriptor_id: own!, similarity: expect.closeTo(1, 6) }]);
  });

  test("LUNA-MATCH-026 identify by a person without descriptors answers no candidates", async () => {
    const { id } = await gallery.person("empty");
    const { status, body } = await post("identify", { person_id: id, list_id: persons });
    expect({ status, body }).toEqual({ status: 201, body: { candidates: [] } });
  });
});

describe("match", () => {
  test("LUNA-MATCH-027 match in a list of descriptors answers id and similarity, nothing else", async () => {
    const { status, body } = await post("match", { descriptor_id: d, list_id: descriptors });
    expect(status).toBe(201);
    expect(body).toEqual({ candidates: [0, 1, 2].map(descriptorMatchOf) });
  });

  test("LUNA-MATCH-028 match among descriptor_ids considers these alone", async () => {
    const ids = [people[5]!.descriptors[1]!, people[1]!.descriptors[1]!];
    const { body } = await post("match", { descriptor_id: d, descriptor_ids: ids.join(",") });
    expect(body.candidates).toEqual([descriptorMatchOf(1), descriptorMatchOf(5)]);
  });

  test("LUNA-MATCH-029 match by a person goes by the best of its descriptors", async () => {
    const { id } = await gallery.person("matching", [near(0.2, 70), near(1)]);
    const { status, body } = await post("match", { person_id: id, list_id: descriptors, limit: 2 });
    expect(status).toBe(201);
    expect(body.candidates).toEqual([0, 1].map(descriptorMatchOf));
  });

  test("LUNA-MATCH-030 match shows a descriptor that is named twice once", async () => {
    const [, id] = people[0]!.descriptors;
    const { body } = await post("match", { descriptor_id: d, descriptor_ids: `${id},${id!.toUpperCase()}` });
    expect(body.candidates).toEqual([descriptorMatchOf(0)]);
  });

  test("LUNA-MATCH-031 match with an unknown candidate is 11020", async () => {
    const detail = "One or more descriptor not found";
    expectError(await post("match", { descriptor_id: d, descriptor_ids: `${d},${UNKNOWN}` }), 11020, detail);
  });

  test("LUNA-MATCH-032 match without a reference is 12016, without candidates too", async () => {
    const reference = "No one parameters '[person_id, descriptor_id]' not found";
    expectError(await post("match", { list_id: descriptors }), 12016, reference);
    const candidates = "No one parameters '[list_id, descriptor_ids]' not found";
    expectError(await post("match", { descriptor_id: d }), 12016, candidates);
  });

  test("LUNA-MATCH-033 match in a list of persons is 36001", async () => {
    const detail = `Expected list of descriptors. Got list of persons. List id '${persons}'`;
    expectError(await post("match", { descriptor_id: d, list_id: persons }), 36001, detail);
  });

  test("LUNA-MATCH-034 match takes limits from 1 to 5, and 3 when there is none", async () => {
    const query = { descriptor_id: d, list_id: descriptors };
    for (const limit of ["0", "6", "x"]) expectError(await post("match", { ...query, limit }), 12012);
    expect((await post("match", query)).body.candidates).toHaveLength(3);
    expect((await post("match", { ...query, limit: 5 })).body.candidates).toHaveLength(5);
    expect((await post("match", { ...query, limit: 1 })).body.candidates).toEqual([descriptorMatchOf(0)]);
  });
});

describe("all of them", () => {
  test("LUNA-MATCH-023 candidates come by falling similarity, equal ones by rising id", async () => {
    const twins = [await gallery.descriptor(near(0.65, 80)), await gallery.descriptor(near(0.65, 80))];
    const others = people.slice(0, 3).map((person) => person.descriptors[1]!);
    const ids = [...twins, ...others];
    const { body } = await post("match", { descriptor_id: d, descriptor_ids: ids.join(","), limit: 5 });
    const found: string[] = body.candidates.map(({ id }: { id: string }) => id);
    expect(found).toEqual([...others, ...twins.sort()]);
  });

  test.each([
    ["verify", "descriptor_id"],
    ["verify", "person_id"],
    ["identify", "descriptor_id"],
    ["identify", "person_id"],
    ["identify", "list_id"],
    ["identify", "person_ids"],
    ["match", "descriptor_ids"],
    ["match", "list_id"],
  ] as const)("LUNA-MATCH-035 %s with a %s that is no UUID of version 4 is 12012", async (operation, name) => {
    const list = operation === "match" ? descriptors : persons;
    const query = { descriptor_id: d, ...(operation === "verify" ? { person_id: people[0]!.id } : { list_id: list }) };
    const bad = [
      "x",
      "",
      "0b6f2b4c-7a2d-1f39-9b8e-1f0f6b9f3f11",
      ...(name.endsWith("s") ? [`${d},`, `${d};${d}`] : []),
    ];
    for (const value of bad) {
      expectError(await post(operation, { ...query, [name]: value }), 12012, `Bad query parameters '${name}'`);
    }
  });

  test("LUNA-MATCH-036 every success is 201, with credentials of both kinds", async () => {
    const calls = {
      verify: { descriptor_id: d, person_id: people[0]!.id },
      identify: { descriptor_id: d, list_id: persons },
      match: { descriptor_id: d, list_id: descriptors },
    };
    for (const [operation, query] of Object.entries(calls)) {
      for (const by of [account.client, account.basic]) {
        expect((await by.call("POST", `/4/matching/${operation}`, { query })).status).toBe(201);
      }
    }
  });

  test("LUNA-MATCH-037 similarity is the same in both directions", async () => {
    const [a, b] = [people[0]!.descriptors[0]!, people[3]!.descriptors[1]!];
    const forth = await post("match", { descriptor_id: a, descriptor_ids: b });
    const back = await post("match", { descriptor_id: b, descriptor_ids: a });
    expect(forth.body.candidates[0].similarity).toBeCloseTo(back.body.candidates[0].similarity, 9);
  });

  test("LUNA-MATCH-040 similarity is never below 0 or above 1, also of opposites and of what is the same", async () => {
    const opposite = await gallery.descriptor(near(-1));
    const same = await gallery.descriptor(near(1));
    const odd = await gallery.descriptor(near(0.123_456_79, 9));
    const ids = [opposite, same, odd, d];
    for (const reference of ids) {
      const { body } = await post("match", { descriptor_id: reference, descriptor_ids: ids.join(","), limit: 5 });
      expect(body.candidates).toHaveLength(4);
      for (const { similarity } of body.candidates) {
        expect(similarity).toBeGreaterThanOrEqual(0);
        expect(similarity).toBeLessThanOrEqual(1);
      }
    }
  });

  test("what belongs to another account is not there", async () => {
    const other = new Gallery(await server.newAccount());
    const query = { descriptor_id: d, list_id: persons };
    expectError(await other.client.call("POST", "/4/matching/identify", { query }), 11018);
    const own = await other.descriptor(near(1));
    expectError(
      await other.client.call("POST", "/4/matching/identify", { query: { ...query, descriptor_id: own } }),
      22003,
    );
    const ids = { descriptor_id: own, descriptor_ids: `${own},${d}` };
    expectError(await other.client.call("POST", "/4/matching/match", { query: ids }), 11020);
  });

  test("who is put on a list or taken off it is found or not found at once", async () => {
    const list = await gallery.list("persons");
    const { id } = await gallery.person("coming and going", [near(1)]);
    const link = (action: string) => client.patch("/4/storage/linker", { action, list_id: list, person_ids: [id] });
    for (let round = 0; round < 5; round++) {
      expect((await link("attach")).status).toBe(204);
      expect((await post("identify", { descriptor_id: d, list_id: list })).body.candidates).toHaveLength(1);
      expect((await link("detach")).status).toBe(204);
      expect((await post("identify", { descriptor_id: d, list_id: list })).body.candidates).toEqual([]);
    }
  });

  test("a person with very many descriptors is a reference with all of them", async () => {
    const vectors = Array.from({ length: 140 }, (_, i) => near(-0.4, 100 + i));
    // In the first, a middle and the last part of them.
    const alike = [near(0.8, 8), near(0.7, 5), near(0.9, 2)];
    for (const [i, at] of [0, 80, 139].entries()) vectors[at] = alike[i]!;
    const { id } = await gallery.person("crowd", vectors);
    const { body } = await post("identify", { person_id: id, list_id: persons, limit: 5 });
    const found = new Map(
      body.candidates.map((match: { person_id: string; similarity: number }) => [match.person_id, match]),
    );
    expect(found.size).toBe(5);
    for (const at of [0, 3, 6]) expect(found.has(people[at]!.id)).toBe(true);
    const similarities = body.candidates.map(({ similarity }: { similarity: number }) => similarity);
    expect(similarities).toEqual(similarities.toSorted((a: number, b: number) => b - a));
  }, 60_000);

  test("1,000 ids fit into an address, each 36 characters and an encoded comma; one more is 12012", async () => {
    const ids: string[] = [];
    while (ids.length < 1000) {
      const some = Array.from({ length: 50 }, (_, i) => gallery.descriptor(near(0.2, 2 + ((ids.length + i) % 500))));
      ids.push(...(await Promise.all(some)));
    }
    const best = await gallery.descriptor(near(0.95, 3));
    const all = [...ids.slice(1), best];
    const { status, body } = await post("match", { descriptor_id: d, descriptor_ids: all.join(","), limit: 5 });
    expect([status, body.candidates.length, body.candidates[0].id]).toEqual([201, 5, best]);
    const more = [...all, ids[0]!].join(",");
    expectError(await post("match", { descriptor_id: d, descriptor_ids: more }), 12012);
  }, 60_000);

  test("an address that is much longer is 431, and the server goes on", async () => {
    const path = `/4/matching/match?descriptor_ids=${"x".repeat(60_000)}`;
    const answer = await rawExchange(server.url, `POST ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
    expect(answer).toStartWith("HTTP/1.1 431");
    expect((await post("match", { descriptor_id: d, list_id: descriptors })).status).toBe(201);
  });
});
