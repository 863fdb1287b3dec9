import { describe, expect, test } from "bun:test";
import type { Actor, ActorMessage } from "../../src/actors/actor.ts";
import { ActorSystem } from "../../src/actors/system.ts";
import { FacewireError } from "../../src/errors.ts";
import { rejection, settle } from "../support/settle.ts";
import { actor, gate, stageSet } from "./stage-set.ts";

const backoff = { initial: 100, max: 400, factor: 2, jitter: 0 };

describe("an actor that fails", () => {
  test("is replaced by a new instance after a back-off, which gets the same message before all others", async () => {
    const { system, clock } = stageSet();
    const log: string[] = [];
    let instances = 0;
    const factory = (): Actor => {
      const me = ++instances;
      return {
        start: () => void log.push(`${me} start`),
        onMessage: ({ body, attempt }) => {
          log.push(`${me} ${body}/${attempt}`);
          if (body === "a" && attempt === 1) throw new Error("once");
        },
        stop: (reason) => void log.push(`${me} stop ${reason}`),
      };
    };
    const ref = system.spawn("a", factory, { backoff });
    await system.tell("a", "a");
    await system.tell("a", "b");
    await settle();
    expect(log).toEqual(["1 start", "1 a/1", "1 stop failure"]);
    expect(ref.state).toBe("restarting");
    await clock.advance(99);
    expect(log.length).toBe(3);
    await clock.advance(1);
    expect(log.slice(3)).toEqual(["2 start", "2 a/2", "2 b/1"]);
    expect(system.counters().get("a")).toMatchObject({ handled: 2, failed: 1, restarts: 1 });
  });

  test("waits longer with each failure in a row, up to the limit, and starts over after a success", async () => {
    const { system, clock } = stageSet();
    const times: number[] = [];
    const start = clock.now();
    let failing = true;
    system.spawn(
      "a",
      actor(() => {
        times.push(clock.now() - start);
        if (failing) throw new Error("failing");
      }),
      { backoff, maxAttempts: 6 },
    );
    await system.tell("a", 1);
    await clock.advance(1100);
    failing = false;
    await clock.advance(1000);
    expect(times).toEqual([0, 100, 300, 700, 1100, 1500]);
    failing = true;
    times.length = 0;
    await system.tell("a", 2);
    await clock.advance(100);
    expect(times.map((time) => time - (times[0] as number))).toEqual([0, 100]);
  });

  test("jitter takes off its share of the wait by chance", async () => {
    const { clock, bus } = stageSet();
    const system = new ActorSystem({ bus, clock, random: () => 0.5 });
    let handled = 0;
    system.spawn(
      "a",
      actor(() => {
        handled++;
        throw new Error("always");
      }),
      { backoff: { ...backoff, jitter: 0.4 } },
    );
    await system.tell("a", 1);
    await clock.advance(79);
    expect(handled).toBe(1);
    await clock.advance(1);
    expect(handled).toBe(2);
  });

  test("takes messages while it is being replaced", async () => {
    const { system, clock, soon } = stageSet();
    system.spawn(
      "a",
      actor(({ body, attempt }: ActorMessage) => {
        if (body === "bad" && attempt === 1) throw new Error("once");
        return body;
      }),
      { backoff },
    );
    await system.tell("a", "bad");
    await settle();
    const asked = system.ask("a", "good", { deadline: soon() });
    await clock.advance(100);
    expect(await asked).toBe("good");
  });

  test("and fails to start is tried again in the same way", async () => {
    const { system, clock, soon } = stageSet();
    let starts = 0;
    const ref = system.spawn(
      "a",
      () => ({
        start: () => {
          if (++starts < 3) throw new Error("not yet");
        },
        onMessage: () => "here",
      }),
      { backoff },
    );
    const asked = system.ask("a", 1, { deadline: soon() });
    await clock.advance(300);
    await ref.ready;
    expect(await asked).toBe("here");
    expect(system.counters().get("a")).toMatchObject({ failed: 2, restarts: 2, handled: 1 });
  });

  test("is given up after maxFailures in a row; whoever waits is told actor_failed, the rest goes to the dead letters", async () => {
    const { system, clock, soon, deadLetters } = stageSet();
    const ref = system.spawn(
      "a",
      actor(() => {
        throw new Error("always");
      }),
      { backoff, maxFailures: 2, maxAttempts: 9 },
    );
    const asked = rejection(system.ask("a", 1, { deadline: soon() }));
    await system.tell("a", 2);
    await clock.advance(1000);
    expect(await ref.stopped).toBe("given-up");
    expect((await asked).code).toBe("actor_failed");
    expect(deadLetters.letters).toMatchObject([{ cause: { code: "actor_failed" }, summary: "2" }]);
    expect(deadLetters.letters[0]?.internal).toContain("always");
    expect((await rejection(system.tell("a", 3))).code).toBe("no_receiver");
    expect(system.counters().get("a")).toMatchObject({ failed: 2, dropped: { stopped: 2 }, actors: 0 });
  });
});

describe("a message an actor fails on", () => {
  test("goes to the dead letters after maxAttempts with cause and attempts, and its asker gets a coded error", async () => {
    const { system, clock, soon, deadLetters } = stageSet();
    const thrown = new Error("weights/secret.onnx", { cause: new Error("deeper") });
    system.spawn(
      "stage.detect",
      actor(({ body }: ActorMessage) => {
        if (body !== "good") throw thrown;
        return body;
      }),
      { backoff, maxAttempts: 3, failureCode: "stage_failed" },
    );
    const body = { name: "a.jpg", bytes: new Uint8Array(5) };
    const asked = rejection(
      system.ask("stage.detect", body, { deadline: soon(), id: "m", requestId: "r", sequence: 4 }),
    );
    await clock.advance(1000);
    const error = await asked;
    expect(error).toMatchObject({ code: "stage_failed" });
    expect(error.message).not.toContain("secret");
    const [letter, ...others] = deadLetters.letters;
    expect(others).toEqual([]);
    expect(letter).toMatchObject({
      address: "stage.detect",
      kind: "stage",
      cause: { code: "stage_failed", message: error.message },
      attempts: 3,
      messageId: "m",
      requestId: "r",
      sequence: 4,
      summary: "{name: text(5), bytes: bytes(5)}",
    });
    expect(letter?.internal).toContain("secret.onnx");
    expect(letter?.internal).toContain("deeper");
    expect(await system.ask<string>("stage.detect", "good", { deadline: soon() })).toBe("good");
    expect(system.counters().get("stage")).toMatchObject({ failed: 3, restarts: 3, handled: 1, deadLetters: 1 });
  });

  test("is not tried again once its deadline has passed", async () => {
    const { system, clock, deadLetters } = stageSet();
    let handled = 0;
    system.spawn(
      "a",
      actor(() => {
        handled++;
        throw new Error("always");
      }),
      { backoff },
    );
    const asked = rejection(system.ask("a", 1, { deadline: clock.now() + 50 }));
    await clock.advance(1000);
    expect((await asked).code).toBe("deadline_exceeded");
    expect(handled).toBe(1);
    expect(deadLetters.letters).toEqual([]);
    expect(system.counters().get("a")).toMatchObject({ dropped: { deadline: 1 } });
  });

  test("a refusal is an answer: no restart, no retry, and a dead letter only if nobody asked", async () => {
    const { system, soon, deadLetters } = stageSet();
    system.spawn(
      "a",
      actor(() => {
        throw new FacewireError("picture_truncated", "Short.");
      }),
    );
    expect((await rejection(system.ask("a", 1, { deadline: soon() }))).code).toBe("picture_truncated");
    expect(deadLetters.letters).toEqual([]);
    await system.tell("a", 2, { id: "told" });
    await settle();
    expect(deadLetters.letters).toMatchObject([
      { messageId: "told", attempts: 1, cause: { code: "picture_truncated" } },
    ]);
    expect(system.counters().get("a")).toMatchObject({ refused: 2, failed: 0, restarts: 0 });
  });

  test("a sink that fails is counted, reported and harms nobody", async () => {
    const { bus, clock, soon } = stageSet();
    const lost: string[] = [];
    const system = new ActorSystem({
      bus,
      clock,
      deadLetters: { record: () => Promise.reject(new Error("disk full")) },
      observer: { letterLost: (letter, error) => void lost.push(`${letter.address}: ${error}`) },
    });
    system.spawn(
      "a",
      actor(({ body }: ActorMessage) => {
        if (body === "bad") throw new Error("always");
        return body;
      }),
      { maxAttempts: 1, backoff: { ...backoff, initial: 0 } },
    );
    expect((await rejection(system.ask("a", "bad", { deadline: soon() }))).code).toBe("internal");
    await clock.advance(1);
    expect(await system.ask<string>("a", "good", { deadline: soon() })).toBe("good");
    expect(lost).toEqual(["a: Error: disk full"]);
    expect(system.counters().get("a")).toMatchObject({ deadLetters: 1, lostLetters: 1 });
  });
});

describe("the counters", () => {
  test("account for every message that was received", async () => {
    const { system, clock, soon } = stageSet();
    const held = Promise.withResolvers<void>();
    const counters = () => system.counters().get("a");
    system.spawn(
      "a",
      actor(async ({ body }: ActorMessage) => {
        if (body === "bug") throw new Error("always");
        if (body === "bad") throw new FacewireError("picture_damaged", "Bad.");
        await held.promise;
      }),
      { capacity: 5, maxAttempts: 1, backoff },
    );
    await system.tell("a", "good", { id: "same" });
    await settle();
    const controller = new AbortController();
    const asked = rejection(system.ask("a", "good", { deadline: soon(), signal: controller.signal }));
    await system.tell("a", "bug");
    await system.tell("a", "bad");
    await system.tell("a", "good", { deadline: clock.now() + 1 });
    await system.tell("a", "good");
    const full = rejection(system.tell("a", "good"));
    await system.tell("a", "good", { id: "same" });
    controller.abort();
    expect([(await asked).code, (await full).code]).toEqual(["request_cancelled", "mailbox_full"]);
    await clock.advance(1);
    held.resolve();
    await clock.advance(100);
    expect(counters()).toMatchObject({
      received: 8,
      handled: 2,
      refused: 1,
      rejected: 1,
      givenUp: 1,
      dropped: { overflow: 0, deadline: 1, cancelled: 1, duplicate: 1, stopped: 0 },
      waiting: 0,
    });
  });
});

describe("stopping", () => {
  test("stop answers what waits with shutting_down, keeps what nobody asked for as dead letters, and frees the address", async () => {
    const { system, soon, deadLetters } = stageSet();
    const reasons: string[] = [];
    const ref = system.spawn("a", () => ({
      onMessage: async (_: ActorMessage, { signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        return "finished";
      },
      stop: (reason) => void reasons.push(reason),
    }));
    const inHand = system.ask("a", "in hand", { deadline: soon() });
    await settle();
    const waiting = rejection(system.ask("a", "waiting", { deadline: soon() }));
    await system.tell("a", "told", { id: "told" });
    const stopping = ref.stop();
    expect((await rejection(system.tell("a", "new"))).code).toBe("no_receiver");
    await stopping;
    expect(await inHand).toBe("finished");
    expect((await waiting).code).toBe("shutting_down");
    expect(deadLetters.letters).toMatchObject([{ messageId: "told", cause: { code: "shutting_down" } }]);
    expect(reasons).toEqual(["stopped"]);
    expect(ref.state).toBe("stopped");
    system.spawn(
      "a",
      actor(() => "another"),
    );
    expect(await system.ask<string>("a", 1, { deadline: soon() })).toBe("another");
  });

  test("an actor that may drop messages leaves no dead letters when it stops", async () => {
    const { system, clock, deadLetters } = stageSet();
    const { factory } = gate();
    const ref = system.spawn("a", factory, { overflow: "drop-oldest" });
    for (const body of [1, 2, 3]) await system.tell("a", body);
    const stopping = ref.stop(0);
    await clock.advance(0);
    await stopping;
    expect(deadLetters.letters).toEqual([]);
    expect(system.counters().get("a")).toMatchObject({ dropped: { stopped: 3 } });
  });

  test("a handler that never ends is waited for no longer than the patience, and its asker is told", async () => {
    const { system, clock, soon } = stageSet();
    const ref = system.spawn(
      "a",
      actor(() => new Promise<never>(() => {})),
    );
    const asked = rejection(system.ask("a", 1, { deadline: soon() }));
    await settle();
    const stopping = ref.stop(200);
    await clock.advance(200);
    await stopping;
    expect((await asked).code).toBe("shutting_down");
    expect(system.counters().get("a")).toMatchObject({ actors: 0, dropped: { stopped: 1 } });
  });

  test("an actor ends itself after the message in hand, and its life signal fires", async () => {
    const { system, soon } = stageSet();
    let life: AbortSignal | undefined;
    const ref = system.spawn(
      "a",
      actor((_, context) => {
        life = context.life;
        context.stop();
        return "last";
      }),
    );
    expect(await system.ask<string>("a", 1, { deadline: soon() })).toBe("last");
    expect(await ref.stopped).toBe("stopped");
    expect(life?.aborted).toBe(true);
    expect(system.find("a")).toBeUndefined();
  });

  test("drain finishes what was accepted and refuses what is new", async () => {
    const { system, soon } = stageSet();
    const { factory, arrived, openAll } = gate();
    const ref = system.spawn("a", factory);
    const asked = [1, 2, 3].map((body) => system.ask<number>("a", body, { deadline: soon() }));
    await settle();
    const drained = ref.drain(soon());
    expect((await rejection(system.tell("a", 4))).code).toBe("shutting_down");
    openAll();
    await drained;
    expect(await Promise.all(asked)).toEqual([1, 2, 3]);
    expect(arrived).toEqual([1, 2, 3]);
    expect(await ref.stopped).toBe("drained");
  });

  test("drain is cut off at its deadline", async () => {
    const { system, clock, soon } = stageSet();
    const { factory } = gate();
    const ref = system.spawn("a", factory);
    const asked = [1, 2].map((body) => rejection(system.ask("a", body, { deadline: soon() })));
    await settle();
    const drained = ref.drain(clock.now() + 500);
    await clock.advance(500);
    await drained;
    for (const one of asked) expect((await one).code).toBe("shutting_down");
    expect(await ref.stopped).toBe("stopped");
  });

  test("a system that drains finishes accepted work across its actors, hands over dead letters and refuses the rest", async () => {
    const { system, soon, deadLetters, bus } = stageSet();
    const { factory, arrived, openAll } = gate();
    system.spawn("last", factory);
    system.spawn(
      "first",
      actor(async ({ body }: ActorMessage, context) => {
        await settle();
        await context.tell("last", body);
        if (body === 2) throw new FacewireError("picture_damaged", "Bad.");
      }),
    );
    await system.tell("first", 1);
    await system.tell("first", 2);
    const drained = system.drain(soon());
    expect((await rejection(system.tell("first", 3))).code).toBe("shutting_down");
    expect((await rejection(system.ask("first", 3, { deadline: soon() }))).code).toBe("shutting_down");
    expect(() => system.spawn("new", factory)).toThrow(expect.objectContaining({ code: "shutting_down" }));
    openAll();
    await drained;
    expect(arrived).toEqual([1, 2]);
    expect(deadLetters.letters).toMatchObject([{ address: "first", cause: { code: "picture_damaged" } }]);
    expect(bus.stats().subscriptions).toBe(0);
    expect(bus.status.kind).toBe("connected");
  });

  test("a system that drains waits until the sink has its dead letters", async () => {
    const { bus, clock, soon } = stageSet();
    const written = Promise.withResolvers<void>();
    const system = new ActorSystem({ bus, clock, deadLetters: { record: () => written.promise } });
    system.spawn(
      "a",
      actor(() => {
        throw new FacewireError("picture_damaged", "Bad.");
      }),
    );
    await system.tell("a", 1);
    let drained = false;
    const draining = system.drain(soon()).then(() => {
      drained = true;
    });
    await settle();
    expect(drained).toBe(false);
    written.resolve();
    await draining;
  });

  test("a system's drain ends at its deadline whatever its actors do", async () => {
    const { system, clock, soon } = stageSet();
    system.spawn(
      "a",
      actor(() => new Promise<never>(() => {})),
    );
    const asked = rejection(system.ask("a", 1, { deadline: soon() }));
    await settle();
    const drained = system.drain(clock.now() + 300);
    await clock.advance(300);
    await clock.advance(0);
    await drained;
    expect((await asked).code).toBe("shutting_down");
    expect(clock.pendingTimers).toBe(0);
  });

  test("an address is taken once at a time, and must be a subject", () => {
    const { system } = stageSet();
    system.spawn(
      "a",
      actor(() => 1),
    );
    expect(() =>
      system.spawn(
        "a",
        actor(() => 2),
      ),
    ).toThrow(expect.objectContaining({ code: "internal" }));
    expect(() =>
      system.spawn(
        "a.*",
        actor(() => 3),
      ),
    ).toThrow(expect.objectContaining({ code: "message_invalid" }));
  });
});
