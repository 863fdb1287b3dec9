/** The server goes, stands still, and comes back. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import type { Bus, BusStatus, WorkMessage } from "../../src/bus/bus.ts";
import type { WireValue } from "../../src/bus/wire.ts";
import { NatsBuses } from "../support/nats-bus.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { eventually, rejection } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const QUICK = { initial: 1, max: 5, factor: 2, jitter: 0 };
/** Milliseconds in which a server that is back, or one that stands still, must have been noticed. */
const RECOVERY = 8000;

/** Never reached by a passing test. */
const soon = (): number => Date.now() + 30_000;

describe.skipIf(!hasNatsServer())("the bus over NATS while its server is away", () => {
  let server: NatsServer;
  const buses = new NatsBuses(() => server);

  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterEach(() => buses.closeAll());
  afterAll(() => server?.stop());

  const away = (bus: Bus) => eventually(() => bus.status.kind === "reconnecting", "the loss was noticed", RECOVERY);
  const back = (bus: Bus) => eventually(() => bus.status.kind === "connected", "the bus is back", RECOVERY);

  /** Everything a bus can be asked to do, by name. */
  const calls: [string, (bus: Bus) => unknown][] = [
    ["publish", (bus) => bus.publish("a", 1)],
    ["flush", (bus) => bus.flush()],
    ["request", (bus) => bus.request("a", 1, { deadline: soon() })],
    ["subscribe", (bus) => bus.subscribe("b", () => {})],
    ["enqueue", (bus) => bus.enqueue("q", 1)],
    ["consume", (bus) => bus.consume("q2", async () => {}, { onDeadLetter: () => {} })],
  ];

  test("every call fails with bus_unavailable at once, and none of them has happened when the server is back", async () => {
    const bus = await buses.open();
    const peer = await buses.open();
    const got: WireValue[] = [];
    await peer.subscribe(">", ({ body }) => void got.push(body));
    await bus.enqueue("q", "before");
    const stats = bus.stats();
    await server.kill();
    await away(bus);
    for (const [name, call] of calls) {
      const before = performance.now();
      const error = await rejection(Promise.resolve().then(() => call(bus)));
      expect([name, error.code]).toEqual([name, "bus_unavailable"]);
      // At once: the server is not asked, and no timer of any kind is waited for.
      expect(performance.now() - before).toBeLessThan(1_000);
    }
    expect(bus.stats()).toMatchObject({
      subscriptions: 0,
      consumers: 0,
      pendingRequests: 0,
      published: stats.published,
    });
    await server.start();
    await Promise.all([back(bus), back(peer)]);
    bus.publish("a", "after");
    await eventually(() => got.includes("after"));
    expect(got).toEqual(["after"]);
    const work: WireValue[] = [];
    await bus.consume("q", async ({ body }) => void work.push(body), { onDeadLetter: () => {} });
    await bus.enqueue("q", "last");
    await eventually(() => work.includes("last"));
    expect(work).toEqual(["before", "last"]);
  });

  test("a request that waits is told at the moment the server is lost, not at its deadline", async () => {
    const bus = await buses.open();
    const peer = await buses.open();
    const arrived = Promise.withResolvers<void>();
    await peer.subscribe("slow", () => arrived.resolve());
    const asked = Array.from({ length: 100 }, () => rejection(bus.request("slow", 1, { deadline: soon() })));
    await arrived.promise;
    await server.restart();
    expect(new Set((await Promise.all(asked)).map(({ code }) => code))).toEqual(new Set(["bus_unavailable"]));
    expect(bus.stats()).toMatchObject({ pendingRequests: 0, unavailable: 100 });
    await Promise.all([back(bus), back(peer)]);
  });

  test("an answer given while the server is away is dropped and counted, and harms nothing", async () => {
    const bus = await buses.open();
    const answer = Promise.withResolvers<() => void>();
    await bus.subscribe("slow", ({ responder }) => answer.resolve(() => responder?.answer("late")));
    const asked = rejection(bus.request("slow", 1, { deadline: soon() }));
    const give = await answer.promise;
    await server.kill();
    await away(bus);
    give();
    expect((await asked).code).toBe("bus_unavailable");
    expect(bus.stats().dropped).toBe(1);
    await server.start();
    await back(bus);
    await bus.subscribe("quick", ({ responder }) => responder?.answer("in time"));
    expect(await bus.request("quick", 1, { deadline: soon() })).toBe("in time");
  });

  test("after three crashes every subscription, group and consumer works, once, and the server knows no more of them", async () => {
    const bus = await buses.open({ ackWait: 1000 });
    const peer = await buses.open({ ackWait: 1000 });
    const got: WireValue[] = [];
    const done = new Set<string>();
    const options = { onDeadLetter: () => {}, backoff: QUICK, maxInFlight: 4 };
    for (const group of [undefined, "g", "g"]) {
      await peer.subscribe("topic.*", ({ body }) => void got.push(body), group === undefined ? {} : { group });
    }
    await peer.subscribe("ask", ({ body, responder }) => responder?.answer(body));
    await peer.consume("q", async ({ id }) => void done.add(id), options);
    await bus.consume("q", async ({ id }) => void done.add(id), options);
    const gone = await peer.subscribe("gone", () => {});

    async function everything(round: number): Promise<void> {
      got.length = 0;
      bus.publish("topic.a", round);
      expect(await bus.request("ask", round, { deadline: soon() })).toBe(round);
      const ids = Array.from({ length: 8 }, (_, i) => `${round}-${i}`);
      for (const id of ids) await bus.enqueue("q", null, { id, ...(Number(id.at(-1)) % 2 ? { key: id } : {}) });
      // A server that crashed may hand out once more what was done just before: at least once is what is promised.
      await eventually(() => ids.every((id) => done.has(id)), "the work was done", RECOVERY);
      await Promise.all([bus.flush(), peer.flush()]);
      await eventually(() => got.length >= 2);
      expect(got).toEqual([round, round]);
    }

    await everything(0);
    const before = await subscriptions();
    for (let round = 1; round <= 3; round++) {
      await server.kill();
      await Promise.all([away(bus), away(peer)]);
      if (round === 1) gone.close();
      await server.start();
      await Promise.all([back(bus), back(peer)]);
      await everything(round);
    }
    const own = await subscriptions();
    // Lanes may be asked by the other of the two than before, each with a subscription of its own; `gone` is gone.
    expect(own.filter((subject) => !subject.includes(".p."))).toEqual(
      before.filter((subject) => !subject.includes(".p.") && !subject.endsWith(".m.gone")),
    );
    expect(own.length).toBe(new Set(own).size + duplicates(before));
    expect(peer.stats()).toMatchObject({ subscriptions: 4, consumers: 1, pendingRequests: 0 });
    await Promise.all([bus.close(), peer.close()]);
    // The server hears of the end of a connection a moment later.
    const end = Date.now() + 3000;
    while ((await subscriptions()).length > 0) expect(Date.now()).toBeLessThan(end);
  });

  /** What the server knows of this test's connections: the subjects they listen on, sorted. */
  async function subscriptions(): Promise<string[]> {
    type Connection = { name?: string; subscriptions_list?: string[] };
    const { connections } = await server.monitoring<{ connections: Connection[] }>("/connz?subs=1&limit=1000");
    const own = connections.filter(({ name }) => name === buses.prefix);
    // A bus's own subjects have a random name in them, which stays; the client's own for requests is made when needed.
    return own.flatMap((connection) => connection.subscriptions_list ?? []).sort();
  }

  /** How many of a list are there already. */
  const duplicates = (list: readonly string[]): number => list.length - new Set(list).size;

  test("work in hand while the server crashes is done once and acknowledged when it is back", async () => {
    const bus = await buses.open();
    const gate = Promise.withResolvers<void>();
    const got: [WireValue, number][] = [];
    await bus.consume(
      "q",
      async ({ body, attempt }: WorkMessage) => {
        got.push([body, attempt]);
        await gate.promise;
      },
      { onDeadLetter: () => {}, maxInFlight: 3 },
    );
    for (const key of ["a", "b", undefined]) await bus.enqueue("q", key ?? "free", key === undefined ? {} : { key });
    await eventually(() => got.length === 3);
    await server.kill();
    await away(bus);
    gate.resolve();
    await server.start();
    await eventually(() => bus.stats().acknowledged === 3, "all was acknowledged", RECOVERY);
    expect(got.map(([body]) => body).sort()).toEqual(["a", "b", "free"]);
    const { account_details: accounts } = await server.monitoring<{
      account_details: { stream_detail: { name: string; state: { messages: number } }[] }[];
    }>("/jsz?streams=1");
    const stream = accounts[0]?.stream_detail.find(({ name }) => name === `${buses.prefix}_q`);
    expect(stream?.state.messages).toBe(0);
  });

  test("a bus that is closed while the server is away is closed at once, and does not come back", async () => {
    const bus = await buses.open();
    await bus.consume("q", async () => {}, { onDeadLetter: () => {} });
    await bus.subscribe("a", () => {});
    await server.kill();
    await away(bus);
    await bus.close();
    expect(bus.stats()).toMatchObject({ subscriptions: 0, consumers: 0 });
    await server.start();
    const draining = await buses.open();
    expect(await subscriptions()).toHaveLength(1);
    await server.kill();
    await away(draining);
    await draining.drain(Date.now() + 5000);
    expect(draining.status.kind).toBe("closed");
    await server.start();
  });

  test("the status says since when and how often it was tried, and listeners hear of the two changes", async () => {
    const bus = await buses.open();
    const heard: BusStatus[] = [];
    bus.onStatus((status) => heard.push(status));
    await server.kill();
    await away(bus);
    const since = bus.status.since;
    await eventually(
      () => bus.status.kind === "reconnecting" && bus.status.attempt >= 3,
      "it is tried again",
      RECOVERY,
    );
    expect(bus.status.since).toBe(since);
    await server.start();
    await back(bus);
    expect(heard.map(({ kind }) => kind)).toEqual(["reconnecting", "connected"]);
    expect(heard[1]).toMatchObject({ server: expect.stringContaining(`127.0.0.1:${server.port}`) });
  });

  test("a server that stands still is noticed within seconds, and used again when it goes on", async () => {
    const bus = await buses.open();
    await bus.subscribe("a", ({ responder }) => responder?.answer("here"));
    await server.freeze();
    const asked = rejection(bus.request("a", 1, { deadline: soon() }));
    await away(bus);
    expect((await asked).code).toBe("bus_unavailable");
    expect((await rejection(bus.enqueue("q", 1))).code).toBe("bus_unavailable");
    server.thaw();
    await back(bus);
    expect(await bus.request("a", 1, { deadline: soon() })).toBe("here");
  }, 30_000);

  test("the server of a test run that crashes ends with it", async () => {
    const owner = Bun.spawn([process.execPath, join(import.meta.dir, "../fixtures/crashing-owner.ts")], {
      stdin: "pipe",
      stdout: "pipe",
      // It cannot clean up after itself.
      env: { ...process.env, TMPDIR: temporaryFolder("facewire-crash-") },
    });
    const { value } = await owner.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    const listening = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connectTcp({ port, host: "127.0.0.1" });
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      });
    expect(await listening()).toBe(true);
    owner.stdin.end();
    await owner.exited;
    expect(owner.signalCode).toBe("SIGKILL");
    const end = Date.now() + 3000;
    while (await listening()) expect(Date.now()).toBeLessThan(end);
  });
});
