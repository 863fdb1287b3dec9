/** Parameters of pipelines, and what the pipelines of LUNA make of them, over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import sharp from "sharp";
import type { FaceJson, ItemResult, PipelineDetail } from "../../src/pipeline/results.ts";
import { endOf, resultsOf, submit } from "../jobs/job-client.ts";
import { GOOD_PICTURE, type RunAnswer } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { samplePath } from "../support/stages.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({
    shipped: ["luna-extract", "luna-warp", "luna-liveness"],
    pipelines: {
      makes:
        "stages:\n  - detect: {}\n  - landmarks: {}\n  - descriptor: {}\n  - crop: { portrait: false, warp: true }\n",
    },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const asked = (parameters: object | string) =>
  `?parameters=${encodeURIComponent(typeof parameters === "string" ? parameters : JSON.stringify(parameters))}`;

function itemOf({ status, body }: RunAnswer): ItemResult {
  expect(status).toBe(200);
  return body.items![0]!;
}

async function extracted(parameters: object, picture = GOOD_PICTURE): Promise<ItemResult> {
  return itemOf(await server.client.run("luna-extract", picture, asked(parameters)));
}

/** What of a face's parts is there. */
const partsOf = (face: FaceJson) => Object.keys(face).sort();
const BARE = ["box", "frame", "landmarks", "score"];

describe("POST /v1/pipelines/:name/run?parameters=", () => {
  test.each([
    [{ descriptor: false, portrait: false }, []],
    [{ portrait: false }, ["descriptor"]],
    [{ descriptor: false }, ["crops"]],
    [{ descriptor: false, portrait: false, attributes: true }, ["attributes"]],
    [{ descriptor: false, portrait: false, emotions: true }, ["emotion"]],
    [{ descriptor: false, portrait: false, quality: true }, ["quality"]],
    [{ descriptor: false, portrait: false, head_pose: true }, ["pose"]],
    // A threshold needs the pose, whoever shows it.
    [{ descriptor: false, portrait: false, pitch: 179 }, ["pose"]],
  ])("does of luna-extract what %j asks for, and nothing else", async (parameters, parts) => {
    const { faces } = await extracted(parameters);
    expect(faces).toHaveLength(3);
    for (const face of faces) expect(partsOf(face)).toEqual([...BARE, ...parts].sort());
  });

  test.each(["yaw", "pitch", "roll"] as const)(
    "turns away faces beyond the threshold of %s, in either direction, before anything dear is done",
    async (angle) => {
      const open = await extracted({ head_pose: true, descriptor: false, portrait: false });
      const angles = open.faces.map((face) => Math.abs(face.pose![angle]));
      const limit = (Math.min(...angles) + Math.max(...angles)) / 2;
      const { status, faces } = await extracted({ [angle]: limit });
      expect(status).toBe("ok");
      expect(faces.map((face) => face.rejected?.reason)).toEqual(
        angles.map((each) => (each > limit ? angle : undefined)),
      );
      for (const face of faces) expect(face.descriptor === undefined).toBe(face.rejected !== undefined);
    },
  );

  test("keeps faces that were all turned away, so that they are told from a picture without faces", async () => {
    const all = await extracted({ score_threshold: 1 });
    expect([all.status, all.faces.map((face) => face.rejected?.reason)]).toEqual([
      "rejected",
      ["score", "score", "score"],
    ]);
    expect(await extracted({}, PLAIN_PICTURE)).toMatchObject({ status: "no_face", faces: [] });
  });

  test("tells the box of each portrait, which reaches past the edge for a face at the border", async () => {
    const face = (await extracted({})).faces[0]!;
    expect(face.crops!.portrait!.box).toEqual(face.frame!);
    const { x, y, width, height } = face.box;
    const cut = { left: Math.round(x), top: Math.round(y), width: Math.round(width), height: Math.round(height) };
    const tight = new Uint8Array(await sharp(GOOD_PICTURE).extract(cut).jpeg().toBuffer());
    const [close] = (await extracted({}, tight)).faces;
    expect(close!.frame!.x).toBeLessThan(0);
    const { width: wide, height: tall, data } = close!.crops!.portrait!;
    expect(await sharp(Buffer.from(data, "base64")).metadata()).toMatchObject({ width: wide, height: tall });
    expect([tall <= 250, Math.abs(4 * wide - 3 * tall) <= 4]).toEqual([true, true]);
  });

  test.each([
    ["{}x", "a JSON object"],
    ["[1]", "a JSON object"],
    ["null", "a JSON object"],
    ['{"attributes":null}', "a JSON object"],
    ['{"attributes":{"a":1}}', "a JSON object"],
    [JSON.stringify({ a: "x".repeat(9000) }), "a JSON object"],
    ["", "a JSON object"],
  ])("refuses what is no flat JSON object, before the body is looked at: %s", async (text, message) => {
    const { status, body } = await server.client.run("luna-extract", "", asked(text));
    expect([status, body.error?.code]).toEqual([400, "request_invalid"]);
    expect(body.error?.message).toContain(message);
  });

  test.each([
    [{ atributes: true }, { parameter: "atributes", nearest: "attributes" }],
    [{ attributes: 1 }, { parameter: "attributes", allowed: "true or false" }],
    [{ yaw: -1 }, { parameter: "yaw", found: -1, allowed: "a number from 0 to 180" }],
    [{ yaw: "20" }, { parameter: "yaw", found: "20" }],
  ])("refuses %j before the body is looked at, and says what would be right", async (parameters, details) => {
    const { status, body } = await server.client.run("luna-extract", "", asked(parameters));
    expect([status, body.error?.code]).toEqual([400, "request_invalid"]);
    expect(body.error?.details).toMatchObject(details);
  });

  test("refuses parameters of a pipeline that has none", async () => {
    const { status, body } = await server.client.run("face-liveness", "", asked({ attributes: true }));
    expect([status, body.error?.details]).toEqual([400, { parameter: "attributes", allowed: [] }]);
  });

  test("runs pipelines of LUNA without a model of ethnicities, and names it where they are asked for", async () => {
    const { status, body } = await server.client.run("luna-extract", GOOD_PICTURE, asked({ ethnicities: true }));
    expect([status, body.error?.code]).toEqual([503, "model_unavailable"]);
    expect(body.error?.message).toContain("ethnicity-default");
    expect((await server.client.health()).parts.pipelines?.status).toBe("ok");
  });
});

test("GET /v1/pipelines/:name shows the declarations, and the reference describes them", async () => {
  const { body } = await server.client.json<PipelineDetail>("/v1/pipelines/luna-extract");
  expect(Object.keys(body.parameters)).toEqual([
    "attributes",
    "emotions",
    "ethnicities",
    "head_pose",
    "quality",
    "descriptor",
    "portrait",
    "score_threshold",
    "yaw",
    "pitch",
    "roll",
  ]);
  expect(body.parameters.yaw).toMatchObject({ type: "number", default: 180, minimum: 0, maximum: 180 });
  const { body: warp } = await server.client.json<PipelineDetail>("/v1/pipelines/luna-warp");
  expect(Object.keys(warp.parameters)).toEqual(Object.keys(body.parameters));
  const { body: reference } = await server.client.json<{
    paths: Record<string, { post: { parameters: { name: string }[] } }>;
  }>("/swagger/json");
  const run = reference.paths["/v1/pipelines/{name}/run"]!.post.parameters;
  expect(run.map(({ name }) => name)).toContain("parameters");
});

describe("luna-warp", () => {
  test("has the photo's descriptor of a warp that this server made, and keeps the warp as it came", async () => {
    const [made] = itemOf(await server.client.run("makes")).faces;
    const warp = new Uint8Array(Buffer.from(made!.crops!.warp!.data, "base64"));
    const item = itemOf(
      await server.client.run("luna-warp", warp, asked({ attributes: true, head_pose: true, yaw: 0 })),
    );
    const [face] = item.faces;
    expect(partsOf(face!)).toEqual(["attributes", "box", "crops", "descriptor", "landmarks", "score"]);
    expect(face!.crops!.portrait).toMatchObject({
      width: 250,
      height: 250,
      box: { x: 0, y: 0, width: 250, height: 250 },
    });
    expect(cosine(face!, made!)).toBeGreaterThan(0.97);
  });

  test("refuses pictures of another size with a code of its own", async () => {
    const { status, body } = await server.client.run("luna-warp");
    expect([status, body.error]).toMatchObject([
      422,
      { code: "picture_wrong_size", details: { width: 1920, height: 1280, expected: { width: 250, height: 250 } } },
    ]);
  });
});

describe("luna-liveness", () => {
  const judged = async (picture: Uint8Array) => itemOf(await server.client.run("luna-liveness", picture));
  /** The first face of a sample, with the shares of its box's sides cut off, or left around it where negative. */
  async function cut(name: string, [left, top, right, bottom]: readonly [number, number, number, number]) {
    const source = sharp(samplePath(name));
    const { x, y, width, height } = (await judged(await source.png({ compressionLevel: 1 }).toBuffer())).faces[0]!.box;
    const from = { left: Math.round(x + left * width), top: Math.round(y + top * height) };
    const size = { width: Math.round((1 - left - right) * width), height: Math.round((1 - top - bottom) * height) };
    return sharp(samplePath(name)).extract({ ...from, ...size });
  }

  test("judges ordinary photos of people in 720p, whatever face they look at", async () => {
    for (const name of ["sample1.jpg", "sample3.jpg", "sample4.jpg", "sample5.jpg"]) {
      const small = await sharp(samplePath(name)).resize({ height: 720 }).jpeg().toBuffer();
      const { status, faces } = await judged(new Uint8Array(small));
      expect([name, status, faces.flatMap((face) => face.rejected?.reason ?? [])]).toEqual([name, "ok", []]);
      expect(faces.length).toBeGreaterThanOrEqual(3);
      for (const face of faces) expect(face.liveness && face.quality).toBeDefined();
    }
  });

  test.each([
    ["near", "sample1.jpg", [0, 0, 0, 0]],
    ["cropped", "sample1.jpg", [0.3, -0.8, -0.8, -0.8]],
    ["border", "sample5.jpg", [-0.8, 0.1, -0.8, -0.8]],
    ["angle", "sample2.jpg", undefined],
  ] as const)("turns away a face for the reason %s", async (reason, name, sides) => {
    const picture = sides ? await cut(name, sides) : sharp(samplePath(name));
    const { faces } = await judged(new Uint8Array(await picture.png().toBuffer()));
    expect(faces.flatMap((face) => face.rejected?.reason ?? [])).toEqual([reason]);
    expect(faces.find((face) => face.rejected)!.liveness).toBeUndefined();
  });

  test("turns away a face for the reason small", async () => {
    const picture = (await cut("sample1.jpg", [-2, -1, -2, -1])).resize({ width: 180 });
    const { status, faces } = await judged(new Uint8Array(await picture.png().toBuffer()));
    expect([status, ...new Set(faces.map((face) => face.rejected?.reason))]).toEqual(["rejected", "small"]);
  });

  test("tells a picture without a face", async () => {
    expect((await judged(PLAIN_PICTURE)).status).toBe("no_face");
  });
});

describe("A job", () => {
  test("runs with its parameters, shows them, and refuses wrong ones before it is made", async () => {
    const wrong = await submit(server.client, `${asked({ yaw: 500 })}&pipeline=luna-extract`, GOOD_PICTURE);
    expect([wrong.status, wrong.body.error?.details?.parameter]).toEqual([400, "yaw"]);
    const parameters = { descriptor: false, portrait: false, quality: true };
    const { body } = await submit(server.client, `${asked(parameters)}&pipeline=luna-extract`, GOOD_PICTURE);
    const job = await endOf(server.client, body.id);
    expect([job.state, job.options]).toEqual(["completed", { parameters }]);
    const [item] = await resultsOf(server.client, body.id);
    for (const face of item!.faces) expect(partsOf(face)).toEqual([...BARE, "quality"].sort());
  });
});

function cosine(a: FaceJson, b: FaceJson): number {
  const [x, y] = [a, b].map((face) => {
    const bytes = Buffer.from(face.descriptor!.data, "base64");
    return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
  });
  return x!.reduce((sum, value, i) => sum + value * y![i]!, 0);
}
