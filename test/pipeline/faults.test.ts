/** Workers that die, stages that throw, models that are damaged, files that change: the rest goes on. */
import { describe, expect, test } from "bun:test";
import { copyFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  copyOfModels,
  MODELS_CACHE,
  PLAIN_PICTURE,
  samplePicture,
  type TestEngine,
  testEngine,
} from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const FREE = "stages: [probe]\n";

async function fresh(name: string): Promise<string> {
  return join(temporaryFolder("facewire-fault-"), name);
}

describe("a worker that dies", () => {
  test("is replaced, and what it was working on is done again", async () => {
    const marker = await fresh("died");
    await using engine = await testEngine({ once: `stages:\n  - probe: { does: exit, once: ${marker} }\n` });
    const { items } = await engine.run("once");
    expect(items[0]?.status).toBe("no_face");
    expect(engine.engine.health().workers).toMatchObject({ status: "ok", details: { restarts: 1 } });
    expect(engine.reports[0]?.attempts).toBe(2);
    expect(engine.letters).toHaveLength(0);
  });

  test("on the same picture each time costs that picture only: a coded answer and a dead letter", async () => {
    await using engine = await testEngine({ deadly: "stages:\n  - probe: { does: exit }\n", free: FREE });
    const { items } = await engine.run("deadly");
    expect(items[0]).toMatchObject({ status: "failed", error: { code: "worker_failed" } });
    expect(engine.letters).toHaveLength(1);
    expect(engine.letters[0]).toMatchObject({ attempts: 3, cause: { code: "worker_failed" }, requestId: "test-1" });
    await eventually(() => engine.engine.health().workers?.status === "ok");
    expect((await engine.run("free")).items[0]?.status).toBe("no_face");
  });

  test("gives back the slots it held", async () => {
    const marker = await fresh("died");
    const pools = { default: { slots: 1, queue: 8 }, heavy: { slots: 1, queue: 1 } };
    const text = `stages:\n  - probe: { does: exit, once: ${marker} }\n    pool: heavy\n`;
    await using engine = await testEngine({ once: text }, { pools });
    expect((await engine.run("once")).items[0]?.status).toBe("no_face");
    expect((await engine.run("once")).items[0]?.status).toBe("no_face");
  });
});

test("workers that cannot start are told of soon, with their cause, and keep nobody waiting", async () => {
  const stage = await fresh("main-thread-only.ts");
  const probe = join(import.meta.dir, "../fixtures/probe-stage.ts");
  await writeFile(
    stage,
    `import { isMainThread } from "node:worker_threads";
if (!isMainThread) throw new Error("no place for this stage");
export { default } from ${JSON.stringify(probe)};\n`,
  );
  await using engine = await testEngine({ free: FREE }, { stageFiles: [stage] });
  expect(engine.engine.health()).toMatchObject({
    workers: { status: "failed" },
    pipelines: { status: "failed", details: { free: "unavailable" } },
  });
  const [free] = engine.engine.pipelines();
  expect(free?.error?.message).toContain("cannot start");
}, 15_000);

test("a stage that never comes back costs its own request only: the worker is replaced and health says so", async () => {
  const end = await fresh("end");
  const text = `stages:\n  - probe: { does: spin, channel: ${end} }\nlimits: { deadline: 100ms }\n`;
  await using engine = await testEngine({ spin: text, free: FREE }, { stuckAfterMs: 100 });
  try {
    expect((await engine.run("spin")).items[0]?.error?.code).toBe("deadline_exceeded");
    expect((await engine.run("free")).items[0]?.status).toBe("no_face");
    expect(engine.engine.health().workers).toMatchObject({ status: "degraded", details: { abandoned: 1, ready: 1 } });
  } finally {
    await writeFile(end, "");
  }
});

describe("a stage that throws", () => {
  test("is answered with its name, goes to the dead letters with its attempts, and hurts nobody else", async () => {
    await using engine = await testEngine({ faulty: "stages:\n  - probe: { does: throw }\n", free: FREE });
    const { items } = await engine.run("faulty");
    expect(items[0]?.error).toMatchObject({ code: "stage_failed", details: { stage: "1. probe" } });
    expect(JSON.stringify(items)).not.toContain("told to throw");
    expect(engine.letters[0]).toMatchObject({ attempts: 3, cause: { code: "stage_failed" } });
    expect(engine.letters[0]?.internal).toContain("the probe was told to throw");
    expect((await engine.run("free")).items[0]?.status).toBe("no_face");
  });

  test("once only is done again", async () => {
    const marker = await fresh("thrown");
    await using engine = await testEngine({ once: `stages:\n  - probe: { does: throw, once: ${marker} }\n` });
    expect((await engine.run("once")).items[0]?.status).toBe("no_face");
    expect(engine.letters).toHaveLength(0);
  });
});

test("a damaged model fails its own pipelines by name, and they come back when it is mended", async () => {
  const modelsCache = await copyOfModels();
  const name = (await readdir(modelsCache)).find((file) => file.startsWith("emotion")) ?? "";
  await writeFile(join(modelsCache, name), "damaged");
  await using engine = await testEngine(
    { moody: "stages: [detect, emotion]\n", faces: "stages: [detect]\n" },
    { modelsCache, watch: false },
  );
  expect(engine.run("moody")).rejects.toMatchObject({
    code: "pipeline_unavailable",
    details: { pipeline: "moody", reason: { code: "model_damaged" } },
  });
  const health = engine.engine.health();
  expect(health.models).toMatchObject({ status: "degraded" });
  expect(health.models?.message).toContain("emotion");
  expect(health.pipelines?.details).toMatchObject({ moody: "unavailable", faces: "ok" });
  const files = [{ name: "a.jpg", bytes: await samplePicture("sample1.jpg") }];
  expect((await engine.run("faces", { files })).items[0]?.status).toBe("ok");

  await copyFile(join(MODELS_CACHE, name), join(modelsCache, name));
  await eventually(() => engine.engine.health().models?.status === "ok", "the model is taken up again", 15_000);
  expect((await engine.run("moody", { files })).items[0]?.faces[0]?.emotion?.label).toBeString();
  await rm(modelsCache, { recursive: true });
}, 30_000);

describe("a pipeline file that changes", () => {
  const version = (engine: TestEngine, name: string) =>
    engine.engine.pipelines().find((pipeline) => pipeline.name === name)?.version;

  test("is taken up by new requests while running ones finish on the old version", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine({ p: `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n` });
    const before = version(engine, "p");
    const running = engine.run("p", { files: [{ name: "old", bytes: PLAIN_PICTURE }] });
    await probe.holds(1);
    await engine.write("p", FREE);
    await eventually(() => version(engine, "p") !== before);
    const answered = await engine.run("p");
    expect(answered.version).toBe(version(engine, "p") ?? "");
    probe.release("old");
    expect((await running).version).toBe(before ?? "");
  });

  test("to something broken changes nothing and is reported with its line", async () => {
    await using engine = await testEngine({ p: FREE });
    const before = version(engine, "p");
    await engine.write("p", "stages: [prob]\n");
    await eventually(() => engine.engine.pipelines()[0]?.status === "stale");
    expect(engine.engine.pipelines()[0]?.error).toMatchObject({ code: "pipeline_invalid" });
    expect(engine.engine.pipelines()[0]?.error?.message).toContain("p.yaml:3");
    expect(engine.engine.health().pipelines?.status).toBe("degraded");
    expect((await engine.run("p")).version).toBe(before ?? "");
    await engine.write("p", FREE);
    await eventually(() => engine.engine.pipelines()[0]?.status === "ok");
  });

  test("is new or gone at once", async () => {
    await using engine = await testEngine({ p: FREE });
    await engine.write("q", FREE);
    await eventually(() => version(engine, "q") !== undefined);
    expect((await engine.run("q")).items[0]?.status).toBe("no_face");
    await engine.remove("q");
    await eventually(() => version(engine, "q") === undefined);
    expect(engine.run("q")).rejects.toMatchObject({ code: "pipeline_unknown" });
  });

  test("that another one uses swaps that one too", async () => {
    await using engine = await testEngine({ base: FREE, top: "stages:\n  - use: base\n" });
    const before = version(engine, "top");
    await engine.write("base", "stages:\n  - probe: {}\n  - probe: {}\n");
    await eventually(() => version(engine, "top") !== before);
    expect(engine.engine.pipeline("top").plan.nodes).toHaveLength(3);
  });
});
