/** Work queues over NATS, beyond what every bus promises. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import type { WorkFailure, WorkMessage } from "../../src/bus/bus.ts";
import type { MalformedReport } from "../../src/bus/nats/malformed.ts";
import { laneOf } from "../../src/bus/nats/names.ts";
import type { WireValue } from "../../src/bus/wire.ts";
import { NatsBuses } from "../support/nats-bus.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { eventually, rejection } from "../support/settle.ts";

const QUICK = { initial: 1, max: 5, factor: 2, jitter: 0 };

describe.skipIf(!hasNatsServer())("work over NATS", () => {
  let server: NatsServer;
  let stranger: NatsConnection;
  const buses = new NatsBuses(() => server);
  const none = { onDeadLetter: () => {}, backoff: QUICK };

  beforeAll(async () => {
    server = await startNatsServer();
    stranger = await connect({ servers: `127.0.0.1:${server.port}` });
  });
  afterEach(() => buses.closeAll());
  afterAll(async () => {
    await stranger?.close();
    await server?.stop();
  });

  /** Pieces the server stores for a queue. */
  async function stored(queue: string): Promise<number> {
    const { streams } = await stranger.jetstreamManager();
    return (await streams.info(`${buses.prefix}_${queue}`)).state.messages;
  }

  test("a full queue refuses with overloaded, and takes work again when some is done", async () => {
    const bus = await buses.open({ maxStored: 2 });
    await bus.enqueue("q", 1);
    await bus.enqueue("q", 2, { key: "k" });
    expect((await rejection(bus.enqueue("q", 3, { id: "third" }))).code).toBe("overloaded");
    await bus.consume("q", async () => {}, none);
    await eventually(() => bus.stats().acknowledged === 2);
    expect(await bus.enqueue("q", 3, { id: "third" })).toEqual({ id: "third", duplicate: false });
  });

  test("work that was acknowledged is gone from the server", async () => {
    const bus = await buses.open();
    for (let i = 0; i < 20; i++) await bus.enqueue("q", i, i % 2 ? { key: `${i}` } : {});
    expect(await stored("q")).toBe(20);
    await bus.consume("q", async () => {}, { ...none, maxInFlight: 4 });
    await eventually(() => bus.stats().acknowledged === 20);
    expect(await stored("q")).toBe(0);
  });

  test("an id is recognised within the window and forgotten after it", async () => {
    const bus = await buses.open({ dedupeWindow: 200 });
    const ids = ["plain", "with a\r\nline break", "ä".repeat(300)];
    for (const id of ids) expect((await bus.enqueue("q", 1, { id })).duplicate).toBe(false);
    for (const id of ids) expect(await bus.enqueue("q", 1, { id })).toEqual({ id, duplicate: true });
    const end = Date.now() + 3000;
    while ((await bus.enqueue("q", 1, { id: "plain" })).duplicate) expect(Date.now()).toBeLessThan(end);
  });

  test("a key has the same lane in every version: the order of stored work depends on it", () => {
    expect(["", "camera-1", "Jürgen"].map(laneOf)).toEqual(["k00", "k12", "k09"]);
    expect(laneOf(undefined)).toBe("free");
  });

  test("one slot is shared fairly by work with and without keys", async () => {
    const bus = await buses.open();
    const got: WireValue[] = [];
    for (let i = 0; i < 10; i++) await bus.enqueue("q", `free-${i}`);
    for (let i = 0; i < 3; i++) await bus.enqueue("q", `keyed-${i}`, { key: "k" });
    await bus.consume("q", async ({ body }) => void got.push(body), none);
    await eventually(() => got.length === 13);
    expect(got.indexOf("keyed-2")).toBeLessThan(got.indexOf("free-9"));
  });

  test("nothing is in a consumer's hand that another one could do", async () => {
    const [busy, idle] = [await buses.open(), await buses.open()];
    const got: WireValue[] = [];
    const consumer = await busy.consume("q", () => new Promise<void>(() => {}), none);
    await busy.enqueue("q", "hangs");
    await eventually(() => consumer.inFlight === 1);
    await idle.consume("q", async ({ body }) => void got.push(body), none);
    for (let i = 0; i < 10; i++) await busy.enqueue("q", i, { key: `key-${i}` });
    await eventually(() => got.length === 10);
    expect(consumer.inFlight).toBe(1);
  });

  test("work that takes longer than the server's patience is not given to another", async () => {
    const bus = await buses.open({ ackWait: 300 });
    const gate = Promise.withResolvers<void>();
    const attempts: number[] = [];
    const handler = async ({ attempt }: WorkMessage): Promise<void> => {
      attempts.push(attempt);
      await gate.promise;
    };
    await bus.consume("q", handler, { ...none, maxInFlight: 3 });
    await bus.enqueue("q", 1);
    await eventually(() => attempts.length === 1);
    // Three times the patience have to pass for this to be able to fail.
    await Bun.sleep(900);
    gate.resolve();
    await eventually(() => bus.stats().acknowledged === 1);
    expect(attempts).toEqual([1]);
    expect(await stored("q")).toBe(0);
  });

  test("the work of a process that was killed goes to another", async () => {
    const bus = await buses.open({ ackWait: 500 });
    await bus.enqueue("q", "mine", { key: "k", id: "w" });
    await bus.enqueue("q", "next", { key: "k" });
    const script = join(import.meta.dir, "../fixtures/hanging-consumer.ts");
    const child = Bun.spawn([process.execPath, script, server.url, buses.prefix, "q", "500"], { stdout: "pipe" });
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGKILL");
    await child.exited;
    const got: [WireValue, number][] = [];
    await bus.consume("q", async ({ body, attempt }) => void got.push([body, attempt]), none);
    await eventually(() => got.length === 2);
    expect(got).toEqual([
      ["mine", 2],
      ["next", 1],
    ]);
  });

  test("work that no process survives is given up, and its handler is not called once more", async () => {
    const bus = await buses.open();
    let handled = 0;
    const letters: [string, WorkFailure][] = [];
    const options = {
      backoff: QUICK,
      maxDeliver: 2,
      onDeadLetter: (work: WorkMessage, failure: WorkFailure) => void letters.push([work.id, failure]),
    };
    const handler = async (): Promise<void> => {
      handled++;
      await new Promise<void>(() => {});
    };
    await bus.enqueue("q", 1, { id: "poison" });
    for (let processes = 1; processes <= 2; processes++) {
      const consumer = await bus.consume("q", handler, options);
      await eventually(() => handled === processes);
      consumer.close();
    }
    await bus.consume("q", handler, options);
    await eventually(() => bus.stats().deadLettered === 1);
    expect(handled).toBe(2);
    expect(letters).toMatchObject([["poison", { attempts: 2, error: { code: "worker_failed" } }]]);
    expect(await stored("q")).toBe(0);
  });

  test("stored work that cannot be read is reported until its taker has it, then removed; the rest goes on", async () => {
    const reports: MalformedReport[] = [];
    let refusals = 0;
    const bus = await buses.open({
      onMalformed: (report) => {
        if (refusals++ < 2) throw new Error("the store is away");
        reports.push(report);
      },
    });
    const got: WireValue[] = [];
    await bus.enqueue("q", "first", { key: "k" });
    await stranger.jetstream().publish(`${buses.prefix}.w.q.${laneOf("k")}`, "garbage");
    await bus.enqueue("q", "last", { key: "k" });
    await bus.consume("q", async ({ body }) => void got.push(body), none);
    await eventually(() => got.length === 2);
    expect(got).toEqual(["first", "last"]);
    expect(reports).toMatchObject([{ kind: "work", subject: "q", error: { code: "message_invalid" } }]);
    expect(Buffer.from(reports[0]?.payload ?? []).toString()).toBe("garbage");
    expect(bus.stats().malformed).toBe(3);
    await eventually(() => bus.stats().acknowledged === 2);
    expect(await stored("q")).toBe(0);
  });

  test("what a stranger sends past the lanes of a queue is not stored", async () => {
    const bus = await buses.open();
    await bus.enqueue("q", 1);
    stranger.publish(`${buses.prefix}.w.q.elsewhere`, "x");
    stranger.publish(`${buses.prefix}.w.q`, "x");
    await stranger.flush();
    expect(await stored("q")).toBe(1);
  });

  test("a queue that was deleted on the server is made anew, for senders and consumers", async () => {
    const bus = await buses.open();
    const got: WireValue[] = [];
    await bus.consume("q", async ({ body }) => void got.push(body), none);
    await bus.enqueue("q", "before");
    await eventually(() => got.length === 1);
    await (await stranger.jetstreamManager()).streams.delete(`${buses.prefix}_q`);
    await bus.enqueue("q", "after");
    await eventually(() => got.length === 2, "the work arrived", 8000);
    expect(got).toEqual(["before", "after"]);
  });

  test("a consumer that is closed leaves nothing on the connection, and its work to others at once", async () => {
    const bus = await buses.open({ ackWait: 60_000 });
    const peer = await buses.open({ ackWait: 60_000 });
    await bus.enqueue("warm-up", 1, { key: "k" });
    const before = await subscriptionsOf(buses.prefix);
    const consumer = await peer.consume("q", () => new Promise<void>(() => {}), { ...none, maxInFlight: 8 });
    for (let i = 0; i < 8; i++) await bus.enqueue("q", i, { key: `key-${i}` });
    await eventually(() => consumer.inFlight >= 5);
    consumer.close();
    expect(peer.stats().consumers).toBe(0);
    await peer.flush();
    expect(await subscriptionsOf(buses.prefix)).toBeLessThanOrEqual(before + 2);
    const got: WireValue[] = [];
    await bus.consume("q", async ({ body }) => void got.push(body), { ...none, maxInFlight: 8 });
    await eventually(() => got.length === 8);
  });

  /** Subscriptions that the server knows of connections under a prefix. */
  async function subscriptionsOf(prefix: string): Promise<number> {
    const { connections } = await server.monitoring<{ connections: { name?: string; subscriptions: number }[] }>(
      "/connz",
    );
    return connections.filter(({ name }) => name === prefix).reduce((sum, one) => sum + one.subscriptions, 0);
  }
});
