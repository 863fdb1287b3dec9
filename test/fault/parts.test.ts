/** Parts of a running server that fail: the request is answered with a code, health names the part, the rest goes on. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyOfModels, MODELS_CACHE, PLAIN_PICTURE } from "../support/engine.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

describe("With stages that fail", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({
      pipelines: {
        throws: "stages:\n  - probe: { does: throw }\n",
        dies: "stages:\n  - probe: { does: exit }\n",
        strange: "stages:\n  - probe: { does: unsendable }\n",
      },
      env: { FACEWIRE_INFERENCE_MAX_ATTEMPTS: "2" },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("a stage that throws is answered with stage_failed and its name, without its words; the dead letter has them", async () => {
    const { status, body } = await server.client.run("throws", PLAIN_PICTURE);
    expect([status, body.error]).toMatchObject([500, { code: "stage_failed", details: { stage: "1. probe" } }]);
    expect(JSON.stringify(body)).not.toMatch(/told to throw|probe-stage\.ts|node_modules/);
    const { letters } = await server.app.store.deadLetters.list({ limit: 1 });
    expect(letters[0]).toMatchObject({ attempts: 2, requestId: body.request, cause: { code: "stage_failed" } });
    expect(letters[0]?.internal).toContain("told to throw");
    await server.client.expectAsBefore();
  });

  test("a worker that dies on a picture is replaced; the picture is answered with worker_failed, others are not hurt", async () => {
    const lost = await server.client.metric("facewire_worker_losses_total");
    const [died, ...good] = await Promise.all([
      server.client.run("dies", PLAIN_PICTURE),
      ...Array.from({ length: 6 }, () => server.client.run("face-liveness")),
    ]);
    expect([died?.status, died?.body.error?.code]).toEqual([500, "worker_failed"]);
    for (const { status, body } of good) {
      expect([status, body.items?.[0]?.faces[0]?.liveness?.prediction]).toEqual([200, "live"]);
    }
    expect(await server.client.metric("facewire_worker_losses_total")).toBe(lost + 2);
    await server.client.healthBecomes(({ status }) => status === "ok");
    await server.client.expectAsBefore();
  });

  test("health names the workers while one is being replaced", async () => {
    const died = server.client.run("dies", PLAIN_PICTURE);
    const health = await server.client.healthBecomes(({ parts }) => parts.workers?.status !== "ok");
    expect(health.parts.workers?.message).toMatch(/\d of \d inference workers are ready/);
    await died;
    await server.client.healthBecomes(({ status }) => status === "ok");
    await server.client.expectAsBefore();
  });

  test("a stage whose result cannot leave its thread is answered with stage_failed", async () => {
    const { status, body } = await server.client.run("strange", PLAIN_PICTURE);
    expect([status, body.error?.code]).toEqual([500, "stage_failed"]);
    await server.client.expectAsBefore();
  });
});

test("a damaged model file: its pipelines say so, health names it, others live, and it comes back without a restart", async () => {
  const cache = await copyOfModels();
  const name = (await readdir(cache)).find((file) => file.startsWith("emotion")) ?? "";
  await writeFile(join(cache, name), "damaged");
  await using server = await testServer({
    pipelines: { moody: "stages: [detect, emotion]\n" },
    env: { FACEWIRE_MODELS_CACHE: cache },
  });
  const { client } = server;
  const refused = await client.run("moody");
  expect([refused.status, refused.body.error?.code]).toEqual([503, "pipeline_unavailable"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(JSON.stringify(refused.body)).not.toContain(cache);
  const health = await client.health();
  expect(health).toMatchObject({
    status: "degraded",
    parts: { models: { status: "degraded" }, pipelines: { details: { moody: "unavailable", "face-liveness": "ok" } } },
  });
  expect(health.parts.models?.message).toContain("emotion");
  expect((await client.json("/health/ready")).status).toBe(200);
  const { models } = (await client.json<{ models: { task: string; state: string }[] }>("/v1/models")).body;
  expect(models.find(({ task }) => task === "emotion")?.state).toBe("damaged");
  expect((await client.run("face-liveness")).status).toBe(200);

  await copyFile(join(MODELS_CACHE, name), join(cache, name));
  await client.healthBecomes(({ status }) => status === "ok");
  expect((await client.run("moody")).body.items?.[0]?.faces[0]?.emotion?.label).toBeString();
  await client.expectAsBefore();
  await rm(cache, { recursive: true });
});
