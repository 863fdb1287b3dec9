import { describe, expect, test } from "bun:test";
import type { ActorMessage, DropReason } from "../../src/actors/actor.ts";
import { rejection, settle } from "../support/settle.ts";
import { gate, stageSet } from "./stage-set.ts";

describe("a full mailbox", () => {
  test("refuse: one more message is turned away with mailbox_full, and the others are handled", async () => {
    const { system, soon } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory, { capacity: 2, overflow: "refuse" });
    await system.tell("a", 0);
    await settle();
    await system.tell("a", 1);
    await system.tell("a", 2);
    expect((await rejection(system.tell("a", 3))).code).toBe("mailbox_full");
    expect((await rejection(system.ask("a", 4, { deadline: soon() }))).code).toBe("mailbox_full");
    openAll();
    await settle();
    expect(arrived).toEqual([0, 1, 2]);
    expect(system.counters().get("a")).toMatchObject({ received: 5, handled: 3, rejected: 2, waiting: 0 });
  });

  test("drop-oldest: the message that waited longest gives way, is counted, given back and its asker told", async () => {
    const { system, soon, deadLetters } = stageSet();
    const { factory, arrived, openAll } = gate();
    const dropped: [unknown, DropReason][] = [];
    const onDropped = (message: ActorMessage, reason: DropReason): void => void dropped.push([message.body, reason]);
    system.spawn("a", factory, { capacity: 2, overflow: "drop-oldest", onDropped });
    await system.tell("a", 0);
    await settle();
    const asker = rejection(system.ask("a", 1, { deadline: soon() }));
    await settle();
    for (const body of [2, 3, 4]) await system.tell("a", body);
    expect((await asker).code).toBe("mailbox_full");
    openAll();
    await settle();
    expect(arrived).toEqual([0, 3, 4]);
    expect(dropped).toEqual([
      [1, "overflow"],
      [2, "overflow"],
    ]);
    expect(system.counters().get("a")).toMatchObject({ received: 5, handled: 3, dropped: { overflow: 2 } });
    expect(deadLetters.letters).toEqual([]);
  });

  test("block: the sender waits for room, and senders get in in their order", async () => {
    const { system } = stageSet();
    const { factory, arrived, next, openAll } = gate();
    system.spawn("a", factory, { capacity: 1, overflow: "block" });
    const log: string[] = [];
    await system.tell("a", 0);
    await settle();
    await system.tell("a", 1);
    for (const body of [2, 3]) void system.tell("a", body).then(() => log.push(`${body} taken`));
    await settle();
    expect(log).toEqual([]);
    next();
    await settle();
    expect(log).toEqual(["2 taken"]);
    openAll();
    await settle();
    expect(log).toEqual(["2 taken", "3 taken"]);
    expect(arrived).toEqual([0, 1, 2, 3]);
  });

  test("block: a sender waits no longer than its deadline, and its message is then not handled", async () => {
    const { system, clock } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory, { capacity: 1, overflow: "block" });
    await system.tell("a", 0);
    await settle();
    await system.tell("a", 1);
    const told = rejection(system.tell("a", 2, { deadline: clock.now() + 50 }));
    const asked = rejection(system.ask("a", 3, { deadline: clock.now() + 50 }));
    await clock.advance(50);
    expect((await told).code).toBe("deadline_exceeded");
    expect((await asked).code).toBe("deadline_exceeded");
    openAll();
    await settle();
    expect(arrived).toEqual([0, 1]);
    expect(system.counters().get("a")).toMatchObject({ handled: 2, dropped: { deadline: 2 } });
    expect(clock.pendingTimers).toBe(0);
  });

  test("messages whose deadline has passed make room before the overflow rule is applied", async () => {
    const { system, clock } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory, { capacity: 2, overflow: "refuse" });
    await system.tell("a", 0);
    await settle();
    await system.tell("a", 1, { deadline: clock.now() + 50 });
    await system.tell("a", 2);
    await clock.advance(50);
    await system.tell("a", 3);
    openAll();
    await settle();
    expect(arrived).toEqual([0, 2, 3]);
    expect(system.counters().get("a")).toMatchObject({ handled: 3, dropped: { deadline: 1, overflow: 0 } });
  });

  test("drop-oldest: nothing live gives way while something late can", async () => {
    const { system, clock } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory, { capacity: 2, overflow: "drop-oldest" });
    await system.tell("a", 0);
    await settle();
    await system.tell("a", 1);
    await system.tell("a", 2, { deadline: clock.now() + 50 });
    await clock.advance(50);
    await system.tell("a", 3);
    openAll();
    await settle();
    expect(arrived).toEqual([0, 1, 3]);
  });

  test("a busy actor lets timers and sockets have their turn", async () => {
    const { system } = stageSet();
    let handled = 0;
    system.spawn("a", () => ({ onMessage: () => void handled++ }), { capacity: 10_000 });
    await Promise.all(Array.from({ length: 5000 }, (_, i) => system.tell("a", i)));
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(handled).toBeGreaterThan(0);
    expect(handled).toBeLessThan(5000);
    await system.drain(Date.now() + 5000);
    expect(handled).toBe(5000);
  });
});
