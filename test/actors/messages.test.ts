import { describe, expect, test } from "bun:test";
import type { ActorMessage } from "../../src/actors/actor.ts";
import type { Outcome } from "../../src/actors/envelope.ts";
import { FacewireError } from "../../src/errors.ts";
import { rejection, settle } from "../support/settle.ts";
import { actor, gate, stageSet } from "./stage-set.ts";

describe("asking and telling", () => {
  test("the asker gets the reply, and in process bodies and replies are passed by reference", async () => {
    const { system, soon } = stageSet();
    const body = { picture: new SharedArrayBuffer(8), inside: new Map() };
    system.spawn(
      "echo",
      actor((message) => message.body),
    );
    expect(await system.ask("echo", body, { deadline: soon() })).toBe(body);
  });

  test("an actor is given the message's papers", async () => {
    const { system, soon } = stageSet();
    let got: ActorMessage | undefined;
    system.spawn(
      "a",
      actor((message: ActorMessage) => {
        got = message;
      }),
    );
    const papers = { id: "m1", requestId: "r1", sequence: 7, deadline: soon(), traceparent: "00-aa-bb-01" };
    await system.ask("a", "body", papers);
    expect(got).toMatchObject({ ...papers, body: "body", attempt: 1, acceptedAt: system.now() });
  });

  test("sending to an address without an actor fails with no_receiver", async () => {
    const { system, soon } = stageSet();
    expect((await rejection(system.tell("nobody", 1))).code).toBe("no_receiver");
    expect((await rejection(system.ask("nobody", 1, { deadline: soon() }))).code).toBe("no_receiver");
  });

  test("messages are handled one at a time and in the sender's order", async () => {
    const { system } = stageSet();
    let running = 0;
    const log: number[] = [];
    system.spawn(
      "a",
      actor(async ({ body }: ActorMessage<number>) => {
        expect(++running).toBe(1);
        for (let turns = body % 3; turns > 0; turns--) await settle();
        running--;
        log.push(body);
      }),
    );
    for (let i = 0; i < 20; i++) void system.tell("a", i);
    await system.drain(system.now() + 60_000);
    expect(log).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("messages sent before an actor has started wait until it has", async () => {
    const { system } = stageSet();
    const log: unknown[] = [];
    const started = Promise.withResolvers<void>();
    const ref = system.spawn("a", () => ({
      start: async () => {
        await started.promise;
        log.push("started");
      },
      onMessage: ({ body }: ActorMessage) => void log.push(body),
    }));
    await system.tell("a", "first");
    await settle();
    expect(log).toEqual([]);
    expect(ref.state).toBe("starting");
    started.resolve();
    await ref.ready;
    await settle();
    expect(log).toEqual(["started", "first"]);
  });

  test("replyTo is told the reply, or the error, of what was told", async () => {
    const { system } = stageSet();
    const outcomes: unknown[] = [];
    system.spawn(
      "collector",
      actor((message: ActorMessage<Outcome>) => void outcomes.push([message.requestId, message.body])),
      {
        reach: "local",
      },
    );
    system.spawn(
      "a",
      actor(({ body }: ActorMessage) => {
        if (body === "bad")
          throw new FacewireError("picture_damaged", "Bad.", { details: { at: 1, hidden: undefined } });
        return "fine";
      }),
    );
    await system.tell("a", "good", { id: "1", replyTo: "collector", requestId: "r" });
    await system.tell("a", "bad", { id: "2", replyTo: "collector", requestId: "r" });
    await settle();
    expect(outcomes).toEqual([
      ["r", { of: "1", ok: true, reply: "fine" }],
      ["r", { of: "2", ok: false, error: { code: "picture_damaged", message: "Bad.", details: { at: 1 } } }],
    ]);
  });

  test("a body the actor does not take is refused with message_invalid and goes to the dead letters", async () => {
    const { system, soon, deadLetters } = stageSet();
    const accepts = (body: unknown): body is number => typeof body === "number";
    system.spawn(
      "a",
      actor(({ body }: ActorMessage<number>) => body + 1),
      { accepts },
    );
    expect((await rejection(system.ask("a", "text", { deadline: soon() }))).code).toBe("message_invalid");
    expect(await system.ask<number>("a", 1, { deadline: soon() })).toBe(2);
    expect(deadLetters.letters).toMatchObject([
      { address: "a", cause: { code: "message_invalid" }, summary: "text(4)" },
    ]);
  });
});

describe("deadlines", () => {
  test("work past its deadline is dropped without being handled, counted, and its asker told", async () => {
    const { system, clock, deadLetters } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory);
    await system.tell("a", "in hand");
    await settle();
    const asked = rejection(system.ask("a", "asked", { deadline: clock.now() + 100 }));
    await system.tell("a", "told", { deadline: clock.now() + 100 });
    await clock.advance(100);
    expect((await asked).code).toBe("deadline_exceeded");
    openAll();
    await settle();
    expect(arrived).toEqual(["in hand"]);
    expect(system.counters().get("a")).toMatchObject({ handled: 1, dropped: { deadline: 2 } });
    expect(deadLetters.letters).toEqual([]);
  });

  test("what is already late is not sent", async () => {
    const { system, clock } = stageSet();
    const { factory } = gate();
    system.spawn("a", factory);
    expect((await rejection(system.ask("a", 1, { deadline: clock.now() }))).code).toBe("deadline_exceeded");
    expect((await rejection(system.tell("a", 1, { deadline: clock.now() }))).code).toBe("deadline_exceeded");
    expect(system.counters().get("a")).toMatchObject({ received: 0 });
  });

  test("the signal of the message in hand fires at its deadline, and a handler that heeds it has not failed", async () => {
    const { system, clock, deadLetters } = stageSet();
    let reason: unknown;
    const ref = system.spawn(
      "a",
      actor(async (_, { signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        reason = signal.reason;
        signal.throwIfAborted();
      }),
    );
    const asked = rejection(system.ask("a", 1, { deadline: clock.now() + 100 }));
    await clock.advance(100);
    expect((await asked).code).toBe("deadline_exceeded");
    expect(reason).toMatchObject({ code: "deadline_exceeded" });
    expect(system.counters().get("a")).toMatchObject({ failed: 0, dropped: { deadline: 1 } });
    expect(deadLetters.letters).toEqual([]);
    expect(ref.state).toBe("running");
  });

  test("a handler that is done in time leaves no timer behind", async () => {
    const { system, clock, soon } = stageSet();
    system.spawn(
      "a",
      actor((_, { signal }) => signal.aborted),
    );
    expect(await system.ask<boolean>("a", 1, { deadline: soon() })).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("checkpoint throws once the deadline has passed, also when no timer has fired yet", async () => {
    const { system, clock } = stageSet();
    const passed: string[] = [];
    const released = Promise.withResolvers<void>();
    system.spawn(
      "a",
      actor(async (_, context) => {
        context.checkpoint();
        passed.push("before");
        await released.promise;
        context.checkpoint();
        passed.push("after");
      }),
    );
    await system.tell("a", 1, { deadline: clock.now() + 100 });
    await clock.advance(100);
    released.resolve();
    await settle();
    expect(passed).toEqual(["before"]);
    expect(system.counters().get("a")).toMatchObject({ failed: 0, dropped: { deadline: 1 } });
  });

  test("a question asked while handling hands on request, trace and deadline", async () => {
    const { system, soon } = stageSet();
    let inner: ActorMessage | undefined;
    system.spawn(
      "inner",
      actor((message: ActorMessage) => {
        inner = message;
      }),
    );
    system.spawn(
      "outer",
      actor((_, context) => context.ask("inner", "sub")),
    );
    const deadline = soon();
    await system.ask("outer", 1, { deadline, requestId: "r", traceparent: "t" });
    expect(inner).toMatchObject({ requestId: "r", traceparent: "t", deadline });
    system.spawn(
      "endless",
      actor((_, context) => context.ask("inner", "sub")),
      { maxAttempts: 1 },
    );
    await system.tell("endless", 1);
    await settle();
    expect(system.counters().get("endless")).toMatchObject({ refused: 1 });
  });
});

describe("cancelling", () => {
  test("a question that waits is withdrawn: the asker is told at once and nothing is handled", async () => {
    const { system, soon, clock } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory);
    await system.tell("a", "in hand");
    await settle();
    const controller = new AbortController();
    const asked = rejection(system.ask("a", "unwanted", { deadline: soon(), signal: controller.signal }));
    await settle();
    controller.abort();
    expect((await asked).code).toBe("request_cancelled");
    expect(system.find("a")?.waiting).toBe(0);
    openAll();
    await settle();
    expect(arrived).toEqual(["in hand"]);
    expect(system.counters().get("a")?.dropped.cancelled).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("the signal of a question in hand fires, through every question it led to", async () => {
    const { system, soon, deadLetters } = stageSet();
    let innermost: AbortSignal | undefined;
    const begun = Promise.withResolvers<void>();
    system.spawn(
      "inner",
      actor(async (_, { signal }) => {
        innermost = signal;
        begun.resolve();
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }),
    );
    system.spawn(
      "outer",
      actor((_, context) => context.ask("inner", 1)),
    );
    const controller = new AbortController();
    const asked = rejection(system.ask("outer", 1, { deadline: soon(), signal: controller.signal }));
    await begun.promise;
    controller.abort();
    expect((await asked).code).toBe("request_cancelled");
    await settle();
    expect(innermost?.aborted).toBe(true);
    for (const kind of ["inner", "outer"]) {
      expect(system.counters().get(kind)).toMatchObject({ failed: 0, dropped: { cancelled: 1 } });
    }
    expect(deadLetters.letters).toEqual([]);
  });

  test("a question with a fired signal is not asked", async () => {
    const { system, soon } = stageSet();
    system.spawn(
      "a",
      actor(() => 1),
    );
    const asked = system.ask("a", 1, { deadline: soon(), signal: AbortSignal.abort() });
    expect((await rejection(asked)).code).toBe("request_cancelled");
    expect(system.counters().get("a")?.received).toBe(0);
  });
});

describe("messages that come twice", () => {
  test("the same id is handled once, and both askers get the reply, during and after", async () => {
    const { system, soon } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory);
    const ask = (): Promise<unknown> => system.ask("a", "body", { id: "same", deadline: soon() });
    const both = [ask(), ask()];
    await settle();
    openAll();
    expect(await Promise.all(both)).toEqual(["body", "body"]);
    expect(await ask()).toBe("body");
    expect(arrived).toEqual(["body"]);
    expect(system.counters().get("a")).toMatchObject({ received: 3, handled: 1, dropped: { duplicate: 2 } });
  });

  test("an error is remembered as a reply is", async () => {
    const { system, soon } = stageSet();
    let handled = 0;
    system.spawn(
      "a",
      actor(() => {
        handled++;
        throw new FacewireError("picture_damaged", "Bad.");
      }),
    );
    for (let i = 0; i < 2; i++) {
      const asked = system.ask("a", 1, { id: "same", deadline: soon() });
      expect((await rejection(asked)).code).toBe("picture_damaged");
    }
    expect(handled).toBe(1);
  });

  test("one of two askers may leave without taking the work from the other", async () => {
    const { system, soon } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory);
    await system.tell("a", "before");
    await settle();
    const controllers = [new AbortController(), new AbortController()] as const;
    const asked = controllers.map(({ signal }) => system.ask("a", "body", { id: "same", deadline: soon(), signal }));
    await settle();
    controllers[0].abort();
    expect((await rejection(asked[0] as Promise<unknown>)).code).toBe("request_cancelled");
    openAll();
    expect(await asked[1]).toBe("body");
    expect(arrived).toEqual(["before", "body"]);
  });

  test("what was dropped is not remembered, so it may come again", async () => {
    const { system, clock, soon } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("a", factory);
    await system.tell("a", "in hand");
    await settle();
    const late = rejection(system.ask("a", "body", { id: "same", deadline: clock.now() + 10 }));
    await clock.advance(10);
    expect((await late).code).toBe("deadline_exceeded");
    const again = system.ask("a", "body", { id: "same", deadline: soon() });
    openAll();
    expect(await again).toBe("body");
    expect(arrived).toEqual(["in hand", "body"]);
  });

  test("the memory is bounded: the oldest id is forgotten first", async () => {
    const { system, soon } = stageSet();
    const handled: unknown[] = [];
    system.spawn(
      "a",
      actor(({ id }: ActorMessage) => void handled.push(id)),
      { remember: 2 },
    );
    for (const id of ["1", "2", "3", "3", "1"]) await system.ask("a", 0, { id, deadline: soon() });
    expect(handled).toEqual(["1", "2", "3", "1"]);
  });
});
