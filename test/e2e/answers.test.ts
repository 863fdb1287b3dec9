/** What a request is answered with: items, aggregate, explanation, drawing, and a reference that all of it fits. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import sharp, { type Region } from "sharp";
import { ErrorBodySchema } from "../../src/api/native/schemas/error.ts";
import { PipelineDetailSchema, PipelineListSchema } from "../../src/api/native/schemas/pipelines.ts";
import { RunResultSchema } from "../../src/api/native/schemas/run.ts";
import { HealthSchema, ModelListSchema, StatusSchema } from "../../src/api/native/schemas/server.ts";
import { form, GOOD_PICTURE, type Health, photograph } from "../support/api-client.ts";
import { PROJECT_ROOT } from "../support/cli.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

const SHIPPED = ["face-detect", "face-liveness", "face-extract", "face-attributes"];

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ shipped: SHIPPED });
});
afterAll(() => server[Symbol.asyncDispose]());

/** Fails with what does not fit. */
function expectFit(schema: TSchema, body: unknown): void {
  expect([...Value.Errors(schema, body)].map(({ path, message }) => `${path}: ${message}`)).toEqual([]);
}

test("A request is counted by what it was answered with: ok when a picture could be worked on, else the gravest error", async () => {
  const counted = async () => {
    const text = await (await server.client.fetch("/metrics")).text();
    const line = /^facewire_requests_total\{pipeline="face-detect",code="(.*)"\} (\d+)$/gm;
    return Object.fromEntries([...text.matchAll(line)].map(([, code, count]) => [code, Number(count)]));
  };
  await server.client.run("face-detect", "no picture");
  await server.client.run("face-detect", form({ "none.pgm": PLAIN_PICTURE, "bad.jpg": "no picture" }));
  await server.client.run("face-detect", form({ "short.pgm": "P5 32 32 255\n", "bad.jpg": "no picture" }));
  expect(await counted()).toEqual({ ok: 1, picture_unknown_format: 1, picture_truncated: 1 });
});

test("Health names the parts that its page shows", async () => {
  const page = await readFile(join(PROJECT_ROOT, "docs/api.md"), "utf8");
  const sample = /^\{\n {2}"request": "\S+",\n {2}"status": "ok",\n {2}"parts"[\s\S]*?^\}/m.exec(page)?.[0] ?? "";
  const shown = JSON.parse(sample) as Health;
  const { parts } = await server.client.health();
  expect(Object.keys(parts)).toEqual(Object.keys(shown.parts));
  expect(parts.queue?.details?.limit).toBe(shown.parts.queue?.details?.limit as number);
});

describe("Several pictures in one request", () => {
  test("are answered one by one, in their order, with one aggregate over those that have a face", async () => {
    const pictures = {
      "one.jpg": GOOD_PICTURE,
      "none.pgm": PLAIN_PICTURE,
      "bad.jpg": "no picture",
      "two.jpg": await photograph("sample2.jpg"),
    };
    const { status, body } = await server.client.run("face-liveness", form(pictures));
    expect(status).toBe(200);
    expectFit(RunResultSchema, body);
    expect(body.items?.map(({ index, name, status, error }) => [index, name, status, error?.code])).toEqual([
      [0, "one.jpg", "ok", undefined],
      [1, "none.pgm", "no_face", undefined],
      [2, "bad.jpg", "failed", "picture_unknown_format"],
      [3, "two.jpg", "ok", undefined],
    ]);
    expect(body.aggregate?.liveness).toMatchObject({
      method: "quality-weighted-logit-mean",
      pictures: 2,
      value: { prediction: "live", calibration: "REGULAR" },
    });
  });

  test("without a face have null as aggregate, not an invented number", async () => {
    const { body } = await server.client.run("face-liveness", form({ a: PLAIN_PICTURE, b: PLAIN_PICTURE }));
    expect(body.aggregate).toEqual({ liveness: null, quality: null });
  });

  test("give the same whether they come together or alone", async () => {
    const [one, two] = [GOOD_PICTURE, await photograph("sample2.jpg")];
    const together = (await server.client.run("face-extract", form({ one, two }))).body.items ?? [];
    const alone = await Promise.all([one, two].map((each) => server.client.run("face-extract", each)));
    expect(together.map(({ faces }) => faces)).toEqual(alone.map(({ body }) => body.items![0]!.faces));
  });
});

test("a descriptor is 512 floats of length one, and two pictures of a scene agree on who is who", async () => {
  const half = new Uint8Array(await sharp(GOOD_PICTURE).resize({ width: 700 }).jpeg().toBuffer());
  const vectors = async (picture: Uint8Array) =>
    (await server.client.run("face-extract", picture)).body.items![0]!.faces.map(({ descriptor }) => {
      const bytes = Buffer.from(descriptor!.data, "base64");
      return Array.from({ length: descriptor!.length }, (_, at) => bytes.readFloatLE(at * 4));
    });
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);
  const [large, small] = [await vectors(GOOD_PICTURE), await vectors(half)];
  expect(large).toHaveLength(3);
  for (const vector of large) {
    expect(vector).toHaveLength(512);
    expect(dot(vector, vector)).toBeCloseTo(1, 3);
    // One of the other picture's faces is the same person, and only one.
    expect(small.filter((other) => dot(vector, other) > 0.6)).toHaveLength(1);
  }
});

test("explain=1 tells of every stage what it was given, what it wrote, how long it took and why", async () => {
  const { body } = await server.client.run("face-liveness", GOOD_PICTURE, "?explain=1");
  expectFit(RunResultSchema, body);
  const traces = body.items?.[0]?.explain ?? [];
  expect(traces.map(({ kind }) => kind)).toEqual(["detect", "landmarks", "quality", "liveness"]);
  expect(traces.every(({ ran, elapsed_ms }) => ran && elapsed_ms > 0)).toBeTrue();
  const liveness = traces.at(-1)!;
  expect(liveness).toMatchObject({ faces_in: 1, faces_out: 1, writes: ["face.liveness"] });
  expect(liveness.reasons.join(" ")).toMatch(/live/);
  const plain = await server.client.run("face-liveness");
  expect(plain.body.items?.[0]?.explain).toBeUndefined();
  expect(plain.body.items?.[0]?.faces).toEqual(body.items?.[0]?.faces);
});

test("draw=1 answers with a JPEG of the picture's size that differs from it where the faces are", async () => {
  const path = "/v1/pipelines/face-liveness/run?draw=1";
  const init = { method: "POST", body: Uint8Array.from(GOOD_PICTURE) };
  const response = await server.client.fetch(path, init);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
  const drawn = new Uint8Array(await response.arrayBuffer());
  const [was, is] = await Promise.all([GOOD_PICTURE, drawn].map((each) => sharp(each).metadata()));
  expect([is?.format, is?.width, is?.height]).toEqual(["jpeg", was?.width, was?.height]);
  const { box } = (await server.client.run("face-liveness")).body.items![0]!.faces[0]!;
  // The box's left edge runs through this strip; in the far corner nothing was drawn.
  const edge = { left: Math.round(box.x) - 4, top: Math.round(box.y + box.height / 3), width: 8, height: 40 };
  const corner = { left: 0, top: (was?.height ?? 0) - 60, width: 60, height: 60 };
  expect(await difference(drawn, edge)).toBeGreaterThan(20);
  expect(await difference(drawn, corner)).toBeLessThan(6);
  const json = await server.client.json(path, { ...init, headers: { accept: "application/json" } });
  expectFit(RunResultSchema, json.body);
  expect(json.body.items).toMatchObject([{ drawn: { content_type: "image/jpeg" } }]);
});

/** Mean difference of a drawn picture from the original in a rectangle, 0..255. */
async function difference(drawn: Uint8Array, where: Region): Promise<number> {
  const [a, b] = await Promise.all([GOOD_PICTURE, drawn].map((each) => sharp(each).extract(where).raw().toBuffer()));
  return a!.reduce((sum, value, at) => sum + Math.abs(value - b![at]!), 0) / a!.length;
}

describe("The OpenAPI document", () => {
  interface Operation {
    readonly summary?: string;
    readonly description?: string;
    readonly responses: Readonly<
      Record<string, { content?: Record<string, { example?: unknown; examples?: unknown }> }>
    >;
  }
  interface Document {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
  }
  let reference: Document;
  beforeAll(async () => {
    reference = (await server.client.json<Document>("/swagger/json")).body;
  });

  test("tells of every operation what it does, with an example and its failures", () => {
    const operations = Object.entries(reference.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ at: `${method} ${path}`, ...operation })),
    );
    expect(operations.length).toBeGreaterThanOrEqual(9);
    for (const { at, summary, description, responses } of operations) {
      expect([at, summary]).toEqual([at, expect.stringMatching(/\S{2}/)]);
      expect([at, description]).toEqual([at, expect.stringMatching(/\S{2}/)]);
      const answers = Object.entries(responses);
      const [, good] = answers.find(([status]) => status.startsWith("2")) ?? [];
      const types = Object.values(good?.content ?? {});
      expect([at, types.some((type) => type.example ?? type.examples)]).toEqual([at, true]);
      // Whether the process lives is answered, or nothing is.
      if (at !== "get /health/live") expect([at, answers.some(([status]) => /^[45]/.test(status))]).toEqual([at, true]);
    }
  });

  test("has no reference that leads nowhere", () => {
    const names = new Set(Object.keys(reference.components.schemas));
    const references = [...JSON.stringify(reference).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(10);
    expect(references.map(([, name]) => name).filter((name) => !names.has(name ?? ""))).toEqual([]);
  });
});

describe("Real answers fit the reference:", () => {
  for (const pipeline of SHIPPED) {
    test(pipeline, async () => {
      const { body } = await server.client.run(pipeline, GOOD_PICTURE, "?explain=1&exif=1");
      expectFit(RunResultSchema, body);
      expectFit(PipelineDetailSchema, (await server.client.json(`/v1/pipelines/${pipeline}`)).body);
    });
  }

  for (const [path, schema, status] of [
    ["/v1/pipelines", PipelineListSchema, 200],
    ["/v1/models", ModelListSchema, 200],
    ["/health", HealthSchema, 200],
    ["/health/live", StatusSchema, 200],
    ["/health/ready", StatusSchema, 200],
    ["/v1/pipelines/nobody", ErrorBodySchema, 404],
    ["/nowhere", ErrorBodySchema, 404],
    ["/v1/pipelines/%zz", ErrorBodySchema, 400],
    ["/v1/models?x=1", ErrorBodySchema, 400],
  ] as const) {
    test(`${path}, ${status}`, async () => {
      const answer = await server.client.json(path);
      expect(answer.status).toBe(status);
      expectFit(schema, answer.body);
    });
  }

  test("a run that failed as a whole", async () => {
    const { status, body } = await server.client.run("face-liveness", "no picture");
    expect(status).toBe(415);
    expectFit(RunResultSchema, body);
  });
});

test("the metrics count pictures by pipeline and result", async () => {
  const before = await server.client.metric("facewire_items_total");
  await server.client.run("face-liveness");
  expect(await server.client.metric("facewire_items_total")).toBe(before + 1);
});
