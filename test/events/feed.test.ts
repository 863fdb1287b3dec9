/** Subscribers of one process and of several on one database: everything once, in order, however it comes. */
import { describe, expect, test } from "bun:test";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { nativeView } from "../../src/events/view.ts";
import { eventually, rejection } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { TestOutlet } from "./outlet.ts";
import { type EventProcess, eventProcess } from "./process.ts";
import { newEvent } from "./stored.ts";

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, at) => from + at);
const folder = () => temporaryFolder("facewire-events-");

/** Tells as many events as asked for, three at a time. */
async function tell({ recorder }: EventProcess, count: number): Promise<void> {
  for (let item = 0; item < count; item += 3) {
    await recorder.record(upTo(Math.min(3, count - item)).map(() => newEvent(item)));
  }
}

describe("A subscription", () => {
  test("begins with what comes from now on, and says where that is", async () => {
    await using process = await eventProcess(folder());
    await tell(process, 3);
    const { outlet } = await process.follow();
    await tell(process, 2);
    await outlet.has(3);
    expect(outlet.messages[0]).toEqual({ type: "subscription.started", cursor: "3" });
    expect(outlet.ids).toEqual([4, 5]);
  });

  test("with a cursor gets each event after it once and in order, while others keep coming", async () => {
    await using process = await eventProcess(folder());
    await process.recorder.record(upTo(450).map((item) => newEvent(item)));
    const telling = tell(process, 150);
    const { outlet } = await process.follow({ cursor: "7" });
    await telling;
    await outlet.has(1 + 593);
    expect(outlet.ids).toEqual(upTo(593, 8));
  });

  test("gets what its filter means, live and missed alike", async () => {
    await using process = await eventProcess(folder());
    const send = (request: string) => process.recorder.record([newEvent(0, { request })]);
    for (const request of ["a", "b", "a"]) await send(request);
    const { outlet } = await process.follow({ cursor: "0", filter: { requests: ["a"] } });
    await outlet.has(3);
    for (const request of ["b", "a", "b", "a"]) await send(request);
    await outlet.has(5);
    expect(outlet.ids).toEqual([1, 3, 5, 7]);
  });

  test("has the age of each event at the moment it is sent", async () => {
    await using process = await eventProcess(folder());
    await process.store.events.append([
      {
        key: undefined,
        time: Date.now() - 60_000,
        type: "item.completed",
        pipeline: undefined,
        request: undefined,
        job: undefined,
        item: undefined,
        frame: undefined,
        verdict: undefined,
        data: "{}",
        account: undefined,
      },
    ]);
    const { outlet } = await process.follow({ cursor: "0" });
    await outlet.has(2);
    await tell(process, 1);
    await outlet.has(3);
    const [missed, live] = outlet.messages.slice(1).map(({ age_ms }) => Number(age_ms));
    expect(missed).toBeGreaterThanOrEqual(60_000);
    expect(live).toBeLessThan(30_000);
    expect(live).toBeGreaterThanOrEqual(0);
  });

  test("behind what is kept is refused with the oldest cursor, and one from there gets everything", async () => {
    await using process = await eventProcess(folder());
    await tell(process, 10);
    await process.store.events.prune({ olderThan: 0, keep: 4 });
    const error = await rejection(process.follow({ cursor: "5" }));
    expect(error).toMatchObject({ code: "cursor_expired", details: { oldest: "6" } });
    const { outlet } = await process.follow({ cursor: "6" });
    await outlet.has(5);
    expect(outlet.ids).toEqual([7, 8, 9, 10]);
  });

  test("with a cursor that was never given out is refused", async () => {
    await using process = await eventProcess(folder());
    await tell(process, 3);
    for (const cursor of ["4", "-1", "1e3", "01", "x", "99999999999999999999"]) {
      expect(await rejection(process.follow({ cursor }))).toMatchObject({
        code: "request_invalid",
        details: { parameter: "cursor", latest: "3" },
      });
    }
  });

  test("beyond the most allowed is refused, until one is closed", async () => {
    await using process = await eventProcess(folder(), { env: { FACEWIRE_EVENTS_SUBSCRIBERS: "2" } });
    const { subscriber } = await process.follow();
    await process.follow();
    expect(await rejection(process.follow())).toMatchObject({
      code: "overloaded",
      details: { subscribers: 2, retry_after_s: expect.any(Number) },
    });
    subscriber.closed();
    subscriber.closed();
    await process.follow();
    expect(process.counts.subscribers).toBe(2);
  });

  test("that never opens gives its place back", async () => {
    await using process = await eventProcess(folder(), { env: { FACEWIRE_EVENTS_SUBSCRIBERS: "1" } });
    (await process.feed.subscribe({ view: nativeView({}) })).closed();
    await process.follow();
  });
});

describe("A slow reader", () => {
  /** One event is about 1 KB, the outbox 4 KB. */
  const slow = () => eventProcess(folder(), { env: { FACEWIRE_EVENTS_OUTBOX: "4KiB" } });
  const record = (process: Awaited<ReturnType<typeof slow>>, count: number) =>
    process.recorder.record(upTo(count).map((item) => newEvent(item, {}, 800)));

  test("is told what it missed, no more than the outbox waits for it, and it goes on live", async () => {
    await using process = await slow();
    const { outlet } = await process.follow();
    const { outlet: quick } = await process.follow();
    outlet.stall();
    await record(process, 50);
    await quick.has(51);
    expect(outlet.mostWaiting).toBeLessThanOrEqual(4096);
    const got = outlet.ids.length;
    expect(got).toBeGreaterThan(1);
    outlet.take();
    expect(outlet.messages.at(-1)).toEqual({
      type: "subscription.lagged",
      missed: 50 - got,
      after: String(got),
      until: "50",
    });
    await record(process, 1);
    await quick.has(52);
    expect(outlet.ids).toEqual([...upTo(got), 51]);
    expect(process.counts.missed).toBe(50 - got);
    // The gap it was told of is exactly what a page gives.
    const { events } = await process.feed.page({ filter: {}, cursor: String(got), order: "asc", limit: 50 - got });
    expect(events.map((text) => Number(JSON.parse(text).id))).toEqual(upTo(50 - got, got + 1));
  });

  test("is told of one gap when it reads a little and falls behind again before half of the outbox is free", async () => {
    await using process = await slow();
    const { outlet } = await process.follow();
    const { outlet: quick } = await process.follow();
    outlet.stall();
    await record(process, 20);
    await quick.has(21);
    outlet.take(1000);
    await record(process, 20);
    await quick.has(41);
    outlet.take(4096);
    expect(outlet.messages.filter(({ type }) => type === "subscription.lagged")).toHaveLength(1);
    expect(outlet.messages.at(-1)).toMatchObject({ until: "40" });
  });

  test("that catches up is given what it missed at its own pace, and misses nothing", async () => {
    await using process = await slow();
    await record(process, 300);
    const outlet = new TestOutlet();
    outlet.stall();
    const following = process.follow({ cursor: "0" }, outlet);
    await outlet.has(4);
    await following;
    expect(outlet.mostWaiting).toBeLessThanOrEqual(4096 + 1200);
    while (outlet.ids.length < 300) {
      outlet.take(2000);
      await Bun.sleep(0);
    }
    expect(outlet.ids).toEqual(upTo(300));
    expect(outlet.mostWaiting).toBeLessThanOrEqual(4096 + 1200);
    expect(process.counts.missed).toBe(0);
  });

  test("that is still catching up when its events are deleted is told so and closed", async () => {
    await using process = await slow();
    await record(process, 300);
    const outlet = new TestOutlet();
    outlet.stall();
    await process.follow({ cursor: "0" }, outlet);
    await outlet.has(4);
    await process.store.events.prune({ olderThan: 0, keep: 10 });
    while (!outlet.ended) {
      outlet.take(4000);
      await Bun.sleep(0);
    }
    const last = outlet.ids.at(-1);
    expect(outlet.messages.at(-1)).toMatchObject({
      type: "subscription.failed",
      error: { code: "cursor_expired", details: { oldest: "290" } },
      cursor: String(last),
    });
    expect(outlet.ids).toEqual(upTo(Number(last)));
    expect(outlet.ended).toMatchObject({ code: 4410 });
    expect(process.counts.subscribers).toBe(0);
  });

  test("gets an event that is larger than the whole outbox", async () => {
    await using process = await slow();
    const { outlet } = await process.follow();
    await process.recorder.record([newEvent(0, {}, 10_000)]);
    await outlet.has(2);
    expect(outlet.ids).toEqual([1]);
  });

  test("that is behind when the server stops is told to resume before its gap", async () => {
    await using process = await slow();
    const { outlet, subscriber } = await process.follow();
    const { outlet: quick } = await process.follow();
    outlet.stall();
    await record(process, 20);
    await quick.has(21);
    const got = outlet.ids.length;
    subscriber.end();
    expect(outlet.messages.at(-1)).toEqual({
      type: "subscription.ended",
      reason: "shutting_down",
      cursor: String(got),
    });
    expect(outlet.ended).toMatchObject({ code: 1001 });
  });
});

describe("Several processes on one database", () => {
  test("give every subscriber everything once and in order, whoever stored it", async () => {
    const [shared, bus] = [folder(), new MemoryBus()];
    await using one = await eventProcess(shared, { bus });
    await using two = await eventProcess(shared, { bus });
    const followers = [await one.follow(), await two.follow(), await two.follow({ filter: { requests: ["r1"] } })];
    await Promise.all([tell(one, 60), tell(two, 60)]);
    for (const { outlet } of followers) {
      await outlet.has(121);
      expect(outlet.ids).toEqual(upTo(120));
    }
  });

  test("do so also when no hint ever arrives", async () => {
    const shared = folder();
    await using one = await eventProcess(shared);
    await using two = await eventProcess(shared);
    const { outlet } = await two.follow();
    await tell(one, 5);
    await outlet.has(6);
    expect(outlet.ids).toEqual(upTo(5));
  });

  test("are not misled by hints that come twice, late, or from another database", async () => {
    const bus = new MemoryBus();
    await using process = await eventProcess(folder(), { bus });
    const { outlet } = await process.follow();
    for (const hint of [1_000, 2, 2, 0, -5, Number.NaN]) bus.publish("events.stored", hint);
    bus.publish("events.stored", "nonsense");
    await tell(process, 3);
    await outlet.has(4);
    for (const hint of [3, 1, 3]) bus.publish("events.stored", hint);
    await tell(process, 1);
    await outlet.has(5);
    expect(outlet.ids).toEqual([1, 2, 3, 4]);
  });
});

test("a page of the past says where the next one and the live events begin", async () => {
  await using process = await eventProcess(folder());
  await tell(process, 5);
  const page = async (wish: object) => {
    const { events, ...rest } = await process.feed.page({ filter: {}, order: "asc", limit: 2, ...wish });
    return { ids: events.map((text) => Number(JSON.parse(text).id)), ...rest };
  };
  const ends = { oldest: "0", latest: "5" };
  expect(await page({})).toEqual({ ids: [1, 2], next: "2", ...ends });
  expect(await page({ cursor: "2" })).toEqual({ ids: [3, 4], next: "4", ...ends });
  expect(await page({ cursor: "4" })).toEqual({ ids: [5], next: null, ...ends });
  expect(await page({ cursor: "5" })).toEqual({ ids: [], next: null, ...ends });
  expect(await page({ order: "desc" })).toEqual({ ids: [5, 4], next: "4", ...ends });
  expect(await page({ order: "desc", cursor: "2" })).toEqual({ ids: [1], next: null, ...ends });
  await process.store.events.prune({ olderThan: 0, keep: 2 });
  expect(await rejection(page({ cursor: "2" }))).toMatchObject({ code: "cursor_expired" });
  expect(await page({})).toMatchObject({ ids: [4, 5], oldest: "3" });
  expect(await page({ order: "desc", cursor: "2" })).toMatchObject({ ids: [], next: null });
});

test("a subscriber that leaves while events come is not given any more", async () => {
  await using process = await eventProcess(folder());
  const { outlet, subscriber } = await process.follow();
  await tell(process, 1);
  await outlet.has(2);
  subscriber.closed();
  const { outlet: stays } = await process.follow();
  await tell(process, 2);
  await eventually(() => stays.ids.length === 2);
  expect(outlet.ids).toEqual([1]);
});
