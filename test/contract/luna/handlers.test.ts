/** The three handlers: their policies, and what they make of pictures. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { testPicture } from "../../../src/testing/index.ts";
import type { LunaAccount, LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { COSINE, PEOPLE_MODELS, pictureOf, warpOf } from "../../support/luna/scripted-people.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { Gallery, near, SDK, sdk, similarityAt, XPK, xpk } from "../../support/luna/vectors.ts";

const TYPES = ["extractor", "identify", "verify"] as const;
type Type = (typeof TYPES)[number];
const JPEG = { type: "image/jpeg" };
const UNKNOWN = "0b6f2b4c-7a2d-4f39-9b8e-1f0f6b9f3f11";
const PICTURE_POLICIES = {
  estimate_attributes: 0,
  estimate_emotions: 0,
  estimate_ethnicities: 0,
  estimate_quality: 0,
  estimate_head_pose: 0,
  extract_exif: 0,
  yaw_threshold: 180,
  pitch_threshold: 180,
  roll_threshold: 180,
  score_threshold: 0.5,
};
/** Everything but the list. */
const DEFAULTS = {
  extractor: PICTURE_POLICIES,
  identify: { ...PICTURE_POLICIES, limit: 3, identify_threshold: 0.9 },
  verify: { ...PICTURE_POLICIES, verify_threshold: 0.9 },
};

let server: LunaServer;
let account: LunaAccount;
let client: LunaClient;
let gallery: Gallery;
beforeAll(async () => {
  server = await startLuna({ models: PEOPLE_MODELS });
});
afterAll(() => server.stop());
beforeEach(async () => {
  account = await server.newAccount();
  client = account.client;
  gallery = new Gallery(account);
});

const get = async (type: Type) => (await client.get(`/4/handlers/${type}`)).body;
const patch = (type: Type, policies: unknown) => client.patch(`/4/handlers/${type}`, policies);
/** Verify needs to be told who; anybody will do where nothing depends on it. */
async function send(type: Type, body: unknown, request: { type?: string; query?: Record<string, string> } = JPEG) {
  const who: Record<string, string> = type === "verify" ? { person_id: (await gallery.person("somebody")).id } : {};
  return client.post(`/4/handlers/${type}`, body, { ...request, query: { ...who, ...request.query } });
}

function expectError({ status, body }: LunaAnswer, code: number, as: { status?: number; detail?: unknown } = {}): void {
  expect({ status, code: body.error_code }).toEqual({ status: as.status ?? 400, code });
  if (as.detail !== undefined) expect(body.detail).toEqual(as.detail);
}

/** Ids of the three handlers are alike: 1 to 20, 21 to 40, 41 to 60. */
const rows = (first: number) => TYPES.map((type, i) => [String(first + 20 * i).padStart(3, "0"), type] as const);

describe("policies", () => {
  test.each(rows(1))("LUNA-HAND-%s GET %s tells the handler, its times and its version", async (_, type) => {
    const { status, body } = await client.get(`/4/handlers/${type}`);
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(
      ["create_time", "handler_id", "last_update_time", "policies", "type", "version"].sort(),
    );
    expect(body).toMatchObject({ type, version: 1 });
    expect(body.handler_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.create_time).toMatch(/Z$/);
    expect(Math.abs(Date.parse(body.create_time) - Date.now())).toBeLessThan(60_000);
    expect(await get(type)).toEqual(body);
  });

  test.each(rows(2))("LUNA-HAND-%s GET %s of a new account has all policies", async (_, type) => {
    const { list_id, ...others } = (await get(type)).policies;
    expect(others).toEqual(DEFAULTS[type]);
    if (type === "verify") expect(list_id).toBeUndefined();
    else expect(list_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(rows(3))("LUNA-HAND-%s PATCH %s changes one policy and raises the version by one", async (_, type) => {
    const before = await get(type);
    const { status, body } = await patch(type, { score_threshold: 0.25 });
    expect({ status, body }).toEqual({ status: 200, body: { version: before.version + 1 } });
    const after = await get(type);
    expect(after).toMatchObject({ version: before.version + 1 });
    expect(after.policies).toEqual({ ...before.policies, score_threshold: 0.25 });
  });

  const badBodies: [number, string, unknown][] = [
    [4, "nothing", {}],
    [5, "an unknown policy", { foo: 1 }],
    [6, "score_threshold 2", { score_threshold: 2 }],
    [7, "yaw_threshold 181", { yaw_threshold: 181 }],
    [8, "estimate_quality 2", { estimate_quality: 2 }],
  ];
  test.each(
    badBodies.flatMap(([first, what, body]) => rows(first).map(([id, type]) => [id, type, what, body] as const)),
  )("LUNA-HAND-%s PATCH %s with %s is 12022 and changes nothing", async (_, type, _what, body) => {
    const before = await get(type);
    const answer = await patch(type, body);
    expectError(answer, 12022);
    expect(answer.body.detail).toStartWith("Failed to validate input json. Path:");
    expect(await get(type)).toEqual(before);
  });

  test.each(TYPES)(
    "PATCH %s takes no half degrees, no texts for numbers, no policies of other handlers",
    async (type) => {
      const other = type === "verify" ? { limit: 2 } : { verify_threshold: 0.5 };
      for (const body of [{ yaw_threshold: 1.5 }, { score_threshold: "0.5" }, { extract_exif: true }, other, []]) {
        expectError(await patch(type, body), 12022);
      }
    },
  );

  test.each(rows(9))("LUNA-HAND-%s PATCH %s as text is 12017", async (_, type) => {
    const answer = await client.patch(`/4/handlers/${type}`, '{"score_threshold":0.1}', { type: "text/plain" });
    expectError(answer, 12017, { detail: "Bad content type" });
  });

  test.each(rows(10))("LUNA-HAND-%s PATCH %s raises last_update_time and keeps create_time and id", async (_, type) => {
    const before = await get(type);
    while (Date.now() <= Date.parse(before.last_update_time)) await Bun.sleep(1);
    await patch(type, { estimate_emotions: 1 });
    const after = await get(type);
    expect(Date.parse(after.last_update_time)).toBeGreaterThan(Date.parse(before.last_update_time));
    expect([after.create_time, after.handler_id]).toEqual([before.create_time, before.handler_id]);
  });

  test.each([
    ["063", "extractor"],
    ["064", "identify"],
  ] as const)("LUNA-HAND-%s PATCH %s with an unknown list is 22003", async (_, type) => {
    const before = await get(type);
    const detail = `List with id '${UNKNOWN}' not found`;
    expectError(await patch(type, { list_id: UNKNOWN, score_threshold: 0.1 }), 22003, { detail });
    expect(await get(type)).toEqual(before);
  });

  test("LUNA-HAND-068 PATCH identify takes limits from 1 to 5", async () => {
    for (const limit of [0, 6, 2.5]) expectError(await patch("identify", { limit }), 12022);
    for (const limit of [1, 5]) expect((await patch("identify", { limit })).status).toBe(200);
  });

  test("a list of descriptors is for identify, not for extractor", async () => {
    const list = await gallery.list("descriptors");
    expect((await patch("identify", { list_id: list.toUpperCase() })).status).toBe(200);
    expect((await get("identify")).policies.list_id).toBe(list);
    const detail = `Expected list of persons. Got list of descriptors. List id '${list}'`;
    expectError(await patch("extractor", { list_id: list }), 36001, { detail });
  });

  test("the list of the handlers is one list of persons, made when it is first needed", async () => {
    const lists = async () => (await client.get("/4/storage/lists")).body.lists.person_lists;
    expect(await lists()).toEqual([]);
    await get("verify");
    expect(await lists()).toEqual([]);
    const asked = await Promise.all([get("identify"), get("extractor"), get("identify"), get("extractor")]);
    const ids = new Set(asked.map(({ policies }) => policies.list_id));
    expect((await lists()).map(({ id }: { id: string }) => id)).toEqual([...ids]);
    expect(ids.size).toBe(1);
  });

  test("changes of different policies at once are all kept, each with a version", async () => {
    const changes = [{ limit: 5 }, { identify_threshold: 0.3 }, { score_threshold: 0.1 }, { estimate_quality: 1 }];
    const answers = await Promise.all(changes.map((change) => patch("identify", change)));
    expect(answers.map(({ body }) => body.version).sort()).toEqual([2, 3, 4, 5]);
    expect((await get("identify")).policies).toMatchObject(Object.assign({}, ...changes));
  });

  test("thresholds of new handlers are those of the settings", async () => {
    await using other = await startLuna({
      shipped: false,
      settings: { luna: { identify_threshold: 0.6, verify_threshold: 0.7 } },
    });
    const { client: asking } = await other.newAccount();
    expect((await asking.get("/4/handlers/identify")).body.policies.identify_threshold).toBe(0.6);
    expect((await asking.get("/4/handlers/verify")).body.policies.verify_threshold).toBe(0.7);
  });
});

describe("pictures", () => {
  test.each(rows(11))("LUNA-HAND-%s POST %s without a face is 4003 with status 500", async (_, type) => {
    expectError(await send(type, await pictureOf("none")), 4003, { status: 500, detail: "No faces found." });
    expect(await gallery.count()).toBe(0);
  });

  test.each(rows(12))("LUNA-HAND-%s POST %s of two faces takes the one with the best score", async (_, type) => {
    const { status, body } = await send(type, await pictureOf("two"));
    expect(status).toBe(201);
    expect(body.face).toMatchObject({
      score: expect.closeTo(0.9, 5),
      rect: { x: 380, y: 120, width: 150, height: 180 },
    });
    // The other one is not kept.
    expect(await gallery.count()).toBe(1);
  });

  test.each(rows(13))("LUNA-HAND-%s POST %s below score_threshold is 36003", async (_, type) => {
    await patch(type, { score_threshold: 0.8 });
    expectError(await send(type, await pictureOf("faint")), 36003, { detail: "No faces found." });
    await patch(type, { score_threshold: 0.75 });
    expect((await send(type, await pictureOf("faint"))).status).toBe(201);
  });

  test.each(rows(14))("LUNA-HAND-%s POST %s of broken base64 is 18001 with status 500", async (_, type) => {
    const answer = await send(type, "not base64!", { type: "image/x-jpeg-base64" });
    expectError(answer, 18001, { status: 500, detail: "Failed convert data from base64 to bytes" });
  });

  test.each(rows(15))("LUNA-HAND-%s POST %s of no picture is 100033, of no picture's type 12017", async (_, type) => {
    expectError(await send(type, Buffer.from("these are no pixels at all")), 100033);
    expectError(await send(type, await pictureOf("ada"), { type: "text/plain" }), 12017, {
      detail: "Bad content type",
    });
  });

  test.each(rows(16))("LUNA-HAND-%s POST %s of a warp wants 250 x 250 and answers id and score", async (_, type) => {
    const query = { warped_image: "1" };
    const detail = "Bad image size for face warped image";
    expectError(await send(type, await pictureOf("ada"), { ...JPEG, query }), 11043, { detail });
    const { status, body } = await send(type, await warpOf("ada"), { type: "image/png", query });
    expect(status).toBe(201);
    expect(Object.keys(body.face).sort()).toEqual(["id", "score"]);
  });

  test.each(rows(17))("LUNA-HAND-%s POST %s takes descriptors, and refuses broken ones", async (_, type) => {
    for (const [sent, as] of [
      [sdk(near(1)), SDK],
      [xpk(near(1)), XPK],
    ] as const) {
      const { status, body } = await send(type, sent, { type: as });
      expect(status).toBe(201);
      expect(Object.keys(body.face)).toEqual(["id"]);
      expect((await client.get(`/4/storage/descriptors/${body.face.id}`)).status).toBe(200);
    }
    expectError(await send(type, sdk(near(1)).subarray(0, 100), { type: SDK }), 12038);
    expectError(await send(type, xpk(near(1)).subarray(1), { type: XPK }), 12035, {
      detail: "Failed to parse xpk file",
    });
    const detail = "Descriptor version 42 is not supported";
    expectError(await send(type, sdk(near(1), 42), { type: SDK }), 34001, { detail });
  });

  test.each(rows(18))("LUNA-HAND-%s POST %s with a flag that is none is 12012", async (_, type) => {
    for (const name of ["warped_image", "no_cache"]) {
      const answer = await send(type, await pictureOf("ada"), { ...JPEG, query: { [name]: "7" } });
      expectError(answer, 12012, { detail: `Bad query parameters '${name}'` });
    }
  });

  test.each(rows(19))("LUNA-HAND-%s POST %s answers what the policies ask for", async (_, type) => {
    const picture = await testPicture({ mark: "ada", format: "jpeg", faces: [{ box: [240, 140, 160, 190] }] });
    const plain = (await send(type, picture)).body;
    expect([plain.exif, plain.face.attributes, plain.face.quality]).toEqual([undefined, undefined, undefined]);
    const estimates = { estimate_attributes: 1, estimate_emotions: 1, estimate_quality: 1, estimate_head_pose: 1 };
    await patch(type, { extract_exif: 1, ...estimates });
    const { status, body } = await send(type, picture);
    expect(status).toBe(201);
    expect(body.exif).toEqual({});
    expect(Object.keys(body.face.attributes)).toEqual(
      expect.arrayContaining(["age", "gender", "emotions", "head_pose"]),
    );
    expect(Object.keys(body.face.quality).sort()).toEqual(["blurriness", "dark", "light", "saturation"]);
  });

  test.each(rows(20))("LUNA-HAND-%s with handlers off POST %s is 11071, as GET and PATCH are", async (_, type) => {
    await using off = await startLuna({ shipped: false, settings: { luna: { handlers: false } } });
    const detail = "Luna Handlers service is disabled";
    const path = `/4/handlers/${type}`;
    expectError(await off.post(path, await pictureOf("ada"), JPEG), 11071, { status: 403, detail });
    expectError(await off.get(path), 11071, { status: 403, detail });
    expectError(await off.patch(path, { score_threshold: 1 }), 11071, { status: 403, detail });
  });
});

describe("extractor", () => {
  test("LUNA-HAND-061 POST makes a person with the descriptor, on the handler's list", async () => {
    const { status, body } = await send("extractor", await pictureOf("ada"));
    expect(status).toBe(201);
    expect(Object.keys(body).sort()).toEqual(["face", "person_id"]);
    expect(Object.keys(body.face).sort()).toEqual(["id", "rect", "rectISO", "score"]);
    const { list_id } = (await get("extractor")).policies;
    const person = (await client.get(`/4/storage/persons/${body.person_id}`)).body;
    expect(person).toMatchObject({ descriptors: [body.face.id], lists: [list_id], user_data: "", external_id: "" });
    expect((await client.get(`/4/storage/descriptors/${body.face.id}`)).body.person_id).toBe(body.person_id);
    // The person is found at once.
    const query = { descriptor_id: body.face.id, list_id };
    const { candidates } = (await client.call("POST", "/4/matching/identify", { query })).body;
    expect(candidates).toEqual([
      expect.objectContaining({ person_id: body.person_id, similarity: expect.closeTo(1, 6) }),
    ]);
  });

  test("LUNA-HAND-062 POST keeps user_data and external_id, and refuses longer ones", async () => {
    const query = { user_data: "ж".repeat(128), external_id: "e".repeat(36) };
    const { body } = await send("extractor", await pictureOf("ada"), { ...JPEG, query });
    expect((await client.get(`/4/storage/persons/${body.person_id}`)).body).toMatchObject(query);
    for (const [name, value] of [
      ["user_data", "x".repeat(129)],
      ["external_id", "x".repeat(37)],
    ] as const) {
      const answer = await send("extractor", await pictureOf("ada"), { ...JPEG, query: { [name]: value } });
      expectError(answer, 12012, { detail: `Bad query parameters '${name}'` });
    }
    expect(await gallery.count()).toBe(1);
  });

  test("POST to a list that was deleted is 22003 and keeps nothing, until the handler has another one", async () => {
    const { list_id } = (await get("extractor")).policies;
    await client.delete(`/4/storage/lists/${list_id}`);
    const detail = `List with id '${list_id}' not found`;
    expectError(await send("extractor", await pictureOf("ada")), 22003, { detail });
    expectError(await send("identify", await pictureOf("ada")), 22003, { detail });
    expect([await gallery.count(), (await client.get("/4/storage/persons")).body.count]).toEqual([0, 0]);
    await patch("extractor", { list_id: await gallery.list("persons") });
    expect((await send("extractor", await pictureOf("ada"))).status).toBe(201);
  });
});

describe("identify", () => {
  test("LUNA-HAND-065 POST answers at most limit candidates, none below identify_threshold", async () => {
    const list = await gallery.list("persons");
    const cosines = [0.95, 0.8, 0.7, 0.5, 0.1];
    const ids: string[] = [];
    for (const [i, cosine] of cosines.entries())
      ids.push((await gallery.person(`p${i}`, [near(cosine, i + 5)], [list])).id);
    await patch("identify", { list_id: list, limit: 5, identify_threshold: similarityAt(0.6) });
    const found = async () =>
      (await send("identify", await pictureOf("ada"))).body.candidates.map(
        ({ person_id }: { person_id: string }) => person_id,
      );
    expect(await found()).toEqual(ids.slice(0, 3));
    await patch("identify", { limit: 2 });
    expect(await found()).toEqual(ids.slice(0, 2));
  });

  test("a candidate exactly at identify_threshold is answered", async () => {
    const list = await gallery.list("persons");
    await gallery.person("edge", [near(0.63, 9)], [list]);
    await patch("identify", { list_id: list, identify_threshold: 0 });
    const first = (await send("identify", sdk(near(1)), { type: SDK })).body.candidates;
    expect(first).toHaveLength(1);
    await patch("identify", { identify_threshold: first[0].similarity });
    expect((await send("identify", sdk(near(1)), { type: SDK })).body.candidates).toEqual(first);
  });

  test("LUNA-HAND-066 POST answers persons of a list of persons, descriptors of a list of descriptors", async () => {
    const person = await gallery.person("Ada", [near(0.9, 5)]);
    const [descriptor] = person.descriptors;
    const similarity = expect.closeTo(similarityAt(0.9), 6);
    await patch("identify", { list_id: await gallery.list("persons", [person.id]) });
    const byPerson = (await send("identify", await pictureOf("ada"))).body;
    expect(byPerson.candidates).toEqual([
      { person_id: person.id, descriptor_id: descriptor, user_data: "Ada", external_id: "ext Ada", similarity },
    ]);
    await patch("identify", { list_id: await gallery.list("descriptors", [descriptor!]) });
    const { status, body } = await send("identify", await pictureOf("ada"));
    expect(status).toBe(201);
    expect(body.candidates).toEqual([{ id: descriptor, similarity }]);
    expect(Object.keys(body.face).sort()).toEqual(["id", "rect", "rectISO", "score"]);
    expect((await client.get(`/4/storage/descriptors/${body.face.id}`)).status).toBe(200);
  });

  test("LUNA-HAND-067 POST of somebody unknown answers no candidates", async () => {
    const list = await gallery.list("persons");
    await gallery.person("Bob", [near(0.3, 5)], [list]);
    await patch("identify", { list_id: list });
    const { status, body } = await send("identify", await pictureOf("ada"));
    expect([status, body.candidates]).toEqual([201, []]);
  });

  test("who is enrolled by the extractor is found by identify", async () => {
    const { person_id } = (await send("extractor", await pictureOf("ada"))).body;
    const { candidates } = (await send("identify", await pictureOf("adaAgain"))).body;
    expect(candidates).toEqual([
      expect.objectContaining({ person_id, similarity: expect.closeTo(similarityAt(COSINE.adaAgain), 6) }),
    ]);
  });
});

describe("verify", () => {
  const verify = async (person: string, picture: Uint8Array) =>
    client.post("/4/handlers/verify", picture, { ...JPEG, query: { person_id: person } });

  test("LUNA-HAND-069 POST of the same person is true, with the candidate", async () => {
    const { id, descriptors } = await gallery.person("Ada", [near(0.2, 8), near(0.9, 9)]);
    const { status, body } = await verify(id, await pictureOf("ada"));
    expect(status).toBe(201);
    expect(Object.keys(body).sort()).toEqual(["candidates", "face", "status"]);
    expect(body.status).toBe(true);
    expect(body.candidates).toEqual([
      expect.objectContaining({
        person_id: id,
        descriptor_id: descriptors[1]!,
        user_data: "Ada",
        similarity: expect.closeTo(similarityAt(0.9), 6),
      }),
    ]);
  });

  test("LUNA-HAND-070 POST of another person is false, the candidate is told all the same", async () => {
    const { id } = await gallery.person("Ada", [near(1)]);
    const { status, body } = await verify(id, await pictureOf("bob"));
    expect([status, body.status]).toEqual([201, false]);
    expect(body.candidates).toEqual([
      expect.objectContaining({ person_id: id, similarity: expect.closeTo(similarityAt(COSINE.bob), 6) }),
    ]);
  });

  test("POST for a person without descriptors is false without candidates", async () => {
    const { id } = await gallery.person("nobody yet");
    const { body } = await verify(id, await pictureOf("ada"));
    expect([body.status, body.candidates]).toEqual([false, []]);
  });

  test("LUNA-HAND-071 POST without person_id is 12014", async () => {
    const detail = "Required parameters 'person_id' not found";
    expectError(await client.post("/4/handlers/verify", await pictureOf("ada"), JPEG), 12014, { detail });
  });

  test("LUNA-HAND-072 POST for an unknown person is 22007 and keeps nothing", async () => {
    const detail = `Person with id '${UNKNOWN}' not found.`;
    expectError(await verify(UNKNOWN, await pictureOf("ada")), 22007, { detail });
    expect(await gallery.count()).toBe(0);
  });

  test("LUNA-HAND-073 status is true where similarity is exactly verify_threshold, false just above", async () => {
    const { id } = await gallery.person("edge", [near(0.7, 9)]);
    const picture = await pictureOf("ada");
    const [{ similarity }] = (await verify(id, picture)).body.candidates;
    await patch("verify", { verify_threshold: similarity });
    expect((await verify(id, picture)).body.status).toBe(true);
    await patch("verify", { verify_threshold: similarity + 1e-12 });
    expect((await verify(id, picture)).body.status).toBe(false);
  });
});
