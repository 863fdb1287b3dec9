import { describe, expect, test } from "bun:test";
import type { ActorMessage } from "../../src/actors/actor.ts";
import { MemoryDeadLetters } from "../../src/actors/dead-letters.ts";
import type { Outcome } from "../../src/actors/envelope.ts";
import { ActorSystem } from "../../src/actors/system.ts";
import { FacewireError } from "../../src/errors.ts";
import { rejection, settle } from "../support/settle.ts";
import { actor, gate, stageSet } from "./stage-set.ts";

/** Two systems that know each other through a bus only, as two processes would. */
function twoSystems() {
  const set = stageSet();
  const { clock, bus } = set;
  const deadLetters = new MemoryDeadLetters();
  return { ...set, here: set.system, there: new ActorSystem({ bus, clock, deadLetters }), deadLetters };
}

describe("actors of different systems", () => {
  test("ask and tell each other, with the message's papers", async () => {
    const { here, there, soon } = twoSystems();
    const seen: ActorMessage[] = [];
    await there.spawn(
      "a",
      actor((message: ActorMessage<number>) => {
        seen.push(message);
        return message.body + 1;
      }),
    ).ready;
    const papers = { id: "m", requestId: "r", sequence: 3, deadline: soon(), traceparent: "t" };
    expect(await here.ask<number>("a", 1, papers)).toBe(2);
    await here.tell("a", 2);
    await settle();
    expect(seen[0]).toMatchObject({ ...papers, body: 1 });
    expect(seen[1]).toMatchObject({ body: 2, requestId: undefined, deadline: undefined });
  });

  test("errors arrive with their codes", async () => {
    const { here, there, soon } = twoSystems();
    await there.spawn(
      "a",
      actor(() => {
        throw new FacewireError("picture_damaged", "Bad.", { details: { at: 1 } });
      }),
    ).ready;
    const error = await rejection(here.ask("a", 1, { deadline: soon() }));
    expect(error).toMatchObject({ code: "picture_damaged", message: "Bad.", details: { at: 1 } });
  });

  test("telling waits until the mailbox has the message, and hears of a full one", async () => {
    const { here, there } = twoSystems();
    const { factory, arrived, openAll } = gate();
    await there.spawn("a", factory, { capacity: 1 }).ready;
    await here.tell("a", 0);
    await settle();
    await here.tell("a", 1);
    expect((await rejection(here.tell("a", 2))).code).toBe("mailbox_full");
    openAll();
    await settle();
    expect(arrived).toEqual([0, 1]);
  });

  test("a mailbox that blocks holds senders of other systems back too", async () => {
    const { here, there } = twoSystems();
    const { factory, arrived, openAll } = gate();
    await there.spawn("a", factory, { capacity: 1, overflow: "block" }).ready;
    await here.tell("a", 0);
    await settle();
    await here.tell("a", 1);
    let taken = false;
    void here.tell("a", 2).then(() => {
      taken = true;
    });
    await settle();
    expect(taken).toBe(false);
    openAll();
    await settle();
    expect(taken).toBe(true);
    expect(arrived).toEqual([0, 1, 2]);
  });

  test("a question that is withdrawn is withdrawn there, waiting or in hand", async () => {
    const { here, there, soon } = twoSystems();
    const signals: AbortSignal[] = [];
    await there.spawn(
      "a",
      actor(async (_: ActorMessage, { signal }) => {
        signals.push(signal);
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }),
    ).ready;
    const controller = new AbortController();
    const options = { deadline: soon(), signal: controller.signal };
    const asked = [rejection(here.ask("a", 1, options)), rejection(here.ask("a", 2, options))];
    await settle();
    expect(signals.length).toBe(1);
    controller.abort();
    for (const one of asked) expect((await one).code).toBe("request_cancelled");
    await settle();
    expect(signals.map((signal) => signal.aborted)).toEqual([true]);
    expect(there.counters().get("a")?.dropped.cancelled).toBe(2);
  });

  test("work past its deadline is dropped there", async () => {
    const { here, there, clock } = twoSystems();
    const { factory, arrived, openAll } = gate();
    await there.spawn("a", factory).ready;
    await here.tell("a", "in hand");
    await settle();
    const asked = rejection(here.ask("a", "late", { deadline: clock.now() + 100 }));
    await clock.advance(100);
    expect((await asked).code).toBe("deadline_exceeded");
    openAll();
    await settle();
    expect(arrived).toEqual(["in hand"]);
  });

  test("every message delivered twice is handled once", async () => {
    const { here, there, bus, soon } = twoSystems();
    const handled: unknown[] = [];
    await there.spawn(
      "a",
      actor(({ body }: ActorMessage) => void handled.push(body)),
    ).ready;
    // The second delivery goes round the systems, as one of a bus that repeats itself.
    await here.ask("a", "asked", { id: "1", deadline: soon() });
    await bus.request("a", "asked", { id: "1", headers: { "fw-ask": "1" }, deadline: soon() });
    await here.tell("a", "told", { id: "2" });
    bus.publish("a", "told", { id: "2" });
    await settle();
    expect(handled).toEqual(["asked", "told"]);
  });

  test("a local actor can be replied to from another system", async () => {
    const { here, there } = twoSystems();
    await there.spawn(
      "a",
      actor(({ body }: ActorMessage) => [body, "done"]),
    ).ready;
    const got = Promise.withResolvers<unknown>();
    here.spawn(
      "request.1",
      actor(({ body }: ActorMessage<Outcome>) => got.resolve(body)),
      { reach: "local" },
    );
    await here.tell("a", "x", { id: "m", replyTo: "request.1" });
    expect(await got.promise).toEqual({ of: "m", ok: true, reply: ["x", "done"] });
    expect((await rejection(there.tell("request.1", 1))).code).toBe("no_receiver");
  });

  test("a reply that no bus carries becomes an error that says so", async () => {
    const { here, there, soon } = twoSystems();
    await there.spawn(
      "a",
      actor(() => new Map()),
    ).ready;
    expect((await rejection(here.ask("a", 1, { deadline: soon() }))).code).toBe("message_invalid");
    const got = Promise.withResolvers<Outcome>();
    here.spawn(
      "request.1",
      actor(({ body }: ActorMessage<Outcome>) => got.resolve(body)),
      { reach: "local" },
    );
    await here.tell("a", "x", { id: "m", replyTo: "request.1" });
    expect(await got.promise).toMatchObject({ of: "m", ok: false, error: { code: "message_invalid" } });
  });

  test("a body that no bus carries is refused to its sender", async () => {
    const { here, there, soon } = twoSystems();
    await there.spawn(
      "a",
      actor(() => 1),
    ).ready;
    expect((await rejection(here.ask("a", new Map(), { deadline: soon() }))).code).toBe("message_invalid");
    expect((await rejection(here.tell("a", new Uint8Array(2 ** 21)))).code).toBe("message_too_large");
  });

  test("malformed messages from the bus are refused and go to the dead letters", async () => {
    const { there, bus, soon, deadLetters } = twoSystems();
    const accepts = (body: unknown): body is number => typeof body === "number";
    await there.spawn(
      "a",
      actor(() => 1),
      { accepts },
    ).ready;
    const headers = { "fw-deadline": "tomorrow" };
    expect((await rejection(bus.request("a", 1, { headers, deadline: soon(), id: "1" }))).code).toBe("message_invalid");
    expect((await rejection(bus.request("a", "text", { deadline: soon(), id: "2" }))).code).toBe("message_invalid");
    bus.publish("a", [1], { id: "3" });
    await settle();
    expect(deadLetters.letters.map((letter) => [letter.messageId, letter.cause.code])).toEqual([
      ["1", "message_invalid"],
      ["2", "message_invalid"],
      ["3", "message_invalid"],
    ]);
  });

  test("actors that share an address share its messages, and one that drains leaves them to the other", async () => {
    const { here, there, soon } = twoSystems();
    const names = ["here", "there"] as const;
    const refs = [here, there].map((system, i) =>
      system.spawn(
        "s",
        actor(() => names[i]),
        { reach: "shared" },
      ),
    );
    for (const ref of refs) await ref.ready;
    const ask = (): Promise<string[]> =>
      Promise.all(Array.from({ length: 20 }, () => here.ask<string>("s", 1, { deadline: soon() })));
    expect(new Set(await ask())).toEqual(new Set(names));
    await there.drain(soon());
    expect(new Set(await ask())).toEqual(new Set(["here"]));
  });

  test("a stopped actor is no longer listened for", async () => {
    const { here, there, soon, bus } = twoSystems();
    const ref = there.spawn(
      "a",
      actor(() => 1),
    );
    await ref.ready;
    const before = bus.stats().subscriptions;
    await ref.stop();
    expect(bus.stats().subscriptions).toBe(before - 1);
    expect((await rejection(here.ask("a", 1, { deadline: soon() }))).code).toBe("no_receiver");
  });

  test("an actor the bus cannot reach is not ready, and is stopped", async () => {
    const { there, bus } = twoSystems();
    await bus.close();
    const ref = there.spawn(
      "a",
      actor(() => 1),
    );
    expect((await rejection(ref.ready)).code).toBe("bus_unavailable");
    await ref.stopped;
    expect(there.find("a")).toBeUndefined();
  });
});
