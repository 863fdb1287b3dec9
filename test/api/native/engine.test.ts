/** The API over the real engine and the shipped pipelines: what clients will really get. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import sharp from "sharp";
import { modelStates } from "../../../src/api/native/model-states.ts";
import { ErrorBodySchema } from "../../../src/api/native/schemas/error.ts";
import { PipelineDetailSchema, PipelineListSchema } from "../../../src/api/native/schemas/pipelines.ts";
import { RunResultSchema } from "../../../src/api/native/schemas/run.ts";
import { HealthSchema, ModelListSchema } from "../../../src/api/native/schemas/server.ts";
import { ModelCatalog } from "../../../src/inference/catalog.ts";
import { MODELS_CACHE, samplePicture, type TestEngine, testEngine } from "../../support/engine.ts";
import { type Served, serveNative } from "./serve.ts";

const ROOT = resolve(import.meta.dir, "../../..");

let engine: TestEngine;
let served: Served;

beforeAll(async () => {
  engine = await testEngine({}, { pipelinesDir: join(ROOT, "pipelines"), watch: false });
  const models = modelStates(await ModelCatalog.load(join(ROOT, "models")), MODELS_CACHE);
  served = await serveNative(engine.engine, { models, limits: { maxBody: 32e6, maxFiles: 10, bodyTimeoutMs: 5000 } });
});

afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

/** A sample with memory that may become a request's body. */
const sample = async (name: string) => Uint8Array.from(await samplePicture(name));

/** Fails with what does not fit. */
function expectFit(schema: TSchema, body: unknown): void {
  expect([...Value.Errors(schema, body)].map(({ path, message }) => `${path}: ${message}`)).toEqual([]);
}

const run = (pipeline: string, body: BodyInit, query = "") =>
  served.json(`/v1/pipelines/${pipeline}/run${query}`, { method: "POST", body });

describe("Answers fit the reference", () => {
  for (const pipeline of ["face-detect", "face-liveness", "face-extract", "face-attributes"]) {
    test(`of ${pipeline}, with everything asked for`, async () => {
      const { status, body } = await run(pipeline, await sample("sample1.jpg"), "?explain=1&draw=0&exif=1");
      expect(status).toBe(200);
      expectFit(RunResultSchema, body);
      expect(body.items).toMatchObject([{ status: "ok", explain: expect.any(Array) }]);
    });

    test(`of the description of ${pipeline}`, async () => {
      const { body } = await served.json(`/v1/pipelines/${pipeline}`);
      expectFit(PipelineDetailSchema, body);
    });
  }

  test("of the lists and of health", async () => {
    expectFit(PipelineListSchema, (await served.json("/v1/pipelines")).body);
    expectFit(HealthSchema, (await served.json("/health")).body);
    const models = await served.json("/v1/models");
    expectFit(ModelListSchema, models.body);
    expect(models.body.models).toContainEqual(expect.objectContaining({ task: "liveness", state: "ready" }));
  });

  test("of a definition that is checked, and of its refusal with every mistake named", async () => {
    const validate = (body: string) => served.json("/v1/pipelines/validate", { method: "POST", body });
    const good = await validate("name: mine\ndescription: Mine.\nstages:\n  - detect: { faces: largest }\n");
    expect(good.status).toBe(200);
    expectFit(PipelineDetailSchema, good.body);
    const json = await validate(JSON.stringify({ name: "mine", description: "Mine.", stages: [{ detect: {} }] }));
    expect(json.status).toBe(200);
    const bad = await validate("name: mine\ndescription: Mine.\nstages:\n  - detekt: {}\n");
    expect(bad.status).toBe(422);
    expectFit(ErrorBodySchema, bad.body);
    expect(bad.body).toMatchObject({
      error: { code: "pipeline_invalid", details: { problems: [{ line: 4, nearest: "detect" }] } },
    });
  });

  test("of a picture that fails among others, and of one that fails alone", async () => {
    const form = new FormData();
    form.append("a", new Blob([await sample("sample1.jpg")]), "good.jpg");
    form.append("b", new Blob(["no picture"]), "bad.jpg");
    form.append("c", new Blob([]), "empty.jpg");
    const { status, body } = await run("face-detect", form);
    expect(status).toBe(200);
    expectFit(RunResultSchema, body);
    expect(body.items).toMatchObject([
      { name: "good.jpg", status: "ok" },
      { name: "bad.jpg", error: { code: "picture_unknown_format" } },
      { name: "empty.jpg", error: { code: "picture_empty" } },
    ]);
    const alone = await run("face-detect", "no picture");
    expect(alone.status).toBe(415);
    expectFit(RunResultSchema, alone.body);
    expect(alone.body).toMatchObject({ error: { code: "picture_unknown_format" } });
  });
});

test("a drawn picture is a JPEG of the picture's size, and not the picture as it came", async () => {
  const picture = await sample("sample1.jpg");
  const response = await fetch(`${served.url}/v1/pipelines/face-liveness/run?draw=1`, {
    method: "POST",
    body: picture,
  });
  expect(response.headers.get("content-type")).toBe("image/jpeg");
  const drawn = sharp(await response.arrayBuffer());
  const [was, is] = await Promise.all([sharp(picture).metadata(), drawn.metadata()]);
  expect([is.format, is.width, is.height]).toEqual(["jpeg", was.width, was.height]);
  const raw = await Promise.all([sharp(picture).raw().toBuffer(), drawn.raw().toBuffer()]);
  expect(raw[0].equals(raw[1])).toBeFalse();
});

test("a deadline of the client is kept", async () => {
  const { status, body } = await run("face-extract", await sample("sample1.jpg"), "?deadline=1");
  expect(status).toBe(504);
  expect(body).toMatchObject({ error: { code: "deadline_exceeded" } });
});
