/** What workers have in hand, and what is left of it when one dies, hangs or cannot take a pipeline up. */
import { expect, test } from "bun:test";
import { copyFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyOfModels, MODELS_CACHE, PLAIN_PICTURE, type TestEngine, testEngine } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const FREE = "stages: [probe]\n";

function runNamed(engine: TestEngine, pipeline: string, name: string) {
  return engine.run(pipeline, { files: [{ name, bytes: PLAIN_PICTURE }] });
}

async function fresh(name: string): Promise<string> {
  return join(temporaryFolder("facewire-workers-"), name);
}

test("a picture that kills its worker each time does not take the one beside it along", async () => {
  using probe = new ProbeChannel();
  await using engine = await testEngine(
    {
      hold: `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n`,
      deadly: "stages:\n  - probe: { does: exit }\n",
    },
    { workers: 1, itemsPerWorker: 2 },
  );
  const innocent = runNamed(engine, "hold", "innocent");
  await probe.holds(1);
  const deadly = runNamed(engine, "deadly", "deadly");
  await probe.holds(2);
  probe.release("innocent");
  expect((await innocent).items[0]?.status).toBe("no_face");
  expect((await deadly).items[0]?.error?.code).toBe("worker_failed");
  expect(engine.letters.map((letter) => letter.address)).toEqual(["pipeline.deadly"]);
});

test("a picture whose branches all wait for a pool makes room for one other picture, not more", async () => {
  using probe = new ProbeChannel();
  const stage = `probe: { does: hold, channel: ${probe.name} }`;
  await using engine = await testEngine(
    {
      taker: `stages:\n  - ${stage}\n    pool: heavy\n`,
      branches: "stages:\n  - parallel:\n      - { probe: {}, pool: heavy }\n      - { probe: {}, pool: heavy }\n",
      hold: `stages:\n  - ${stage}\n`,
    },
    { itemsPerWorker: 2, pools: { heavy: { slots: 1, queue: 8 } } },
  );
  const runs = [runNamed(engine, "taker", "taker")];
  await probe.holds(1);
  runs.push(runNamed(engine, "branches", "branches"));
  await eventually(() => heavy(engine).waiting === 2);
  runs.push(runNamed(engine, "hold", "first"), runNamed(engine, "hold", "second"));
  await probe.holds(2);
  expect(engine.engine.health().queue?.details?.waiting).toBe(1);
  probe.release("taker");
  probe.release("first");
  await probe.holds(3);
  probe.release("second");
  for (const { items } of await Promise.all(runs)) expect(items[0]?.status).toBe("no_face");
  expect(engine.engine.health().workers?.details?.busy).toBe(0);
});

test("a worker that was given up ends when it comes back, and health says so", async () => {
  const end = await fresh("end");
  const text = `stages:\n  - probe: { does: spin, channel: ${end} }\nlimits: { deadline: 100ms }\n`;
  await using engine = await testEngine({ spin: text, free: FREE }, { stuckAfterMs: 100 });
  await runNamed(engine, "spin", "a");
  await eventually(() => engine.engine.health().workers?.details?.abandoned === 1);
  await writeFile(end, "");
  await eventually(() => engine.engine.health().workers?.details?.abandoned === 0);
  await eventually(() => engine.engine.health().workers?.status === "ok");
});

test("a result that cannot leave its worker fails its own picture and leaves the worker alive", async () => {
  await using engine = await testEngine({ odd: "stages:\n  - probe: { does: unsendable }\n", free: FREE });
  expect((await runNamed(engine, "odd", "a")).items[0]?.error?.code).toBe("stage_failed");
  expect(engine.engine.health().workers).toMatchObject({ status: "ok", details: { restarts: 0 } });
  expect((await runNamed(engine, "free", "b")).items[0]?.status).toBe("no_face");
});

test("a new worker that cannot take a pipeline up is named in health and tries again", async () => {
  const modelsCache = await copyOfModels();
  const name = (await readdir(modelsCache)).find((file) => file.startsWith("emotion")) ?? "";
  const marker = await fresh("died");
  await using engine = await testEngine(
    { moody: "stages: [detect, emotion]\n", once: `stages:\n  - probe: { does: exit, once: ${marker} }\n` },
    { modelsCache, workers: 2, watch: false },
  );
  await writeFile(join(modelsCache, name), "damaged");
  await runNamed(engine, "once", "a");
  await eventually(() => engine.engine.health().pipelines?.status === "degraded");
  expect(engine.engine.health().pipelines?.message).toContain("moody");
  expect((await runNamed(engine, "moody", "b")).items[0]?.status).toBe("no_face");
  await copyFile(join(MODELS_CACHE, name), join(modelsCache, name));
  await eventually(() => engine.engine.health().pipelines?.status === "ok", "all workers have it again", 15_000);
  await rm(modelsCache, { recursive: true });
}, 30_000);

function heavy(engine: TestEngine): { waiting: number } {
  const details = engine.engine.health().queue?.details as { pools: Record<string, { waiting: number }> };
  return details.pools.heavy ?? { waiting: -1 };
}
