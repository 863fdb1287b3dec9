import { describe, expect, test } from "bun:test";
import type { WorkMessage } from "../../src/bus/bus.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { rejection, settle } from "../support/settle.ts";
import { describeBus } from "./bus-suite.ts";

describeBus("the bus inside one process passes the bus suite", {
  create: async () => {
    const bus = new MemoryBus();
    return { bus, peer: bus, dispose: () => bus.close() };
  },
  features: {},
});

describe("the bus inside one process", () => {
  test("bodies are passed by reference", async () => {
    const bus = new MemoryBus();
    const body = { bytes: new Uint8Array(3) };
    await bus.subscribe("a", ({ body, responder }) => responder?.answer(body));
    expect(await bus.request("a", body, { deadline: Date.now() + 5000 })).toBe(body);
  });

  test("failed work waits for its back-off, which grows up to its limit", async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock });
    const times: number[] = [];
    const start = clock.now();
    const handler = async (): Promise<void> => {
      times.push(clock.now() - start);
      throw new Error("always");
    };
    const backoff = { initial: 100, max: 300, factor: 2, jitter: 0 };
    await bus.consume("work", handler, { backoff, maxDeliver: 5, onDeadLetter: () => {} });
    await bus.enqueue("work", 1);
    await clock.advance(10_000);
    expect(times).toEqual([0, 100, 300, 600, 900]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("work that is tried again goes before work that waits", async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock });
    const log: unknown[] = [];
    const gate = Promise.withResolvers<void>();
    const handler = async ({ body, attempt }: WorkMessage): Promise<void> => {
      log.push(body);
      if (body === 1 && attempt === 1) throw new Error("once");
      if (body === 2) await gate.promise;
    };
    const backoff = { initial: 100, max: 100, factor: 1, jitter: 0 };
    await bus.consume("work", handler, { backoff, onDeadLetter: () => {} });
    for (const body of [1, 2, 3, 4]) await bus.enqueue("work", body);
    await clock.advance(100);
    gate.resolve();
    await clock.advance(0);
    expect(log).toEqual([1, 2, 1, 3, 4]);
  });

  test("jitter takes off its share of the wait by chance", async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock, random: () => 0.5 });
    const times: number[] = [];
    const start = clock.now();
    const handler = async (): Promise<void> => {
      times.push(clock.now() - start);
      if (times.length < 2) throw new Error("once");
    };
    const backoff = { initial: 100, max: 300, factor: 2, jitter: 0.4 };
    await bus.consume("work", handler, { backoff, onDeadLetter: () => {} });
    await bus.enqueue("work", 1);
    await clock.advance(1000);
    expect(times).toEqual([0, 80]);
  });

  test("an id is recognised within the window and forgotten after it", async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock, dedupeWindow: 1000 });
    await bus.enqueue("work", 1, { id: "x" });
    await clock.advance(999);
    expect((await bus.enqueue("work", 1, { id: "x" })).duplicate).toBe(true);
    await clock.advance(1);
    expect((await bus.enqueue("work", 1, { id: "x" })).duplicate).toBe(false);
  });

  test("a full queue refuses with overloaded, and takes work again when some is done", async () => {
    const bus = new MemoryBus({ maxStored: 2 });
    await bus.enqueue("work", 1);
    await bus.enqueue("work", 2);
    expect((await rejection(bus.enqueue("work", 3, { id: "third" }))).code).toBe("overloaded");
    await bus.consume("work", async () => {}, { onDeadLetter: () => {} });
    await settle();
    expect(await bus.enqueue("work", 3, { id: "third" })).toEqual({ id: "third", duplicate: false });
  });

  test("a long run of messages lets timers and sockets have their turn", async () => {
    const bus = new MemoryBus();
    let handled = 0;
    await bus.subscribe("a", () => void handled++, { maxPending: 10_000 });
    for (let i = 0; i < 10_000; i++) bus.publish("a", i);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(handled).toBeGreaterThan(0);
    expect(handled).toBeLessThan(10_000);
    await bus.drain(Date.now() + 5000);
    expect(handled).toBe(10_000);
  });

  test("an ended request leaves no timer behind", async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock });
    await bus.subscribe("a", ({ responder }) => responder?.answer(1));
    await bus.request("a", 1, { deadline: clock.now() + 1000 });
    await rejection(bus.request("nobody", 1, { deadline: clock.now() + 1000 }));
    expect(clock.pendingTimers).toBe(0);
  });
});
