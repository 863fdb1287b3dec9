/** Events of a whole server: what its runs tell, and subscribers that come back, read slowly or lose the database. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { matches } from "../../src/events/audience.ts";
import type { NewEvent } from "../../src/events/recorder.ts";
import type { EventFilter } from "../../src/store/events.ts";
import { newEvent, storedEvent } from "../events/stored.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { RawSubscription } from "../support/raw-subscription.ts";
import { eventually } from "../support/settle.ts";
import { type EventMessage, Subscription } from "../support/subscription.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

const upTo = (count: number, from: number) => Array.from({ length: count }, (_, at) => from + at);

/** Bytes that Linux keeps for a connection at most, by its defaults: 4 MiB to be sent, 6 MiB that were received. */
const SYSTEM_BUFFERS = 10 * 1024 * 1024;

/**
 * How far a subscriber without a filter knows what happened: each event follows on the one before, or on a gap it was told
 * of. Throws where neither is so.
 */
function positionOf(messages: readonly EventMessage[]): number {
  let position = Number(messages[0]?.cursor);
  for (const message of messages.slice(1)) {
    const follows = message.id === undefined ? message.after === String(position) : Number(message.id) === position + 1;
    if (!follows) throw new Error(`After ${position} came ${JSON.stringify(message).slice(0, 200)}`);
    if (message.id === undefined) expect(Number(message.until)).toBe(position + Number(message.missed));
    position = Number(message.id ?? message.until);
  }
  return position;
}

interface Page {
  readonly events: readonly EventMessage[];
  readonly next: string | null;
  readonly latest: string;
}

describe("A server's events", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({
      shipped: ["face-extract"],
      pipelines: { throws: "stages:\n  - probe: { does: throw }\n" },
      env: { FACEWIRE_INFERENCE_MAX_ATTEMPTS: "1" },
    });
  }, 30_000);
  afterAll(() => server[Symbol.asyncDispose]());

  const page = async (query: string) => (await server.client.json<Page>(`/v1/events${query}`)).body;

  test("of a request are there when its answer is: faces with verdict and descriptor, the item, the end", async () => {
    for (const [pipeline, type, faces] of [
      ["face-liveness", "face.liveness", 1],
      ["face-extract", "face.extracted", 3],
    ] as const) {
      const { body } = await server.client.run(pipeline);
      const { events } = await page(`?request=${body.request}`);
      expect(events.map((event) => event.type)).toEqual([
        ...Array.from({ length: faces }, () => type),
        "item.completed",
        "request.completed",
      ]);
      expect(new Set(events.map((event) => event.pipeline))).toEqual(new Set([pipeline]));
      expect(events[0]).toMatchObject({ item: 0, data: { face: 0, box: body.items?.[0]?.faces[0]?.box } });
    }
  });

  test("come to a subscriber with the verdict it asked for", async () => {
    using live = await Subscription.open(server.client.url, "?verdict=live");
    using spoof = await Subscription.open(server.client.url, "?verdict=spoof");
    const { body } = await server.client.run("face-liveness");
    await live.has(2);
    expect(live.events).toMatchObject([
      { type: "face.liveness", request: body.request, verdict: "live" },
      { type: "request.completed", request: body.request, verdict: "live" },
    ]);
    expect(spoof.events).toEqual([]);
  });

  test("tell of pictures that failed, of work given up, and of pipelines that changed", async () => {
    using all = await Subscription.open(server.client.url);
    await server.client.run("throws", PLAIN_PICTURE);
    await server.home.writePipeline("throws", "stages:\n  - probe: { does: pass }\n");
    await all.has(4);
    const byType = new Map(all.events.map((event) => [event.type, event]));
    expect(byType.get("item.failed")).toMatchObject({ pipeline: "throws", data: { error: { code: "stage_failed" } } });
    expect(byType.get("request.completed")).toMatchObject({ data: { items: { failed: 1 } } });
    expect(byType.get("dead_letter.created")).toMatchObject({
      pipeline: "throws",
      data: { error: { code: "stage_failed" }, attempts: 1 },
    });
    await eventually(() => all.events.some(({ type }) => type === "pipeline.changed"), "the change is told", 10_000);
  });

  test("leave no trace of requests that were not taken", async () => {
    const { latest } = await page("?limit=1");
    expect((await server.client.run("no-such-pipeline")).status).toBe(404);
    expect((await server.client.run("face-liveness", new Uint8Array())).status).toBe(400);
    expect((await page("?limit=1")).latest).toBe(latest);
  });

  test("are counted in the metrics", async () => {
    const { latest } = await page("?limit=1");
    expect(await server.client.metric("facewire_events_stored_total")).toBe(Number(latest));
    expect(await server.client.metric("facewire_event_deliveries_total")).toBeGreaterThan(0);
    expect(await server.client.metric("facewire_events_lost_total")).toBe(0);
  });
});

describe("Subscribers", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ env: { FACEWIRE_EVENTS_OUTBOX: "64KiB" } });
  }, 30_000);
  afterAll(() => server[Symbol.asyncDispose]());

  const record = (events: readonly NewEvent[]) => server.app.events.recorder.record(events);
  const latest = async () => Number((await server.client.json<Page>("/v1/events?limit=1")).body.latest);

  test("that lose their connection again and again get everything once and in order while events keep coming", async () => {
    const before = await latest();
    const [count, seen] = [300, [] as number[]];
    let done = false;
    const telling = (async () => {
      for (let item = 0; item < count; item += 4) {
        await record(upTo(4, item).map((at) => newEvent(at)));
        await Bun.sleep(1);
      }
      done = true;
    })();
    let cursor = String(before);
    let connections = 0;
    while (!done || seen.length < count) {
      const subscription = await Subscription.open(server.client.url, `?cursor=${cursor}`);
      connections++;
      await eventually(() => subscription.ids.length >= 20 || seen.length + subscription.ids.length >= count);
      // Cut off in the middle of whatever is under way.
      subscription.cut();
      seen.push(...subscription.ids);
      cursor = subscription.cursor;
    }
    await telling;
    expect(seen).toEqual(upTo(count, before + 1));
    expect(connections).toBeGreaterThan(3);
  }, 30_000);

  test("by the hundred, with different filters, each get exactly theirs", async () => {
    const before = await latest();
    const pipelines = upTo(10, 0).map((at) => `p-${at}`);
    const [types, verdicts] = [
      ["item.completed", "face.liveness", "request.failed"],
      ["live", "spoof", undefined],
    ] as const;
    const filterOf = (at: number): EventFilter => ({
      ...(at % 2 ? { pipelines: [pipelines[at % 10]!, pipelines[(at * 3) % 10]!] } : {}),
      ...(at % 3 ? { types: [types[at % 3]!] } : {}),
      ...(at % 5 === 0 ? { verdicts: ["live"] } : {}),
      ...(at % 7 === 0 ? { requests: upTo(20, at).map((each) => `r${each}`) } : {}),
    });
    const queryOf = ({ pipelines = [], types = [], verdicts = [], requests = [] }: EventFilter) =>
      `?${new URLSearchParams([
        ...pipelines.map((value) => ["pipeline", value]),
        ...types.map((value) => ["type", value]),
        ...verdicts.map((value) => ["verdict", value]),
        ...requests.map((value) => ["request", value]),
      ])}`;
    const filters = upTo(200, 0).map(filterOf);
    const subscriptions = await Promise.all(
      filters.map((filter) => Subscription.open(server.client.url, queryOf(filter))),
    );
    const told = upTo(300, 0).map((at) => ({
      type: types[at % 3]!,
      pipeline: pipelines[at % 10]!,
      request: `r${at}`,
      ...(verdicts[(at >> 2) % 3] ? { verdict: verdicts[(at >> 2) % 3]! } : {}),
    }));
    for (let at = 0; at < told.length; at += 10) {
      await record(told.slice(at, at + 10).map((event) => ({ ...event, data: {} }) as unknown as NewEvent));
    }
    await server.app.events.feed.settled();
    for (const [at, subscription] of subscriptions.entries()) {
      const expected = told.flatMap((event, index) =>
        matches(filters[at]!, storedEvent(index, { ...event, verdict: event.verdict })) ? [before + index + 1] : [],
      );
      if (expected.length > 0) await subscription.has(expected.length);
      expect([at, subscription.ids]).toEqual([at, expected]);
      subscription.close();
    }
  }, 30_000);

  test("that do not read are told what they missed when they do, and no more than the outbox waits for them", async () => {
    const before = await latest();
    const slow = await RawSubscription.open(server.client.port, `?cursor=${before}`);
    slow.stall();
    const [count, size] = [1_200, 16_000];
    for (let item = 0; item < count; item += 20) await record(upTo(20, item).map((at) => newEvent(at, {}, size)));
    await server.app.events.feed.settled();
    expect(await server.client.metric("facewire_event_missed_total")).toBeGreaterThan(0);
    slow.read();
    await eventually(() => positionOf(slow.messages) === before + count, "it knows of everything", 10_000);
    expect(slow.messages.some(({ type }) => type === "subscription.lagged")).toBe(true);
    // What had waited for it: the system's own buffers on both ends, and the outbox of 64 KiB.
    expect(slow.ids.length * size).toBeLessThan(SYSTEM_BUFFERS + 64 * 1024);
    await record([newEvent(0)]);
    await eventually(() => slow.ids.at(-1) === before + count + 1, "it goes on live");
    slow[Symbol.dispose]();
  }, 60_000);
});

describe("While another process holds the database's lock", () => {
  test("pictures run, health says that events wait, and they come in order when it is let go", async () => {
    await using server = await testServer();
    using subscription = await Subscription.open(server.client.url);
    const holder = new Database(join(server.home.dataDir, "facewire.sqlite"));
    holder.run("begin immediate");
    for (let sent = 0; sent < 3; sent++) expect((await server.client.run("face-liveness")).status).toBe(200);
    const health = await server.client.healthBecomes(({ parts }) => parts.events?.status === "degraded");
    expect(health).toMatchObject({
      status: "degraded",
      parts: { events: { details: { reason: "locked", waiting: 9, lost: 0 } } },
    });
    expect(subscription.events).toEqual([]);
    // Subscribing and paging read, and need no lock.
    (await Subscription.open(server.client.url)).close();
    holder.run("rollback");
    holder.close();
    await subscription.has(9);
    expect(subscription.ids).toEqual(upTo(9, 1));
    expect((await server.client.healthBecomes(({ status }) => status === "ok")).parts.events).toMatchObject({
      details: { waiting: 0, lost: 0 },
    });
    const told = server.logs.filter(({ message }) => /^events/.test(String(message)));
    expect(told.map(({ message }) => message)).toEqual(["events cannot be stored", "events are stored again"]);
  }, 30_000);
});

test("a subscriber is given the events of the last requests before a stopping server says goodbye", async () => {
  await using server = await testServer();
  using subscription = await Subscription.open(server.client.url, "?type=request.completed");
  const running = Promise.all([server.client.run("face-liveness"), server.client.run("face-liveness")]);
  await eventually(() => server.logs.some(({ message }) => message === "picture done"), "work is under way", 10_000);
  await Promise.all([running, server.app.stop()]);
  expect(await subscription.closed).toMatchObject({ code: 1001 });
  expect(subscription.events).toHaveLength(2);
  expect(subscription.messages.at(-1)).toMatchObject({ type: "subscription.ended", cursor: subscription.cursor });
});

test("events outlive a restart, and a cursor of before goes on after it", async () => {
  await using first = await testServer();
  await first.client.run("face-liveness");
  await first.app.stop();
  await using second = await testServer({ env: { FACEWIRE_DATA_DIR: first.home.dataDir } });
  await second.client.run("face-liveness");
  using subscription = await Subscription.open(second.client.url, "?cursor=1");
  await subscription.has(5);
  expect(subscription.ids).toEqual(upTo(5, 2));
});
