/** Search: pictures and descriptors, matched as they come in. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { parse, stringify } from "yaml";
import { PROJECT_ROOT } from "../../support/cli.ts";
import { MODELS_CACHE } from "../../support/engine.ts";
import type { LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { oneFace, otherFace, sameFace, twoFaces } from "../../support/luna/faces.ts";
import { COSINE, PEOPLE_MODELS, pictureOf, warpOf } from "../../support/luna/scripted-people.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { Gallery, near, payload, SDK, sdk, similarityAt, VERSION, XPK, xpk } from "../../support/luna/vectors.ts";

const SEARCH = "/4/matching/search";
const JPEG = "image/jpeg";
const UNKNOWN = "0b6f2b4c-7a2d-4f39-9b8e-1f0f6b9f3f11";

type Query = Readonly<Record<string, string | number>>;
function expectError({ status, body }: LunaAnswer, code: number, as: { status?: number; detail?: unknown } = {}): void {
  expect({ status, code: body.error_code }).toEqual({ status: as.status ?? 400, code });
  if (as.detail !== undefined) expect(body.detail).toEqual(as.detail);
}

describe("with scripted models", () => {
  let server: LunaServer;
  let client: LunaClient;
  let gallery: Gallery;
  /** Ada and Bob. */
  let people: { readonly id: string; readonly descriptors: readonly string[] }[];
  let persons: string;
  beforeAll(async () => {
    server = await startLuna({ shipped: ["luna-extract", "luna-warp"], models: PEOPLE_MODELS });
    const account = await server.newAccount();
    client = account.client;
    gallery = new Gallery(account);
    persons = await gallery.list("persons", [], "staff");
    people = [
      await gallery.person("Ada", [near(COSINE.adaAgain, 1)], [persons]),
      await gallery.person("Bob", [near(COSINE.bob, 2)], [persons]),
    ];
  });
  afterAll(() => server.stop());

  const search = (body: Uint8Array | string, query: Query, type = JPEG) => client.post(SEARCH, body, { type, query });
  const ada = () => ({
    person_id: people[0]!.id,
    descriptor_id: people[0]!.descriptors[0]!,
    user_data: "Ada",
    external_id: "ext Ada",
    similarity: expect.closeTo(similarityAt(COSINE.adaAgain), 6),
  });
  const bob = () => ({
    person_id: people[1]!.id,
    descriptor_id: people[1]!.descriptors[0]!,
    user_data: "Bob",
    external_id: "ext Bob",
    similarity: expect.closeTo(similarityAt(COSINE.bob), 6),
  });

  test("LUNA-MATCH-042 in a list of persons it answers persons, and the face", async () => {
    const { status, body } = await search(await pictureOf("ada"), { list_id: persons });
    expect(status).toBe(201);
    expect(Object.keys(body).sort()).toEqual(["candidates", "face"]);
    expect(body.candidates).toEqual([ada(), bob()]);
    expect(Object.keys(body.face).sort()).toEqual(["id", "rect", "rectISO", "score"]);
  });

  test("LUNA-MATCH-043 in a list of descriptors it answers ids and similarities", async () => {
    const ids = people.map(({ descriptors }) => descriptors[0]!);
    const { status, body } = await search(await pictureOf("ada"), { list_id: await gallery.list("descriptors", ids) });
    expect(status).toBe(201);
    expect(body.candidates).toEqual([
      { id: ids[0], similarity: ada().similarity },
      { id: ids[1], similarity: bob().similarity },
    ]);
  });

  test("LUNA-MATCH-044 among person_ids it answers persons", async () => {
    const { body } = await search(await pictureOf("ada"), { person_ids: people[1]!.id });
    expect(body.candidates).toEqual([bob()]);
  });

  test("LUNA-MATCH-045 among descriptor_ids it answers descriptors", async () => {
    const [id] = people[0]!.descriptors;
    const { body } = await search(await pictureOf("ada"), { descriptor_ids: id! });
    expect(body.candidates).toEqual([{ id, similarity: ada().similarity }]);
  });

  test("LUNA-MATCH-046 list_id goes before person_ids, and these before descriptor_ids", async () => {
    const ids = { person_ids: people[1]!.id, descriptor_ids: people[0]!.descriptors[0]! };
    const list = await search(await pictureOf("ada"), { ...ids, list_id: persons, limit: 1 });
    expect(list.body.candidates).toEqual([ada()]);
    expect((await search(await pictureOf("ada"), ids)).body.candidates).toEqual([bob()]);
  });

  test("LUNA-MATCH-047 the face is stored: its id is there afterwards, with its portrait", async () => {
    const { body } = await search(await pictureOf("ada"), { list_id: persons });
    const { status, body: stored } = await client.get(`/4/storage/descriptors/${body.face.id}`);
    expect(status).toBe(200);
    expect(stored).toMatchObject({ id: body.face.id, person_id: null, lists: [] });
    expect((await client.get(`/4/storage/portraits/${body.face.id}`)).status).toBe(200);
    const query = { descriptor_id: body.face.id, person_id: people[0]!.id };
    expect((await client.call("POST", "/4/matching/verify", { query })).body.candidates).toEqual([ada()]);
  });

  test("LUNA-MATCH-048 LUNA-MATCH-049 several faces are 11012 with all of them, stored, and nobody is told", async () => {
    const sources: string[] = [];
    const told = Promise.withResolvers<void>();
    const socket = client.webSocket("/4/ws");
    socket.addEventListener("message", ({ data }) => {
      sources.push(JSON.parse(String(data)).source);
      told.resolve();
    });
    await new Promise((opened) => socket.addEventListener("open", opened));
    const before = await gallery.count();
    const answer = await search(await pictureOf("two"), { list_id: persons, estimate_attributes: 1 });
    expectError(answer, 11012);
    expect(answer.body.desc).toBe("Extract policy error");
    const { faces } = answer.body.detail;
    expect(faces.map((face: object) => Object.keys(face).sort())).toEqual([
      ["id", "rect", "rectISO", "score"],
      ["id", "rect", "rectISO", "score"],
    ]);
    expect(await gallery.count()).toBe(before + 2);
    for (const { id } of faces) expect((await client.get(`/4/storage/descriptors/${id}`)).status).toBe(200);
    // The ids can be matched at once; that is the first that is told.
    const query = { descriptor_id: faces[0].id, list_id: persons };
    expect((await client.call("POST", "/4/matching/identify", { query })).status).toBe(201);
    await told.promise;
    expect(sources).toEqual(["identify"]);
    socket.close();
  });

  test("LUNA-MATCH-050 where a threshold leaves one of two faces that one is searched for", async () => {
    const { status, body } = await search(await pictureOf("two"), { list_id: persons, score_threshold: 0.8 });
    expect(status).toBe(201);
    expect(body.face.score).toBeCloseTo(0.9, 5);
  });

  test("LUNA-MATCH-051 without a face it is 4003 with status 500", async () => {
    const detail = "No faces found.";
    expectError(await search(await pictureOf("none"), { list_id: persons }), 4003, { status: 500, detail });
  });

  test("LUNA-MATCH-052 where thresholds leave no face it is 36003", async () => {
    const query = { list_id: persons, score_threshold: 0.99 };
    expectError(await search(await pictureOf("ada"), query), 36003, { detail: "No faces found." });
  });

  test("LUNA-MATCH-053 extract_descriptor=0 is 36012, =1 passes", async () => {
    const detail = "Unsupported param 'extract_descriptor'";
    expectError(await search(await pictureOf("ada"), { list_id: persons, extract_descriptor: 0 }), 36012, { detail });
    expect((await search(await pictureOf("ada"), { list_id: persons, extract_descriptor: 1 })).status).toBe(201);
  });

  test("LUNA-MATCH-054 without candidates it is 12016 and names all three", async () => {
    const detail = "No one parameters '[list_id, person_ids, descriptor_ids]' not found";
    expectError(await search(await pictureOf("ada"), {}), 12016, { detail });
  });

  test("LUNA-MATCH-055 LUNA-MATCH-056 unknown candidates are 22003 or 11020, and nothing is stored", async () => {
    const before = await gallery.count();
    for (const [query, code, detail] of [
      [{ list_id: UNKNOWN }, 22003, `List with id '${UNKNOWN}' not found`],
      [{ person_ids: `${people[0]!.id},${UNKNOWN}` }, 11020, "One or more person not found"],
      [{ descriptor_ids: UNKNOWN }, 11020, "One or more descriptor not found"],
    ] as const) {
      expectError(await search(await pictureOf("ada"), query), code, { detail });
      expectError(await search(await pictureOf("two"), query), code, { detail });
    }
    expect(await gallery.count()).toBe(before);
  });

  test("LUNA-MATCH-057 estimates are those of stored pictures, shown where they are asked for", async () => {
    const flags = { estimate_attributes: 1, estimate_emotions: 1, estimate_head_pose: 1, estimate_quality: 1 };
    const searched = await search(await pictureOf("ada"), { list_id: persons, ...flags });
    const type = { type: JPEG, query: flags };
    const stored = await client.post("/4/storage/descriptors", await pictureOf("ada"), type);
    const { id: _, ...face } = searched.body.face;
    const { id: __, ...expected } = stored.body.faces[0];
    expect(face).toEqual(expected);
    expect(Object.keys(face.attributes).sort()).toEqual(["age", "emotions", "gender", "head_pose"]);
    expect(Object.keys(face.quality)).not.toBeEmpty();
  });

  test("LUNA-MATCH-058 extract_exif=1 adds exif, empty where the picture has none", async () => {
    const plain = await search(await pictureOf("ada"), { list_id: persons, extract_exif: 1 });
    expect([plain.status, plain.body.exif]).toEqual([201, {}]);
    const taken = sharp(await pictureOf("ada")).withExif({ IFD0: { Make: "Example", Model: "Camera" } });
    const bytes = new Uint8Array(await taken.jpeg().toBuffer());
    const { body } = await search(bytes, { list_id: persons, extract_exif: 1 });
    expect(body.exif).toMatchObject({ make: "Example", model: "Camera" });
    expect((await search(bytes, { list_id: persons })).body.exif).toBeUndefined();
  });

  test("LUNA-MATCH-059 descriptors and containers are matched as they are, the face has an id only", async () => {
    for (const [body, type] of [
      [sdk(near(1)), SDK],
      [xpk(near(1)), XPK],
      [Buffer.from(sdk(near(1))).toString("base64"), `${SDK}-base64`],
    ] as const) {
      const answer = await search(body, { list_id: persons }, type);
      expect(answer.status).toBe(201);
      expect(answer.body.candidates).toEqual([ada(), bob()]);
      expect(Object.keys(answer.body.face)).toEqual(["id"]);
      expect((await client.get(`/4/storage/descriptors/${answer.body.face.id}`)).status).toBe(200);
    }
  });

  test("LUNA-MATCH-060 bodies that cannot be read are refused as they are where pictures are stored", async () => {
    const query = { list_id: persons };
    const before = await gallery.count();
    expectError(await search("%%%", query, "image/x-jpeg-base64"), 18001, { status: 500 });
    expectError(await search(crypto.getRandomValues(new Uint8Array(4096)), query), 100033);
    expectError(await search(xpk(near(1)).subarray(2), query, XPK), 12035);
    expectError(await search(sdk(near(1)).subarray(0, 7), query, SDK), 12038);
    expectError(await search(sdk(near(1), 42), query, SDK), 34001, {
      detail: "Descriptor version 42 is not supported",
    });
    expectError(await search("text", query, "text/plain"), 12017, { detail: "Bad content type" });
    expect(await gallery.count()).toBe(before);
  });

  test("limits are those of matching", async () => {
    for (const limit of ["0", "6", "x"]) {
      const detail = "Bad query parameters 'limit'";
      expectError(await search(await pictureOf("ada"), { list_id: persons, limit }), 12012, { detail });
    }
    expect((await search(await pictureOf("ada"), { list_id: persons, limit: 1 })).body.candidates).toEqual([ada()]);
  });

  test("an empty list answers no candidates, and the face", async () => {
    const { status, body } = await search(await pictureOf("ada"), { list_id: await gallery.list("persons") });
    expect([status, body.candidates, typeof body.face.id]).toEqual([201, [], "string"]);
  });

  test("a warp is searched for without detection, with id and score", async () => {
    const { status, body } = await search(await warpOf("ada"), { list_id: persons, warped_image: 1 }, "image/png");
    expect(status).toBe(201);
    expect(Object.keys(body.face).sort()).toEqual(["id", "score"]);
  });

  test("events tell what was searched for, among what, and the answer", async () => {
    type Event = { source: string; template?: unknown; candidate?: unknown; result?: unknown };
    const events: Event[] = [];
    const all = Promise.withResolvers<void>();
    const socket = client.webSocket("/4/ws");
    socket.addEventListener("message", ({ data }) => {
      events.push(JSON.parse(String(data)));
      if (events.length === 5) all.resolve();
    });
    await new Promise((opened) => socket.addEventListener("open", opened));
    const [person, descriptor] = [people[0]!.id, people[0]!.descriptors[0]!];
    const picture = await pictureOf("ada");
    const list = { list_id: persons, list_data: "staff", list_type: 1 };
    const byList = (await search(picture, { list_id: persons })).body;
    const byIds = (await search(picture, { descriptor_ids: descriptor })).body;
    const calls = {
      verify: { descriptor_id: descriptor, person_id: person },
      identify: { person_id: person, person_ids: people.map(({ id }) => id).join(",") },
      match: { descriptor_id: descriptor, list_id: await gallery.list("descriptors", [], "none") },
    };
    const results: unknown[] = [];
    for (const [operation, query] of Object.entries(calls)) {
      results.push((await client.call("POST", `/4/matching/${operation}`, { query })).body);
    }
    await all.promise;
    socket.close();
    expect(events.map(({ source, template, candidate, result }) => ({ source, template, candidate, result }))).toEqual([
      { source: "search", template: { descriptor_id: byList.face.id }, candidate: list, result: byList },
      {
        source: "search",
        template: { descriptor_id: byIds.face.id },
        candidate: { descriptor_ids: [descriptor] },
        result: byIds,
      },
      {
        source: "verify",
        template: { descriptor_id: descriptor },
        candidate: { person_id: person },
        result: results[0],
      },
      {
        source: "identify",
        template: { person_id: person },
        candidate: { person_ids: people.map(({ id }) => id) },
        result: results[1],
      },
      {
        source: "match",
        template: { descriptor_id: descriptor },
        candidate: { list_id: calls.match.list_id, list_data: "none", list_type: 0 },
        result: { candidates: [] },
      },
    ]);
  });
});

describe("with a second descriptor model", () => {
  const OTHER = 1002;
  let folder: string;
  let server: LunaServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "facewire-models-"));
    await cp(join(PROJECT_ROOT, "models"), folder, { recursive: true });
    const card = parse(await Bun.file(join(folder, "mobileface-512.yaml")).text());
    const other = { ...card, name: "other-512", aliases: [], sdk_version: OTHER };
    await Bun.write(join(folder, "other-512.yaml"), stringify(other));
    server = await startLuna({ shipped: false, settings: { models_dir: folder } });
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  test("LUNA-MATCH-041 a descriptor of another model's version is no candidate", async () => {
    const account = await server.newAccount();
    const gallery = new Gallery(account);
    const own = await gallery.descriptor(near(0.5));
    const foreign = await gallery.descriptor(near(1), OTHER);
    const reference = await gallery.descriptor(near(1));
    const match = async (query: Query) =>
      (await account.client.call("POST", "/4/matching/match", { query })).body.candidates.map(
        ({ id }: { id: string }) => id,
      );
    const ids = { descriptor_ids: `${own},${foreign}` };
    expect(await match({ descriptor_id: reference, ...ids })).toEqual([own]);
    expect(await match({ descriptor_id: foreign, ...ids })).toEqual([foreign]);
    const list = await gallery.list("descriptors", [own, foreign]);
    expect(await match({ descriptor_id: reference, list_id: list })).toEqual([own]);
    // A person is only as alike as its comparable descriptors are.
    const person = await gallery.person("both", [near(0.6)]);
    await gallery.attach(person.id, foreign);
    const query = { descriptor_id: reference, person_id: person.id };
    const { body } = await account.client.call("POST", "/4/matching/verify", { query });
    expect(body.candidates).toEqual([expect.objectContaining({ descriptor_id: person.descriptors[0]! })]);
  });

  test("a raw comparison leaves out what another model made, and tells when nothing is left", async () => {
    const { client } = await server.newAccount();
    const element = (id: string, version: number) => ({
      id,
      type: "raw_descriptor",
      data: { descriptor: Buffer.from(payload(near(1))).toString("base64"), version },
    });
    const post = (candidates: unknown) =>
      client.post("/4/handlers/verify/raw", { references: [element("r", VERSION)], candidates });
    const { body } = await post([element("own", VERSION), element("other", OTHER)]);
    expect(body.matches[0].matches.map((match: { candidate_id: string }) => match.candidate_id)).toEqual(["own"]);
    expectError(await post([element("other", OTHER)]), 31001);
  });
});

describe("with the real models", () => {
  let server: LunaServer;
  let client: LunaClient;
  let gallery: Gallery;
  let token: string;
  beforeAll(async () => {
    server = await startLuna({ shipped: ["luna-extract", "luna-warp"], settings: { models_cache: MODELS_CACHE } });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const account = await server.newAccount();
    ({ client, token } = account);
    gallery = new Gallery(account);
  });
  const store = async (picture: Uint8Array): Promise<string> =>
    (await client.post("/4/storage/descriptors", picture, { type: JPEG })).body.faces[0].id;

  test("LUNA-MATCH-038 similarity of a picture with itself is 1", async () => {
    const picture = await oneFace();
    const id = await store(picture);
    const { body } = await client.post(SEARCH, picture, { type: JPEG, query: { descriptor_ids: id } });
    expect(body.candidates).toEqual([{ id, similarity: expect.closeTo(1, 6) }]);
    expect(body.candidates[0].similarity).toBeLessThanOrEqual(1);
  });

  test("LUNA-MATCH-039 a pair is as alike through verify, identify, match, search and raw", async () => {
    const [picture, again] = [await oneFace(), await sameFace()];
    const [a, b] = [await store(picture), await store(again)];
    const { id: person } = await gallery.person("same");
    await gallery.attach(person, b);
    const ask = async (operation: string, query: Query): Promise<number> =>
      (await client.call("POST", `/4/matching/${operation}`, { query })).body.candidates[0].similarity;
    const search = await client.post(SEARCH, picture, { type: JPEG, query: { person_ids: person } });
    const exported = async (id: string) => {
      // The description knows no descriptors in answers: asked beside it.
      const headers = { "x-auth-token": token, accept: SDK };
      const bytes = await (await fetch(`${server.url}/4/storage/descriptors/${id}`, { headers })).bytes();
      return { id, type: "sdk_descriptor", data: Buffer.from(bytes).toString("base64") };
    };
    const [first, second] = [await exported(a), await exported(b)];
    const raw = await client.post("/4/handlers/verify/raw", { references: [first], candidates: [second] });
    const handler = await client.post("/4/handlers/verify", picture, { type: JPEG, query: { person_id: person } });
    const found = [
      await ask("verify", { descriptor_id: a, person_id: person }),
      await ask("identify", { descriptor_id: a, person_ids: person }),
      await ask("identify", { person_id: person, list_id: await gallery.list("persons", [person]) }),
      await ask("match", { descriptor_id: a, descriptor_ids: b }),
      await ask("match", { descriptor_id: b, descriptor_ids: a }),
      search.body.candidates[0].similarity as number,
      handler.body.candidates[0].similarity as number,
      raw.body.matches[0].matches[0].similarity as number,
    ];
    // The third asks a person about itself.
    expect(found[2]).toBeCloseTo(1, 6);
    for (const similarity of found.filter((_, i) => i !== 2)) expect(similarity).toBeCloseTo(found[0]!, 6);
    expect(found[0]).toBeGreaterThan(0.9);
  });

  test("somebody is found by another picture of the same person, somebody else is not alike", async () => {
    const list = await gallery.list("persons");
    for (const [name, picture] of [
      ["first", await oneFace()],
      ["second", await otherFace()],
    ] as const) {
      const { id } = await gallery.person(name, [], [list]);
      await gallery.attach(id, await store(picture));
    }
    const { body } = await client.post(SEARCH, await sameFace(), { type: JPEG, query: { list_id: list } });
    expect(body.candidates.map(({ user_data }: { user_data: string }) => user_data)).toEqual(["first", "second"]);
    expect(body.candidates[0].similarity).toBeGreaterThan(0.9);
    expect(body.candidates[1].similarity).toBeLessThan(0.5);
  });

  test("two people on a picture are told both", async () => {
    const query = { list_id: await gallery.list("persons") };
    const answer = await client.post(SEARCH, await twoFaces(), { type: JPEG, query });
    expectError(answer, 11012);
    expect(answer.body.detail.faces).toHaveLength(2);
  });
});
