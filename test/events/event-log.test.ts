import { expect, test } from "bun:test";
import { FacewireError } from "../../src/errors.ts";
import { EventLog } from "../../src/events/event-log.ts";
import { createLogger } from "../../src/observe/logs.ts";
import type { EventRow, StoredEvent } from "../../src/store/events.ts";
import { eventually, settle } from "../support/settle.ts";
import { countingWatcher, newEvent } from "./stored.ts";

const LOCKED = new FacewireError("store_unavailable", "Locked.", { details: { reason: "locked" } });

/** A log over a table in memory that fails as the test says. */
function testLog() {
  const table: EventRow[] = [];
  const batches: number[] = [];
  const published: StoredEvent[] = [];
  const logs: Record<string, unknown>[] = [];
  const watcher = countingWatcher();
  const state = { failure: undefined as unknown, gate: undefined as Promise<void> | undefined };
  const log = new EventLog({
    events: {
      async append(rows) {
        await state.gate;
        if (state.failure !== undefined) throw state.failure;
        batches.push(rows.length);
        table.push(...rows);
        return rows.map((row, at) => ({ ...row, id: table.length - rows.length + at + 1 }));
      },
    },
    watcher,
    logger: createLogger("debug", { write: (line: string) => void logs.push(JSON.parse(line)) }),
    now: () => 1_700_000_000_000,
    onStored: (stored) => published.push(...stored),
    retryMs: 5,
  });
  return { log, table, batches, published, logs, state, counts: watcher.counts };
}

const items = (rows: readonly { readonly item: number | undefined }[]) => rows.map(({ item }) => item);
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

test("events are stored and published when telling them resolves, with the time they were told", async () => {
  const { log, table, published } = testLog();
  await log.record([newEvent(0), newEvent(1)]);
  expect(items(table)).toEqual([0, 1]);
  expect(items(published)).toEqual([0, 1]);
  expect(table[0]?.time).toBe(1_700_000_000_000);
});

test("events that are told while others are stored go together, in their order", async () => {
  const { log, table, batches, state } = testLog();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const first = log.record([newEvent(0)]);
  await settle();
  const rest = upTo(99).map((at) => log.record([newEvent(at + 1)]));
  gate.resolve();
  await Promise.all([first, ...rest]);
  expect(batches).toEqual([1, 99]);
  expect(items(table)).toEqual(upTo(100));
});

test("a flood is stored in transactions of a bounded size", async () => {
  const { log, table, batches } = testLog();
  await Promise.all(upTo(1000).map((at) => log.record([newEvent(at)])));
  expect(items(table)).toEqual(upTo(1000));
  expect(Math.max(...batches)).toBeLessThanOrEqual(128);
});

test("while the database is away nobody waits, and events are stored in order when it is back", async () => {
  const { log, table, state, logs, counts } = testLog();
  state.failure = LOCKED;
  await log.record([newEvent(0)]);
  await log.record([newEvent(1)]);
  expect(log.failure?.code).toBe("store_unavailable");
  expect(table).toEqual([]);
  state.failure = undefined;
  await eventually(() => table.length === 2);
  expect(items(table)).toEqual([0, 1]);
  await log.record([newEvent(2)]);
  expect(items(table)).toEqual([0, 1, 2]);
  expect(log.failure).toBeUndefined();
  expect(counts).toMatchObject({ stored: 3, lost: 0 });
  // However often it was tried.
  expect(logs.map(({ message }) => message)).toEqual(["events cannot be stored", "events are stored again"]);
});

test("telling says whether events are stored, and whoever must know waits until they are", async () => {
  const { log, table, state } = testLog();
  expect(await log.record([newEvent(0)])).toBe(true);
  await log.settled();
  state.failure = LOCKED;
  const first = log.record([newEvent(1)]);
  let settled = false;
  const waiting = log.settled().then(() => {
    settled = true;
  });
  expect(await first).toBe(false);
  expect(await log.record([newEvent(2)])).toBe(false);
  await Bun.sleep(20);
  expect(settled).toBe(false);
  state.failure = undefined;
  await waiting;
  expect(items(table).slice(0, 2)).toEqual([0, 1]);
  await log.settled();
  expect(items(table)).toEqual([0, 1, 2]);
  state.failure = new Error("no such column");
  expect(await log.record([newEvent(3)])).toBe(false);
  await log.settled();
});

test("what is told while the database stays away is bounded, and what is lost is counted", async () => {
  const { log, state, counts, table } = testLog();
  state.failure = LOCKED;
  for (let sent = 0; sent < 12_000; sent += 500) await log.record(upTo(500).map((at) => newEvent(sent + at)));
  expect(log.waiting).toBe(10_000);
  expect(counts.lost).toBe(2_000);
  state.failure = undefined;
  await eventually(() => table.length === 10_000);
  expect(items(table)).toEqual(upTo(10_000));
});

test("long events are bounded by their characters", async () => {
  const { log, state, counts } = testLog();
  state.failure = LOCKED;
  for (let sent = 0; sent < 40; sent++) await log.record([newEvent(sent, {}, 1024 * 1024)]);
  expect(log.waiting).toBeLessThan(17);
  expect(counts.lost).toBe(40 - log.waiting);
});

test("events that can never be stored are given up and do not hold up others", async () => {
  const { log, table, state, logs, counts } = testLog();
  state.failure = new Error("no such column");
  await log.record([newEvent(0)]);
  state.failure = undefined;
  await log.record([newEvent(1)]);
  expect(items(table)).toEqual([1]);
  expect(counts.lost).toBe(1);
  expect(logs[0]).toMatchObject({ message: "events lost", types: ["item.completed"] });
});

test("a log that is closed stores what waits, and counts what comes later as lost", async () => {
  const { log, table, counts } = testLog();
  void log.record(upTo(300).map((at) => newEvent(at)));
  await log.close();
  expect(items(table)).toEqual(upTo(300));
  await log.record([newEvent(300)]);
  expect(counts.lost).toBe(1);
});

test("a log that is closed while the database is away counts what waits as lost and does not hang", async () => {
  const { log, counts, state, logs } = testLog();
  state.failure = LOCKED;
  await log.record([newEvent(0), newEvent(1)]);
  await log.close();
  expect(counts.lost).toBe(2);
  expect(logs.at(-1)).toMatchObject({ message: "events lost", events: 2 });
});
