/** Persons, their descriptors and their lists. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { newDescriptor, newList, newPerson } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const PERSONS = "/4/storage/persons";
const UNKNOWN = "11111111-2222-4333-8444-555555555555";

let server: LunaServer;
let client: LunaClient;
let fresh: LunaClient;

beforeAll(async () => {
  server = await startLuna({ shipped: false });
  ({ client } = await server.newAccount());
  ({ client: fresh } = await server.newAccount());
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const personOf = async (id: string) => (await client.get(`${PERSONS}/${id}`)).body;
const idsFound = async (query: Readonly<Record<string, string>>) => {
  const { body } = await client.get(PERSONS, query);
  expect(body.count).toBe(body.persons.length);
  return body.persons.map(({ id }: { id: string }) => id).sort();
};

describe("making persons", () => {
  test("LUNA-PERS-001 a person is made with user data and external id", async () => {
    const { status, body } = await client.post(PERSONS, { user_data: "a", external_id: "b" });
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual(["person_id"]);
    expect(await personOf(body.person_id)).toMatchObject({ user_data: "a", external_id: "b" });
  });

  test("LUNA-PERS-002 an empty object makes a person with empty texts", async () => {
    const { status, body } = await client.post(PERSONS, {});
    expect(status).toBe(201);
    expect(await personOf(body.person_id)).toMatchObject({ user_data: "", external_id: "" });
  });

  test("LUNA-PERS-003 no body makes a person, with or without a content type", async () => {
    expect((await client.post(PERSONS)).status).toBe(201);
    expect((await client.post(PERSONS, undefined, { type: "application/json" })).status).toBe(201);
  });

  test("LUNA-PERS-004 unknown members are refused", async () => {
    const answer = await client.post(PERSONS, { userdata: "a" });
    expect(told(answer)).toEqual([400, 12022]);
    expect(answer.body.detail).toBe(
      "Failed to validate input json. Path: '', message: 'Additional properties are not allowed ('userdata' was unexpected)'",
    );
  });

  test.each([
    ["LUNA-PERS-005", "user_data", 128],
    ["LUNA-PERS-006", "external_id", 36],
  ])("%s %s of %i characters is taken, one more is not", async (_id, member, most) => {
    for (const letter of ["x", "ж", "🙂"]) {
      const answer = await client.post(PERSONS, { [member]: letter.repeat(most) });
      expect(answer.status).toBe(201);
      expect((await personOf(answer.body.person_id))[member]).toBe(letter.repeat(most));
      const refused = await client.post(PERSONS, { [member]: letter.repeat(most + 1) });
      expect(told(refused)).toEqual([400, 12022]);
      expect(refused.body.detail).toStartWith(`Failed to validate input json. Path: '${member}'`);
    }
  });

  test("LUNA-PERS-007 a body that is not JSON is refused by its type", async () => {
    expect(told(await client.post(PERSONS, "{}", { type: "text/plain" }))).toEqual([400, 12017]);
  });

  test("LUNA-PERS-023 two persons may have one external id", async () => {
    const answers = [
      await client.post(PERSONS, { external_id: "twin" }),
      await client.post(PERSONS, { external_id: "twin" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(await idsFound({ external_id: "twin" })).toEqual(answers.map(({ body }) => body.person_id).sort());
  });
});

describe("finding persons", () => {
  test("LUNA-PERS-008 a person is shown with its six members", async () => {
    const before = Date.now();
    const id = await newPerson(client, { user_data: "u", external_id: "e" });
    const person = await personOf(id);
    expect(Object.keys(person).sort()).toEqual(
      ["create_time", "descriptors", "external_id", "id", "lists", "user_data"].sort(),
    );
    expect(person).toMatchObject({ id, user_data: "u", external_id: "e", descriptors: [], lists: [] });
    expect(person.create_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(Date.parse(person.create_time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(person.create_time)).toBeLessThanOrEqual(Date.now());
    expect((await client.get(`${PERSONS}/${id.toUpperCase()}`)).body).toEqual(person);
  });

  test("LUNA-PERS-009 an unknown person, and one of another account, is not found", async () => {
    const other = await newPerson(fresh);
    for (const id of [UNKNOWN, other]) {
      const answer = await client.get(`${PERSONS}/${id}`);
      expect(told(answer)).toEqual([404, 22007]);
      expect(answer.body.detail).toBe(`Person with id '${id}' not found.`);
    }
  });

  test("LUNA-PERS-010 user_data finds the persons whose user data holds it, letter case as it is", async () => {
    const id = await newPerson(client, { user_data: "Ada Lovelace" });
    for (const part of ["Ada Lovelace", "Love", "a L", "e"]) expect(await idsFound({ user_data: part })).toContain(id);
    for (const part of ["love", "Ada Lovelace ", "LL"]) expect(await idsFound({ user_data: part })).not.toContain(id);
  });

  test("LUNA-PERS-011 external_id finds the whole value only", async () => {
    const id = await newPerson(client, { external_id: "staff-4711" });
    expect(await idsFound({ external_id: "staff-4711" })).toEqual([id]);
    for (const part of ["staff-471", "4711", "STAFF-4711", "staff%"]) {
      expect(await idsFound({ external_id: part })).toEqual([]);
    }
  });

  test("LUNA-PERS-012 where both filters are given both must hold", async () => {
    const id = await newPerson(client, { user_data: "both-1", external_id: "both-x" });
    await newPerson(client, { user_data: "both-2", external_id: "both-y" });
    expect(await idsFound({ user_data: "both", external_id: "both-x" })).toEqual([id]);
    expect(await idsFound({ user_data: "both-2", external_id: "both-x" })).toEqual([]);
  });

  test("LUNA-PERS-013 a filter longer than the text could be is refused", async () => {
    const answer = await client.get(PERSONS, { user_data: "x".repeat(129) });
    expect(told(answer)).toEqual([400, 12012]);
    expect(answer.body.detail).toBe("Bad query parameters 'user_data'");
    expect(told(await client.get(PERSONS, { external_id: "x".repeat(37) }))).toEqual([400, 12012]);
  });

  test.each(["%", "_", "\\", "'", "*", "[", "100%_\\"])(
    "LUNA-PERS-014 user_data=%p finds only persons with it literally",
    async (mark) => {
      const id = await newPerson(client, { user_data: `mark ${mark} ${mark.length}` });
      await newPerson(client, { user_data: "mark without" });
      const found = await idsFound({ user_data: mark });
      expect(found).toContain(id);
      for (const each of found) expect((await personOf(each)).user_data).toContain(mark);
    },
  );
});

describe("changing persons", () => {
  test("LUNA-PERS-015 what is given is changed, the other text stays", async () => {
    const id = await newPerson(client, { user_data: "old", external_id: "keep" });
    const { status, bytes } = await client.patch(`${PERSONS}/${id}`, { user_data: "n" });
    expect([status, bytes.length]).toEqual([204, 0]);
    expect(await personOf(id)).toMatchObject({ user_data: "n", external_id: "keep" });
    expect((await client.patch(`${PERSONS}/${id}`, { external_id: "" })).status).toBe(204);
    expect(await personOf(id)).toMatchObject({ user_data: "n", external_id: "" });
  });

  test("LUNA-PERS-016 a change of nothing is refused", async () => {
    const id = await newPerson(client);
    expect(told(await client.patch(`${PERSONS}/${id}`, {}))).toEqual([400, 12022]);
    expect(told(await client.patch(`${PERSONS}/${id}`, { name: "x" }))).toEqual([400, 12022]);
  });

  test("LUNA-PERS-017 user data of 129 characters is refused and nothing changed", async () => {
    const id = await newPerson(client, { user_data: "old" });
    expect(told(await client.patch(`${PERSONS}/${id}`, { user_data: "x".repeat(129) }))).toEqual([400, 12022]);
    expect((await personOf(id)).user_data).toBe("old");
  });

  test("LUNA-PERS-018 an unknown person cannot be changed, nor one of another account", async () => {
    const other = await newPerson(fresh, { user_data: "theirs" });
    for (const id of [UNKNOWN, other]) {
      expect(told(await client.patch(`${PERSONS}/${id}`, { user_data: "n" }))).toEqual([404, 22007]);
    }
    expect((await fresh.get(`${PERSONS}/${other}`)).body.user_data).toBe("theirs");
  });

  test("LUNA-PERS-019 a deleted person is gone", async () => {
    const id = await newPerson(client);
    const { status, bytes } = await client.delete(`${PERSONS}/${id}`);
    expect([status, bytes.length]).toEqual([204, 0]);
    expect(told(await client.get(`${PERSONS}/${id}`))).toEqual([404, 22007]);
  });

  test("LUNA-PERS-020 an unknown person cannot be deleted, nor one of another account", async () => {
    const other = await newPerson(fresh);
    for (const id of [UNKNOWN, other]) expect(told(await client.delete(`${PERSONS}/${id}`))).toEqual([404, 22007]);
    expect((await fresh.get(`${PERSONS}/${other}`)).status).toBe(200);
  });

  test("LUNA-PERS-021 descriptors of a deleted person stay, without a person", async () => {
    const person = await newPerson(client);
    const descriptor = await newDescriptor(client);
    await client.patch(`${PERSONS}/${person}/linked_descriptors?descriptor_id=${descriptor}&do=attach`);
    await client.delete(`${PERSONS}/${person}`);
    expect((await client.get(`/4/storage/descriptors/${descriptor}`)).body).toMatchObject({ person_id: null });
  });

  test("LUNA-PERS-022 a deleted person is counted in no list", async () => {
    const list = await newList(client, "persons");
    const persons = [await newPerson(client), await newPerson(client)];
    await client.patch("/4/storage/linker", { action: "attach", list_id: list, person_ids: persons });
    const countOf = async () => (await client.get(`/4/storage/lists/${list}`)).body.count;
    expect(await countOf()).toBe(2);
    await client.delete(`${PERSONS}/${persons[0]}`);
    expect(await countOf()).toBe(1);
  });
});

describe("descriptors of persons", () => {
  const linked = (person: string) => `${PERSONS}/${person}/linked_descriptors`;
  const link = (person: string, query: Readonly<Record<string, string>>) =>
    client.call("PATCH", linked(person), { query });
  let person: string;
  let descriptor: string;

  beforeAll(async () => {
    person = await newPerson(client);
    descriptor = await newDescriptor(client);
  });

  test("LUNA-PERS-024 a person's descriptors are listed; those of an unknown one are not", async () => {
    expect((await client.get(linked(person))).body).toEqual({ descriptors: [] });
    expect(told(await client.get(linked(UNKNOWN)))).toEqual([404, 22007]);
  });

  test("LUNA-PERS-025 an attached descriptor is seen from both sides", async () => {
    const { status, bytes } = await link(person, { descriptor_id: descriptor, do: "attach" });
    expect([status, bytes.length]).toEqual([204, 0]);
    expect((await client.get(linked(person))).body).toEqual({ descriptors: [descriptor] });
    expect((await personOf(person)).descriptors).toEqual([descriptor]);
    expect((await client.get(`/4/storage/descriptors/${descriptor}`)).body.person_id).toBe(person);
  });

  test("LUNA-PERS-026 attaching it again to the same person is a conflict", async () => {
    const answer = await link(person, { descriptor_id: descriptor, do: "attach" });
    expect(told(answer)).toEqual([409, 22008]);
    expect(answer.body.detail).toBe("This descriptor is already attached to the person.");
  });

  test("LUNA-PERS-027 attaching it to another person is a conflict, and it stays where it is", async () => {
    const other = await newPerson(client);
    expect(told(await link(other, { descriptor_id: descriptor, do: "attach" }))).toEqual([409, 22008]);
    expect((await personOf(person)).descriptors).toEqual([descriptor]);
    expect((await personOf(other)).descriptors).toEqual([]);
  });

  test("LUNA-PERS-028 an unknown descriptor, and one of another account, is refused", async () => {
    const theirs = await newDescriptor(fresh);
    for (const id of [UNKNOWN, theirs]) {
      for (const action of ["attach", "detach"]) {
        const answer = await link(person, { descriptor_id: id, do: action });
        expect(told(answer)).toEqual([400, 11018]);
        expect(answer.body.detail).toBe(`Descriptor with id '${id}' not found.`);
      }
    }
  });

  test("LUNA-PERS-029 an unknown person, and one of another account, is not found", async () => {
    const theirs = await newPerson(fresh);
    for (const id of [UNKNOWN, theirs]) {
      for (const action of ["attach", "detach"]) {
        expect(told(await link(id, { descriptor_id: descriptor, do: action }))).toEqual([404, 22007]);
      }
    }
    expect(told(await link(UNKNOWN, { descriptor_id: UNKNOWN, do: "attach" }))).toEqual([404, 22007]);
  });

  test("LUNA-PERS-030 a detached descriptor has no person", async () => {
    expect((await link(person, { descriptor_id: descriptor, do: "detach" })).status).toBe(204);
    expect((await client.get(`/4/storage/descriptors/${descriptor}`)).body.person_id).toBeNull();
    expect((await client.get(linked(person))).body).toEqual({ descriptors: [] });
  });

  test("LUNA-PERS-031 detaching what is not attached to the person is refused", async () => {
    const other = await newPerson(client);
    const taken = await newDescriptor(client);
    await link(other, { descriptor_id: taken, do: "attach" });
    for (const id of [descriptor, taken]) {
      const answer = await link(person, { descriptor_id: id, do: "detach" });
      expect(told(answer)).toEqual([400, 36004]);
      expect(answer.body.detail).toBe("Face was not linked to the person.");
    }
  });

  test.each([
    ["LUNA-PERS-032", { do: "attach" }, "descriptor_id"],
    ["LUNA-PERS-033", { descriptor_id: UNKNOWN }, "do"],
  ])("%s without a parameter its name is told (%j)", async (_id, query, name) => {
    const answer = await link(person, query as unknown as Record<string, string>);
    expect(told(answer)).toEqual([400, 12014]);
    expect(answer.body.detail).toBe(`Required parameters '${name}' not found`);
  });

  test.each([
    ["LUNA-PERS-034", { descriptor_id: UNKNOWN, do: "join" }, "do"],
    ["LUNA-PERS-035", { descriptor_id: "4711", do: "attach" }, "descriptor_id"],
    ["LUNA-PERS-035", { descriptor_id: "11111111-2222-1333-8444-555555555555", do: "attach" }, "descriptor_id"],
  ])("%s a value that the parameter does not take is refused (%j)", async (_id, query, name) => {
    const answer = await link(person, query);
    expect(told(answer)).toEqual([400, 12012]);
    expect(answer.body.detail).toBe(`Bad query parameters '${name}'`);
  });
});

describe("lists of persons", () => {
  const linked = (person: string) => `${PERSONS}/${person}/linked_lists`;
  const link = (person: string, query: Readonly<Record<string, string>>) =>
    client.call("PATCH", linked(person), { query });
  let person: string;
  let list: string;

  beforeAll(async () => {
    person = await newPerson(client);
    list = await newList(client, "persons");
  });

  test("LUNA-PERS-036 a person's lists are listed; those of an unknown one are not", async () => {
    expect((await client.get(linked(person))).body).toEqual({ lists: [] });
    expect(told(await client.get(linked(UNKNOWN)))).toEqual([404, 22007]);
  });

  test("LUNA-PERS-037 a person attached to a list is seen from both sides", async () => {
    expect((await link(person, { list_id: list, do: "attach" })).status).toBe(204);
    expect((await client.get(linked(person))).body).toEqual({ lists: [list] });
    expect((await personOf(person)).lists).toEqual([list]);
    expect((await client.get(`/4/storage/lists/${list}`)).body).toMatchObject({ count: 1, persons: [{ id: person }] });
  });

  test("LUNA-PERS-038 a list of descriptors is refused", async () => {
    const other = await newList(client, "descriptors");
    for (const action of ["attach", "detach"]) {
      const answer = await link(person, { list_id: other, do: action });
      expect(told(answer)).toEqual([400, 36001]);
      expect(answer.body.detail).toBe(`Expected list of persons. Got list of descriptors. List id '${other}'`);
    }
  });

  test("LUNA-PERS-039 an unknown list, and one of another account, is refused", async () => {
    const theirs = await newList(fresh, "persons");
    for (const id of [UNKNOWN, theirs]) {
      const answer = await link(person, { list_id: id, do: "attach" });
      expect(told(answer)).toEqual([400, 22003]);
      expect(answer.body.detail).toBe(`List with id '${id}' not found`);
    }
  });

  test("LUNA-PERS-040 without a parameter, or with a bad one, its name is told", async () => {
    const missing = await link(person, { do: "attach" });
    expect(told(missing)).toEqual([400, 12014]);
    expect(missing.body.detail).toBe("Required parameters 'list_id' not found");
    expect(told(await link(person, { list_id: list }))).toEqual([400, 12014]);
    expect(told(await link(person, { list_id: "x", do: "attach" }))).toEqual([400, 12012]);
    expect(told(await link(person, { list_id: list, do: "x" }))).toEqual([400, 12012]);
  });

  test("LUNA-PERS-041 attaching twice is one membership", async () => {
    expect((await link(person, { list_id: list, do: "attach" })).status).toBe(204);
    expect((await link(person, { list_id: list, do: "attach" })).status).toBe(204);
    expect((await client.get(`/4/storage/lists/${list}`)).body.count).toBe(1);
  });

  test("LUNA-PERS-042 detaching works, and again changes nothing", async () => {
    expect((await link(person, { list_id: list, do: "detach" })).status).toBe(204);
    expect((await link(person, { list_id: list, do: "detach" })).status).toBe(204);
    expect((await client.get(`/4/storage/lists/${list}`)).body.count).toBe(0);
  });

  test("LUNA-PERS-043 an unknown person is not found, whatever the list is", async () => {
    const theirs = await newPerson(fresh);
    for (const id of [UNKNOWN, theirs]) {
      for (const each of [list, UNKNOWN, await newList(client, "descriptors")]) {
        expect(told(await link(id, { list_id: each, do: "attach" }))).toEqual([404, 22007]);
      }
    }
  });
});
