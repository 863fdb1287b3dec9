import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { watchDeadLetters } from "../../src/observe/dead-letter-watch.ts";
import { createLogger } from "../../src/observe/logs.ts";
import { createMetrics, type Metrics } from "../../src/observe/metrics.ts";
import { metricsReference } from "../../src/observe/reference.ts";
import { allEngineWatchers, allHttpWatchers } from "../../src/observe/reports.ts";
import { itemReport, requestReport } from "./reports.ts";

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
afterEach(() => metrics.close());

/** The samples of all metrics: `name{labels}` to value. */
async function samples(): Promise<Map<string, number>> {
  const { text } = await metrics.text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

describe("metrics count", () => {
  test("pictures with the time of each stage", async () => {
    metrics.engine.item?.(itemReport());
    metrics.engine.item?.(itemReport({ status: "failed", code: "picture_damaged", startedAt: undefined, stages: [] }));
    const found = await samples();
    expect(found.get('facewire_items_total{pipeline="face-liveness",status="ok",code="ok"}')).toBe(1);
    expect(found.get('facewire_items_total{pipeline="face-liveness",status="failed",code="picture_damaged"}')).toBe(1);
    expect(found.get('facewire_stage_seconds_sum{pipeline="face-liveness",stage="1. detect"}')).toBeCloseTo(0.02);
    expect(found.get('facewire_stage_seconds_count{pipeline="face-liveness",stage="2. liveness"}')).toBe(1);
    expect(found.get('facewire_item_wait_seconds_sum{pipeline="face-liveness"}')).toBeCloseTo(0.01);
    expect(found.get('facewire_decode_seconds_count{pipeline="face-liveness"}')).toBe(1);
  });

  test("requests by how they ended, and refused ones by reason", async () => {
    metrics.engine.request?.(requestReport());
    metrics.engine.request?.(requestReport({ code: "deadline_exceeded" }));
    metrics.engine.refused?.("face-liveness", "overloaded");
    const found = await samples();
    expect(found.get('facewire_requests_total{pipeline="face-liveness",code="ok"}')).toBe(1);
    expect(found.get('facewire_requests_total{pipeline="face-liveness",code="deadline_exceeded"}')).toBe(1);
    expect(found.get('facewire_requests_refused_total{pipeline="face-liveness",reason="overloaded"}')).toBe(1);
  });

  test("HTTP requests by route, and those that are open", async () => {
    metrics.http.started();
    metrics.http.started();
    metrics.http.finished({ id: "r", method: "GET", path: "/health", route: "/health" }, 200, 5, undefined);
    const found = await samples();
    expect(found.get('facewire_http_requests_total{method="GET",route="/health",status="200"}')).toBe(1);
    expect(found.get("facewire_http_requests_open")).toBe(1);
  });

  test("lost workers, and show the queue, the workers and the processes of groups as they are when read", async () => {
    const state = { queue: 3, workers: { ready: 2, busy: 1 }, members: { faces: 2 } };
    metrics.watch({
      queueLength: () => state.queue,
      workers: () => state.workers,
      members: () => state.members,
      jobs: async () => ({ waiting: 2, running: 1, stalled: 0 }),
    });
    metrics.engine.workerLost?.(0, "died");
    expect((await samples()).get("facewire_queue_items")).toBe(3);
    state.queue = 0;
    const found = await samples();
    expect(found.get("facewire_queue_items")).toBe(0);
    expect(found.get('facewire_workers{state="ready"}')).toBe(2);
    expect(found.get('facewire_group_members{group="faces"}')).toBe(2);
    expect(found.get('facewire_jobs{state="waiting"}')).toBe(2);
    expect(found.get("facewire_worker_losses_total")).toBe(1);
  });

  test("what they can, also when jobs cannot be counted", async () => {
    metrics.watch({
      queueLength: () => 3,
      workers: () => ({}),
      members: () => ({}),
      jobs: () => Promise.reject(new Error("The database is away.")),
    });
    const found = await samples();
    expect(found.get("facewire_queue_items")).toBe(3);
    expect([...found.keys()].filter((name) => name.startsWith("facewire_jobs"))).toEqual([]);
  });

  test("a blocked event loop", async () => {
    const longestStall = async () => {
      await new Promise((resume) => setImmediate(resume));
      return (await samples()).get('facewire_event_loop_stall_seconds{quantile="1"}') ?? 0;
    };
    // The measuring timer must be running before the block, and run again after it.
    while ((await longestStall()) === 0);
    const until = performance.now() + 120;
    while (performance.now() < until);
    let longest = 0;
    while (longest < 0.1) longest = await longestStall();
    expect(longest).toBeLessThan(60);
  });

  test("the process: memory, CPU time and start", async () => {
    const found = await samples();
    expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(found.get("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(found.get("process_start_time_seconds")).toBeLessThanOrEqual(Date.now() / 1000);
  });
});

test("callers cannot make new time series by inventing methods and pipelines", async () => {
  const lines = async () => (await samples()).size;
  metrics.http.finished({ id: "r", method: "X0", path: "/", route: "unmatched" }, 405, 1, undefined);
  metrics.engine.refused?.("p0", "pipeline_unknown");
  const before = await lines();
  for (let i = 1; i < 100; i++) {
    metrics.http.finished({ id: "r", method: `X${i}`, path: `/${i}`, route: "unmatched" }, 405, 1, undefined);
    metrics.engine.refused?.(`p${i}`, "pipeline_unknown");
  }
  expect(await lines()).toBe(before);
});

test("two servers in one process count apart", async () => {
  const other = createMetrics();
  other.engine.workerLost?.(0, "died");
  expect((await samples()).get("facewire_worker_losses_total")).toBe(0);
  other.close();
});

test("every metric is named by the convention and explains itself", async () => {
  for (const { name, type, help } of await metrics.describe()) {
    expect(name).toMatch(/^(facewire|process)_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(type === "counter" || name === "process_cpu_seconds_total");
    expect(help).toMatch(/^[A-Z].*\.$/);
  }
});

test("the page of metrics agrees with the code", async () => {
  const page = await readFile(join(import.meta.dir, "../../docs/metrics.md"), "utf8");
  expect(page).toBe(await metricsReference());
  for (const { name } of await metrics.describe()) expect(page).toContain(`| \`${name}\` |`);
});

describe("dead letters", () => {
  const letter = { address: "stage", kind: "k", cause: { code: "stage_failed" }, requestId: "r1", attempts: 3 };

  test("are counted and logged when kept, and also when the store does not take them", async () => {
    const lines: string[] = [];
    const logger = createLogger("info", { write: (line) => lines.push(line) });
    const kept: unknown[] = [];
    await watchDeadLetters({ record: (one: typeof letter) => void kept.push(one) }, metrics, logger).record(letter);
    const broken = { record: () => Promise.reject(new Error("full")) };
    await expect(Promise.resolve(watchDeadLetters(broken, metrics, logger).record(letter))).rejects.toThrow("full");
    expect(kept).toEqual([letter]);
    const found = await samples();
    expect(found.get("facewire_dead_letters_total")).toBe(1);
    expect(found.get("facewire_dead_letters_lost_total")).toBe(1);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error"]);
  });
});

describe("watchers", () => {
  test("are all told, also when one of them throws", () => {
    const errors: unknown[] = [];
    let told = 0;
    const broken = () => {
      throw new Error("broken");
    };
    const engine = allEngineWatchers([{ item: broken }, {}, { item: () => void told++ }], (error) =>
      errors.push(error),
    );
    engine.item(itemReport());
    engine.workerLost(0, "died");
    const http = allHttpWatchers(
      [
        { started: broken, finished: broken },
        { started: () => void told++, finished() {} },
      ],
      (error) => errors.push(error),
    );
    http.started();
    expect(told).toBe(2);
    expect(errors).toHaveLength(2);
  });
});
