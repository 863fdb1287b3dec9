/** Answers that hang on what exactly the models say, and requests that do not come to their end. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  failing,
  forEachFace,
  gate,
  heldAt,
  scripted,
  scriptedByMark,
  type TestServerOptions,
  testPicture,
} from "../../../src/testing/index.ts";
import { CARD } from "../../inference/model-folder.ts";
import type { LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { SDK_TYPE, sdkFile } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const DESCRIPTORS = "/4/storage/descriptors";
const FACES = [
  { box: [40, 100, 120, 150], score: 0.75 },
  { box: [240, 100, 120, 150], score: 0.875 },
  { box: [440, 100, 120, 150], score: 0.8125 },
] as const;

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const start = (options: TestServerOptions) => startLuna({ shipped: ["luna-extract", "luna-warp"], ...options });
const send = async (client: LunaClient, query: Readonly<Record<string, string | number>> = {}, signal?: AbortSignal) =>
  client.call("POST", DESCRIPTORS, {
    body: await testPicture(),
    type: "image/png",
    query,
    ...(signal && { signal }),
  });
const stored = async (client: LunaClient) => (await client.get(DESCRIPTORS)).body.count;

const EMOTIONS = { angry: 0.1, disgust: 0.05, fear: 0.05, happy: 0.4, sad: 0.1, surprise: 0.2, neutral: 0.1 };
const ETHNICITIES = { african_american: 0.05, asian: 0.2, caucasian: 0.05, indian: 0.7 };

/** The shipped cards, and one of a model that tells ethnicities. */
async function cardsWithEthnicity(): Promise<string> {
  const folder = temporaryFolder("facewire-cards-");
  await cp(join(import.meta.dir, "../../../models"), folder, { recursive: true });
  const outputs = { ethnicity: { decode: "softmax", tensor: "o", labels: Object.keys(ETHNICITIES) } };
  const card = { ...CARD, name: "four-groups", aliases: ["ethnicity-default"], task: "attributes", outputs };
  await Bun.write(join(folder, "four-groups.yaml"), stringify(card));
  return folder;
}

/** An account that is made without the API: where that is off, or where hashing a password could take too long. */
async function accountOf(server: LunaServer): Promise<LunaClient> {
  const wish = { organizationName: "o", email: "a@example.org", passwordHash: "none", tokenData: "t" };
  const made = await server.server.app.store.gallery.accounts.create(wish);
  return server.as({ token: made!.token });
}

describe("what the models say", () => {
  let server: LunaServer;
  let client: LunaClient;

  beforeAll(async () => {
    server = await start({
      models: {
        "detector-default": scriptedByMark({ three: FACES, turned: FACES, "*": {} }),
        "pose-default": scriptedByMark({
          // Faces come to the model by falling score.
          turned: forEachFace({ yaw: 40 }, { yaw: -10 }, { yaw: -50 }),
          "*": { yaw: 35, pitch: -12 },
        }),
        "attributes-default": scriptedByMark({
          grown: { age: 30.4, gender: "male" },
          newborn: { age: 0.4, gender: "female" },
          old: { age: 99.6, gender: { male: 0.51 } },
          "*": {},
        }),
        "emotion-default": scripted({ emotion: EMOTIONS }),
        "ethnicity-default": scripted({ ethnicity: ETHNICITIES }),
        "*": scripted(),
      },
      settings: { models_dir: await cardsWithEthnicity() },
    });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    ({ client } = await server.newAccount());
  });

  const sendMarked = async (mark: string, query: Readonly<Record<string, number>> = {}) =>
    client.call("POST", DESCRIPTORS, { body: await testPicture({ mark }), type: "image/png", query });
  const scores = async (mark: string, query: Readonly<Record<string, number>> = {}) => {
    const answer = await sendMarked(mark, query);
    return answer.status === 201 ? answer.body.faces.map(({ score }: { score: number }) => score) : told(answer);
  };

  test("faces stay that are exactly as good as the threshold, by falling score", async () => {
    expect(await scores("three")).toEqual([0.875, 0.8125, 0.75]);
    expect(await scores("three", { score_threshold: 0.75 })).toEqual([0.875, 0.8125, 0.75]);
    expect(await scores("three", { score_threshold: 0.7501 })).toEqual([0.875, 0.8125]);
    expect(await scores("three", { score_threshold: 0.875 })).toEqual([0.875]);
    expect(await scores("three", { score_threshold: 0.8751 })).toEqual([400, 36003]);
    expect(await scores("three", { yaw__lt: 35, pitch__lt: 12 })).toHaveLength(3);
    expect(await scores("three", { yaw__lt: 34.99 })).toEqual([400, 36003]);
    expect(await scores("three", { pitch__lt: 11.99 })).toEqual([400, 36003]);
  });

  test("LUNA-DESC-026 of several faces those that are turned too far are dropped, and only the others stored", async () => {
    expect(await scores("turned", { yaw__lt: 30 })).toEqual([0.8125]);
    expect(await stored(client)).toBe(1);
  });

  test.each([
    ["grown", { age: 30, gender: 1 }],
    ["newborn", { age: 0, gender: 0 }],
    ["old", { age: 100, gender: 1 }],
  ])("LUNA-DESC-012 age and gender of who is %s are whole numbers", async (mark, shown) => {
    expect((await sendMarked(mark, { estimate_attributes: 1 })).body.faces[0].attributes).toEqual(shown);
  });

  test("LUNA-DESC-014 emotions have the names of the API", async () => {
    const { emotions } = (await sendMarked("any", { estimate_emotions: 1 })).body.faces[0].attributes;
    expect(emotions.predominant_emotion).toBe("happiness");
    const shown = { anger: 0.1, disgust: 0.05, fear: 0.05, happiness: 0.4, sadness: 0.1, surprise: 0.2, neutral: 0.1 };
    for (const [name, share] of Object.entries(shown)) expect(emotions.estimations[name]).toBeCloseTo(share, 5);
  });

  test("LUNA-DESC-015 ethnicities are four shares and the greatest, where a model for them is installed", async () => {
    const { attributes } = (await sendMarked("any", { estimate_ethnicities: 1 })).body.faces[0];
    expect(Object.keys(attributes)).toEqual(["ethnicities"]);
    expect(attributes.ethnicities.predominant_ethnicity).toBe("indian");
    for (const [name, share] of Object.entries(ETHNICITIES)) {
      expect(attributes.ethnicities.estimations[name]).toBeCloseTo(share, 5);
    }
    expect((await sendMarked("any")).body.faces[0]).not.toHaveProperty("attributes");
  });
});

describe("requests that do not come to their end", () => {
  test("of a request whose client has left nothing is stored", async () => {
    const door = gate();
    await using server = await start({ models: { "detector-default": scripted(heldAt(door)), "*": scripted() } });
    const { client } = await server.newAccount();
    const leaving = new AbortController();
    const request = send(client, {}, leaving.signal);
    await door.holds(1);
    leaving.abort();
    await expect(request).rejects.toThrow();
    door.open();
    // One worker takes pictures in the order they came: the first is done with when the second is.
    expect((await send(client)).status).toBe(201);
    expect(await stored(client)).toBe(1);
  });

  test("of a request that was answered with 504 nothing is stored", async () => {
    const door = gate();
    await using server = await start({
      models: { "detector-default": scripted(heldAt(door)), "*": scripted() },
      settings: { luna: { timeout: "2s" } },
    });
    const client = await accountOf(server);
    const late = await send(client);
    expect(told(late)).toEqual([504, 9]);
    expect(late.body.desc).toBe(`Request timeout on ${DESCRIPTORS}, method POST`);
    door.open();
    // As soon as the worker is free again.
    while ((await send(client)).status !== 201);
    expect(await stored(client)).toBe(1);
  });

  test("a picture that would have to wait too long is refused at once, and told when to try again", async () => {
    const door = gate();
    await using server = await start({
      models: { "detector-default": scripted(heldAt(door)), "*": scripted() },
      settings: { queue: { limit: 1 }, inference: { items_per_worker: 1 } },
    });
    const { client } = await server.newAccount();
    const first = send(client);
    await door.holds(1);
    // One is held, one waits, the third has no room; which of these two waits is the network's to say.
    const others = [send(client), send(client)];
    const refused = await Promise.race(others);
    expect(told(refused)).toEqual([503, 1]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    door.open();
    const statuses = (await Promise.all([first, ...others])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([201, 201, 503]);
  });

  test("a model that fails is an internal error, and nothing is stored", async () => {
    await using server = await start({
      models: { "descriptor-default": scripted(failing("no power")), "*": scripted() },
    });
    const { client } = await server.newAccount();
    const answer = await send(client);
    expect(told(answer)).toEqual([500, 1]);
    expect(answer.body.detail).toBe("internal server error");
    expect(await stored(client)).toBe(0);
  });
});

test("answers of requests at the same time are not mixed", async () => {
  const ages = { young: 10, old: 80 } as const;
  await using server = await start({
    models: { "attributes-default": scriptedByMark({ young: { age: 10 }, old: { age: 80 } }), "*": scripted() },
    workers: 2,
  });
  const { client } = await server.newAccount();
  const pictures = { young: await testPicture({ mark: "young" }), old: await testPicture({ mark: "old" }) };
  const asked = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? "young" : "old"));
  const answers = await Promise.all(
    asked.map((who) =>
      client.call("POST", DESCRIPTORS, { body: pictures[who], type: "image/png", query: { estimate_attributes: 1 } }),
    ),
  );
  expect(answers.map(({ body }) => body.faces[0].attributes.age)).toEqual(asked.map((who) => ages[who]));
  expect(new Set(answers.map(({ body }) => body.faces[0].id)).size).toBe(60);
  expect(await stored(client)).toBe(60);
});

test.each([
  ["is missing", {}],
  ["has other parameters", { "luna-extract": { stages: [{ detect: { faces: "all" } }] } }],
])(
  "where a pipeline of the dialect %s, descriptors can be uploaded and pictures are refused",
  async (_what, pipelines) => {
    await using server = await startLuna({ shipped: false, pipelines, models: { "*": scripted() } });
    const { client } = await server.newAccount();
    const answer = await send(client);
    expect(told(answer)).toEqual([503, 1]);
    expect(answer.body.detail).toContain("The pipeline luna-extract");
    expect((await client.post(DESCRIPTORS, sdkFile(1), { type: SDK_TYPE })).status).toBe(201);
  },
);

test("LUNA-DESC-047 without handlers nothing is made, and the rest can be read", async () => {
  const models = { "*": scripted() };
  await using server = await start({ models, settings: { luna: { handlers: false } } });
  const client = await accountOf(server);
  for (const answer of [await send(client), await client.post(DESCRIPTORS, sdkFile(1), { type: SDK_TYPE })]) {
    expect(told(answer)).toEqual([403, 11071]);
    expect(answer.body.detail).toBe("Luna Handlers service is disabled");
  }
  expect(await stored(client)).toBe(0);
});
