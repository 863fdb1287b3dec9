/** Deadlines, cancellation, pools, priorities, overload: with a stage that holds until the test lets it go. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { RunRequest } from "../../src/pipeline/results.ts";
import { PLAIN_PICTURE, type TestEngine, testEngine } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const file = (name: string) => ({ name, bytes: PLAIN_PICTURE });
const holding = (channel: ProbeChannel, more = "") =>
  `stages:\n  - probe: { does: hold, channel: ${channel.name} }\n${more}`;

function runNamed(engine: TestEngine, pipeline: string, name: string, options: Partial<RunRequest> = {}) {
  return engine.run(pipeline, { files: [file(name)], ...options });
}

describe("a deadline", () => {
  test("is kept: what is done is answered, what is not says deadline_exceeded", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine({ hold: holding(probe) }, { itemsPerWorker: 2 });
    const answer = engine.run("hold", { files: [file("a"), file("b")], deadlineMs: 300 });
    await probe.holds(2);
    probe.release("a");
    const { items, elapsed_ms } = await answer;
    expect(items.map((item) => item.error?.code)).toEqual([undefined, "deadline_exceeded"]);
    expect(items[0]?.status).toBe("no_face");
    expect(elapsed_ms).toBeGreaterThanOrEqual(299);
    probe.releaseAll();
  });

  test("frees the worker: later requests are answered", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine({ hold: holding(probe), free: "stages: [probe]\n" }, { itemsPerWorker: 1 });
    await runNamed(engine, "hold", "a", { deadlineMs: 50 });
    probe.releaseAll();
    expect((await engine.run("free")).items[0]?.status).toBe("no_face");
  });

  test("of a request is never later than the pipeline's", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine({ hold: holding(probe, "limits: { deadline: 50ms }\n") });
    const { items } = await runNamed(engine, "hold", "a", { deadlineMs: 60_000 });
    expect(items[0]?.error?.code).toBe("deadline_exceeded");
    probe.releaseAll();
  });
});

describe("a caller that leaves", () => {
  test("is not waited for, and its waiting and running pictures are given up", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine({ hold: holding(probe) }, { itemsPerWorker: 1 });
    const leaving = new AbortController();
    const answer = engine.run("hold", { files: [file("a"), file("b")], signal: leaving.signal });
    await probe.holds(1);
    leaving.abort();
    expect(answer).rejects.toMatchObject({ code: "request_cancelled" });
    await answer.catch(() => undefined);
    expect(engine.engine.health().queue?.details).toMatchObject({ waiting: 0 });
    probe.releaseAll();
    await eventually(() => engine.engine.health().workers?.details?.busy === 0);
    expect(probe.held).toEqual(["a"]);
  });
});

describe("overload", () => {
  test("is refused at once with a time to come back, and what was accepted is answered", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine(
      { hold: holding(probe) },
      { itemsPerWorker: 1, queue: { limit: 2, maxBytes: 1e6 } },
    );
    const accepted = ["a", "b", "c"].map((name) => runNamed(engine, "hold", name));
    await probe.holds(1);
    await eventually(() => engine.engine.health().queue?.details?.waiting === 2);
    expect(runNamed(engine, "hold", "d")).rejects.toMatchObject({
      code: "overloaded",
      details: { retry_after_s: expect.any(Number) },
    });
    expect(() => engine.engine.admit("hold")).toThrow("Too much work");
    for (const name of ["a", "b", "c"]) {
      await eventually(() => probe.held.includes(name));
      probe.release(name);
    }
    expect((await Promise.all(accepted)).map(({ items }) => items[0]?.status)).toEqual([
      "no_face",
      "no_face",
      "no_face",
    ]);
  });

  test("counts the bytes that wait, not only the pictures", async () => {
    using probe = new ProbeChannel();
    await using engine = await testEngine(
      { hold: holding(probe) },
      { itemsPerWorker: 1, queue: { limit: 100, maxBytes: PLAIN_PICTURE.byteLength + 1 } },
    );
    const accepted = ["a", "b"].map((name) => runNamed(engine, "hold", name));
    await eventually(() => engine.engine.health().queue?.details?.waiting === 1);
    expect(runNamed(engine, "hold", "c")).rejects.toMatchObject({ code: "overloaded" });
    await probe.holds(1);
    probe.release("a");
    await probe.holds(2);
    probe.release("b");
    await Promise.all(accepted);
  });
});

test("waiting requests are taken by priority, equal ones in the order they came", async () => {
  using probe = new ProbeChannel();
  await using engine = await testEngine({ hold: holding(probe) }, { itemsPerWorker: 1 });
  const first = runNamed(engine, "hold", "first");
  await probe.holds(1);
  const others = [
    runNamed(engine, "hold", "low", { priority: 0 }),
    runNamed(engine, "hold", "normal-1"),
    runNamed(engine, "hold", "high", { priority: 9 }),
    runNamed(engine, "hold", "normal-2"),
  ];
  await eventually(() => engine.engine.health().queue?.details?.waiting === 4);
  for (let count = 1; count <= 5; count++) {
    await probe.holds(count);
    probe.release(probe.held[count - 1] ?? "");
  }
  await Promise.all([first, ...others]);
  expect(probe.held).toEqual(["first", "high", "normal-1", "normal-2", "low"]);
});

describe("a pool", () => {
  const pools = { default: { slots: 2, queue: 8 }, heavy: { slots: 2, queue: 1 } };

  test("runs a stage that takes all its slots alone", async () => {
    using probe = new ProbeChannel();
    const log = join(temporaryFolder("facewire-log-"), "log");
    const stage = `stages:\n  - probe: { does: hold, channel: ${probe.name}, log: ${log} }\n    pool: heavy\n    slots: 2\n`;
    await using engine = await testEngine({ hold: stage }, { pools, itemsPerWorker: 4 });
    const runs = ["a", "b"].map((name) => runNamed(engine, "hold", name));
    await probe.holds(1);
    await eventually(() => poolCounts(engine).waiting === 1);
    expect(poolCounts(engine)).toEqual({ taken: 2, waiting: 1 });
    probe.release("a");
    await probe.holds(2);
    probe.release("b");
    await Promise.all(runs);
    expect(await Bun.file(log).text()).toBe("+a\n-a\n+b\n-b\n");
    await eventually(() => poolCounts(engine).taken === 0);
  });

  test("lets as many run at once as it has slots for", async () => {
    using probe = new ProbeChannel();
    const stage = `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n    pool: heavy\n`;
    await using engine = await testEngine({ hold: stage }, { pools, itemsPerWorker: 4 });
    const runs = ["a", "b"].map((name) => runNamed(engine, "hold", name));
    await probe.holds(2);
    expect(poolCounts(engine)).toEqual({ taken: 2, waiting: 0 });
    probe.releaseAll();
    await Promise.all(runs);
  });

  test("refuses with pool_full what has no room to wait, and a waiter holds no worker", async () => {
    using probe = new ProbeChannel();
    const stage = `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n    pool: heavy\n    slots: 2\n`;
    await using engine = await testEngine({ hold: stage, free: "stages: [probe]\n" }, { pools, itemsPerWorker: 2 });
    const runs = [runNamed(engine, "hold", "a")];
    await probe.holds(1);
    runs.push(runNamed(engine, "hold", "b"));
    await eventually(() => poolCounts(engine).waiting === 1);
    const { items } = await runNamed(engine, "hold", "c");
    expect(items[0]?.error).toMatchObject({ code: "pool_full", details: { pool: "heavy" } });
    expect((await engine.run("free")).items[0]?.status).toBe("no_face");
    probe.release("a");
    await probe.holds(2);
    probe.release("b");
    await Promise.all(runs);
  });

  test("gives a waiter up that is no longer wanted, and the next one gets its turn", async () => {
    using probe = new ProbeChannel();
    const stage = `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n    pool: heavy\n    slots: 2\n`;
    await using engine = await testEngine({ hold: stage }, { pools, itemsPerWorker: 3 });
    const first = runNamed(engine, "hold", "a");
    await probe.holds(1);
    const leaving = new AbortController();
    const second = runNamed(engine, "hold", "b", { signal: leaving.signal });
    await eventually(() => poolCounts(engine).waiting === 1);
    leaving.abort();
    await second.catch(() => undefined);
    expect(poolCounts(engine).waiting).toBe(0);
    const third = runNamed(engine, "hold", "c");
    await eventually(() => poolCounts(engine).waiting === 1);
    probe.release("a");
    await probe.holds(2);
    probe.release("c");
    await Promise.all([first, third]);
    expect(probe.held).toEqual(["a", "c"]);
  });
});

test("a stopping engine finishes what it accepted and refuses what is new", async () => {
  using probe = new ProbeChannel();
  const engine = await testEngine({ hold: holding(probe) });
  const accepted = runNamed(engine, "hold", "a");
  await probe.holds(1);
  const drained = engine.engine.drain(5000);
  expect(runNamed(engine, "hold", "b")).rejects.toMatchObject({ code: "shutting_down" });
  probe.release("a");
  expect((await accepted).items[0]?.status).toBe("no_face");
  await drained;
});

function poolCounts(engine: TestEngine): { taken: number; waiting: number } {
  const details = engine.engine.health().queue?.details as {
    pools: Record<string, { taken: number; waiting: number }>;
  };
  return details.pools.heavy ?? { taken: -1, waiting: -1 };
}
