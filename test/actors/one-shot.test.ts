import { describe, expect, test } from "bun:test";
import type { ActorMessage } from "../../src/actors/actor.ts";
import type { Outcome } from "../../src/actors/envelope.ts";
import { ActorSystem } from "../../src/actors/system.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { rejection, settle } from "../support/settle.ts";
import { actor, gate, stageSet } from "./stage-set.ts";

describe("a one-shot actor", () => {
  test("gathers what it asked for, resolves, and leaves nothing behind", async () => {
    const { system, clock, soon } = stageSet();
    system.spawn(
      "square",
      actor(({ body }: ActorMessage<number>) => body * body),
    );
    const sum = await system.runOnce<number, Outcome<number>>(
      "request.1",
      ({ resolve }) => {
        let [total, left] = [0, 3];
        return {
          start: async (context) => {
            for (let n = 1; n <= 3; n++) await context.tell("square", n, { replyTo: context.address });
          },
          onMessage: ({ body }) => {
            if (body.ok) total += body.reply;
            if (--left === 0) resolve(total);
          },
        };
      },
      { deadline: soon() },
    );
    expect(sum).toBe(14);
    await settle();
    expect(system.find("request.1")).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
    expect(system.counters().get("request")?.actors).toBe(0);
  });

  test("gives what it has at its deadline, or deadline_exceeded", async () => {
    const { system, clock } = stageSet();
    const deadline = clock.now() + 100;
    const idle = { onMessage: () => {} };
    const partial = system.runOnce("request.1", () => ({ ...idle, onDeadline: () => "partial" }), { deadline });
    const nothing = rejection(system.runOnce("request.2", () => idle, { deadline }));
    await clock.advance(100);
    expect(await partial).toBe("partial");
    expect((await nothing).code).toBe("deadline_exceeded");
    expect([system.find("request.1"), system.find("request.2")]).toEqual([undefined, undefined]);
  });

  test("ends with request_cancelled when its signal fires, and takes back what it asked", async () => {
    const { system, soon } = stageSet();
    const { factory, arrived } = gate();
    system.spawn("a", factory);
    await system.tell("a", "in hand");
    await settle();
    const controller = new AbortController();
    const run = rejection(
      system.runOnce(
        "request.1",
        ({ resolve, reject }) => ({
          start: (context) =>
            void context.ask("a", "sub", { deadline: soon(), signal: context.life }).then(resolve, reject),
          onMessage: () => {},
        }),
        { deadline: soon(), signal: controller.signal },
      ),
    );
    await settle();
    expect(system.find("a")?.waiting).toBe(1);
    controller.abort();
    expect((await run).code).toBe("request_cancelled");
    await settle();
    expect(system.find("a")?.waiting).toBe(0);
    expect(arrived).toEqual(["in hand"]);
  });

  test("ends with its own error, and what comes too late for it is no dead letter", async () => {
    const { system, soon, deadLetters } = stageSet();
    const run = system.runOnce(
      "request.1",
      ({ reject }) => ({
        start: (context) => {
          reject(new Error("mine"));
          void context.tell("request.1", "late").catch(() => {});
        },
        onMessage: () => {},
      }),
      { deadline: soon() },
    );
    expect((await rejection(run)).code).toBe("internal");
    await settle();
    expect(deadLetters.letters).toEqual([]);
  });

  test("that throws ends its request at once with that error", async () => {
    const { system, soon } = stageSet();
    const failing = rejection(
      system.runOnce(
        "request.1",
        () => ({
          start: () => {
            throw new Error("bug");
          },
          onMessage: () => {},
        }),
        { deadline: soon() },
      ),
    );
    expect((await failing).code).toBe("internal");
  });

  test("may know its result before it begins", async () => {
    const { system, soon } = stageSet();
    const run = system.runOnce<string>(
      "request.1",
      ({ resolve }) => {
        resolve("known");
        return { onMessage: () => {} };
      },
      { deadline: soon() },
    );
    expect(await run).toBe("known");
    expect(system.find("request.1")).toBeUndefined();
  });

  test("is waited for by drain", async () => {
    const { system, soon } = stageSet();
    const { factory, openAll } = gate();
    system.spawn("a", factory);
    const run = system.runOnce<unknown, Outcome>(
      "request.1",
      ({ resolve }) => ({
        start: (context) => context.tell("a", "sub", { replyTo: context.address }),
        onMessage: ({ body }) => resolve(body.ok && body.reply),
      }),
      { deadline: soon() },
    );
    await settle();
    const drained = system.drain(soon());
    openAll();
    expect(await run).toBe("sub");
    await drained;
  });

  test("ten thousand of them, a third cancelled and a third late, leave no actor, timer, listener or message behind", async () => {
    const { clock, bus, deadLetters } = stageSet();
    const system = new ActorSystem({ bus, clock, deadLetters });
    // One in three questions is answered; the others wait until their askers leave.
    system.spawn(
      "a",
      actor(({ body }: ActorMessage<number>, { signal }) => {
        if (body % 3 === 0) return body;
        return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }),
      { capacity: 10_000 },
    );
    const deadline = clock.now() + 1000;
    const ends = new Map<string, number>();
    const controller = new AbortController();
    const runs = Array.from({ length: 10_000 }, async (_, i) => {
      const options = i % 3 === 1 ? { deadline, signal: controller.signal } : { deadline };
      const code = await system
        .runOnce(
          `request.${i}`,
          ({ resolve, reject }) => ({
            start: (context) => void context.ask("a", i, { deadline, signal: context.life }).then(resolve, reject),
            onMessage: () => {},
          }),
          options,
        )
        .then(
          () => "done",
          (error) => String(error.code),
        );
      ends.set(code, (ends.get(code) ?? 0) + 1);
    });
    await settle();
    controller.abort();
    await clock.advance(1000);
    await Promise.all(runs);
    await settle();
    expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(10_000);
    expect(ends.get("request_cancelled")).toBe(3333);
    expect(ends.get("deadline_exceeded")).toBeGreaterThan(0);
    expect(system.find("request.9999")).toBeUndefined();
    expect(system.find("a")?.waiting).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect(system.counters().get("request")).toMatchObject({ actors: 0, waiting: 0 });
    expect(bus.stats()).toMatchObject({ subscriptions: 2, pendingRequests: 0 });
    expect(deadLetters.letters).toEqual([]);
    await system.drain(clock.now() + 1000);
    expect(bus.stats().subscriptions).toBe(0);
  });

  test("memory is given back after ten thousand of them", async () => {
    const system = new ActorSystem({ bus: new MemoryBus() });
    system.spawn(
      "a",
      actor(({ body }: ActorMessage) => body),
    );
    const finalised = { count: 0 };
    const registry = new FinalizationRegistry(() => void finalised.count++);
    for (let i = 0; i < 10_000; i++) {
      await system.runOnce<unknown, Outcome>(
        `request.${i}`,
        ({ resolve }) => {
          const one = {
            start: (context: { tell: ActorSystem["tell"]; address: string }) =>
              context.tell("a", i, { replyTo: context.address }),
            onMessage: ({ body }: ActorMessage<Outcome>) => resolve(body.ok && body.reply),
          };
          registry.register(one, i);
          return one;
        },
        { deadline: Date.now() + 60_000 },
      );
    }
    await settle();
    Bun.gc(true);
    await settle();
    // Collectors keep a few that the stack or registers may still name.
    expect(finalised.count).toBeGreaterThan(9900);
  });
});
