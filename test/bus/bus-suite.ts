/**
 * The suite that decides whether an implementation of the Bus contract is fit. It asks nothing of the implementation but
 * the contract, so it also says what the contract means.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Bus, Delivery, WorkMessage } from "../../src/bus/bus.ts";
import type { WireHeaders, WireValue } from "../../src/bus/wire.ts";
import { FacewireError } from "../../src/errors.ts";
import { eventually, rejection } from "../support/settle.ts";

/** A bus under test and a second one on the same broker (the same object where a bus is its own broker). */
export interface BusFixture {
  readonly bus: Bus;
  readonly peer: Bus;
  /** Ends both and the broker's state. */
  dispose(): Promise<void>;
}

/** What an implementation has beside the contract. Tests of an absent feature are left out. */
export interface BusFeatures {
  /** Accepted work outlives the bus it was given to: `reopen` gives another bus on the same broker. */
  readonly persistence?: { reopen(): Promise<Bus> };
  /** The broker is another process: it can go and come back. */
  readonly broker?: { stop(): Promise<void>; start(): Promise<void> };
}

/** How a bus gets into the suite. */
export interface BusUnderTest {
  create(): Promise<BusFixture>;
  readonly features: BusFeatures;
}

/** A short back-off, so that redelivery is quick whatever the clock. */
const QUICK = { initial: 1, max: 5, factor: 2, jitter: 0 };

/** Long enough never to be reached by a passing test. */
const soon = (): number => Date.now() + 5000;

/** Runs the suite. */
export function describeBus(name: string, subject: BusUnderTest): void {
  describe(name, () => {
    let bus: Bus;
    let peer: Bus;
    let dispose: () => Promise<void>;
    let topic: string;
    let queue: string;
    let count = 0;

    beforeEach(async () => {
      ({ bus, peer, dispose } = await subject.create());
      // Names of its own for each test: a broker may outlive it.
      const own = `${process.pid}-${Date.now().toString(36)}-${count++}`;
      topic = `suite.${own}`;
      queue = `suite-${own}`;
    });
    afterEach(() => dispose());

    /** Collects the bodies a subscription gets. */
    async function collect(pattern: string, group?: string): Promise<WireValue[]> {
      const bodies: WireValue[] = [];
      await peer.subscribe(pattern, (delivery) => void bodies.push(delivery.body), group ? { group } : {});
      return bodies;
    }

    describe("subjects and messages", () => {
      test("a subscriber gets what is sent to its subject and nothing else", async () => {
        const got = await collect(`${topic}.a`);
        bus.publish(`${topic}.b`, "other");
        bus.publish(`${topic}.a.b`, "deeper");
        bus.publish(topic, "shorter");
        bus.publish(`${topic}.a`, "mine");
        await eventually(() => got.length > 0);
        expect(got).toEqual(["mine"]);
      });

      test("* stands for one token and > for one or more", async () => {
        const one = await collect(`${topic}.*.end`);
        const rest = await collect(`${topic}.>`);
        for (const subject of ["x.end", "y.end", "x.y.end", "x"]) bus.publish(`${topic}.${subject}`, subject);
        bus.publish(topic, "bare");
        await eventually(() => rest.length === 4);
        expect(one).toEqual(["x.end", "y.end"]);
        expect(rest).toEqual(["x.end", "y.end", "x.y.end", "x"]);
      });

      test.each(["", "a..b", ".a", "a.", "a b", "a.*", "a.>", "$SYS.a", "_INBOX.a", "a\nb", "ä"])(
        "%j is refused as a subject with message_invalid",
        async (bad) => {
          expect(() => bus.publish(bad, 1)).toThrow(expect.objectContaining({ code: "message_invalid" }));
          expect((await rejection(bus.request(bad, 1, { deadline: soon() }))).code).toBe("message_invalid");
        },
      );

      test.each(["a.>.b", "a*", ">a", "$SYS.>", ""])("%j is refused as a pattern with message_invalid", async (bad) => {
        expect((await rejection(bus.subscribe(bad, () => {}))).code).toBe("message_invalid");
      });

      test("a message arrives with its id, subject, headers and body unchanged", async () => {
        const body = {
          text: "Grüße 👋",
          none: null,
          yes: true,
          numbers: [0, -0, 0.1, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53],
          bytes: new Uint8Array([0, 1, 255]),
          empty: { list: [], record: {}, bytes: new Uint8Array(0), text: "" },
        };
        const { promise, resolve } = Promise.withResolvers<Delivery>();
        await peer.subscribe(topic, resolve);
        bus.publish(topic, body, { id: "id-1", headers: { traceparent: "00-aa-bb-01", "x-y": "" } });
        const got = await promise;
        expect(got.id).toBe("id-1");
        expect(got.subject).toBe(topic);
        expect({ ...got.headers }).toEqual({ traceparent: "00-aa-bb-01", "x-y": "" });
        expect(got.body).toEqual(body);
        expect(Object.is((got.body as unknown as typeof body).numbers[1], -0)).toBe(true);
        expect((got.body as unknown as typeof body).bytes).toBeInstanceOf(Uint8Array);
        expect(got.responder).toBeUndefined();
      });

      test("messages that are given no id get different ones", async () => {
        const ids = new Set<string>();
        await peer.subscribe(topic, (delivery) => void ids.add(delivery.id));
        for (let i = 0; i < 100; i++) (i % 2 ? bus : peer).publish(topic, i);
        await eventually(() => ids.size === 100);
      });

      test("headers named like a broker's own orders travel as text", async () => {
        const headers = { "Nats-Rollup": "all", "Nats-Msg-Id": "other", Status: "503", "Nats-Expected-Stream": "x" };
        const { promise, resolve } = Promise.withResolvers<Delivery>();
        await peer.subscribe(topic, resolve);
        bus.publish(topic, 1, { id: "own", headers });
        expect(await promise).toMatchObject({ id: "own", headers });
        const work = Promise.withResolvers<WorkMessage>();
        await peer.consume(queue, async (one) => work.resolve(one), { onDeadLetter: () => {} });
        await bus.enqueue(queue, 1, { id: "own", headers });
        expect(await work.promise).toMatchObject({ id: "own", headers });
      });

      test("what no bus carries is refused with message_invalid and not delivered", async () => {
        const got = await collect(topic);
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        const bodies = [
          undefined,
          () => {},
          new Date(),
          new Map(),
          1n,
          Symbol("s"),
          new Float32Array(1),
          [undefined],
          circle,
        ];
        for (const body of bodies) {
          expect(() => bus.publish(topic, body as WireValue)).toThrow(
            expect.objectContaining({ code: "message_invalid" }),
          );
        }
        const headerSets: WireHeaders[] = [{ "a b": "x" }, { "a:b": "x" }, { "": "x" }, { a: "x\r\ny" }];
        for (const headers of headerSets) {
          expect(() => bus.publish(topic, 1, { headers })).toThrow(
            expect.objectContaining({ code: "message_invalid" }),
          );
        }
        bus.publish(topic, "last");
        await eventually(() => got.length > 0);
        expect(got).toEqual(["last"]);
      });

      test("a message of the largest size passes and one byte more is refused with message_too_large", async () => {
        const got = await collect(topic);
        const largest = new Uint8Array(bus.maxMessageBytes - topic.length - 9);
        bus.publish(topic, largest);
        const over = new Uint8Array(largest.length + 1);
        expect(() => bus.publish(topic, over)).toThrow(expect.objectContaining({ code: "message_too_large" }));
        expect((await rejection(bus.request(topic, over, { deadline: soon() }))).code).toBe("message_too_large");
        expect((await rejection(bus.enqueue(queue, over, {}))).code).toBe("message_too_large");
        await eventually(() => got.length > 0);
        expect((got[0] as Uint8Array).length).toBe(largest.length);
      });
    });

    describe("publish and subscribe", () => {
      test("handlers never run inside publish", async () => {
        let ran = false;
        await bus.subscribe(topic, () => {
          ran = true;
        });
        bus.publish(topic, 1);
        expect(ran).toBe(false);
        await eventually(() => ran);
      });

      test("every subscriber gets every message, in the sender's order", async () => {
        const all = [await collect(topic), await collect(topic), await collect(`${topic.split(".")[0]}.>`)];
        const sent = Array.from({ length: 1000 }, (_, i) => i);
        for (const i of sent) bus.publish(topic, i);
        for (const got of all) {
          await eventually(() => got.length === sent.length);
          expect(got).toEqual(sent);
        }
      });

      test("order is kept when handlers take different times", async () => {
        const done: number[] = [];
        await peer.subscribe(topic, async (delivery) => {
          for (let turns = 5 - ((delivery.body as number) % 5); turns > 0; turns--) await Bun.sleep(0);
          done.push(delivery.body as number);
        });
        for (let i = 0; i < 20; i++) bus.publish(topic, i);
        await eventually(() => done.length === 20);
        expect(done).toEqual(Array.from({ length: 20 }, (_, i) => i));
      });

      test("each message goes to one member of each group and to everyone without a group", async () => {
        const plain = await collect(topic);
        const red = [await collect(topic, "red"), await collect(topic, "red"), await collect(topic, "red")];
        const blue = await collect(topic, "blue");
        for (let i = 0; i < 300; i++) bus.publish(topic, i);
        await eventually(() => red.flat().length >= 300 && blue.length >= 300 && plain.length >= 300);
        await bus.flush();
        const numbers = Array.from({ length: 300 }, (_, i) => i);
        expect((red.flat() as number[]).sort((a, b) => a - b)).toEqual(numbers);
        expect(blue).toEqual(numbers);
        expect(plain).toEqual(numbers);
        expect(red.filter((member) => member.length > 0).length).toBeGreaterThan(1);
      });

      test("a handler that throws loses its message, is counted, and the next one is handled", async () => {
        const got: WireValue[] = [];
        await bus.subscribe(topic, (delivery) => {
          if (delivery.body === "bad") throw new Error("handler");
          got.push(delivery.body);
        });
        bus.publish(topic, "bad");
        bus.publish(topic, "good");
        await eventually(() => got.length > 0);
        expect(got).toEqual(["good"]);
        expect(bus.stats().handlerErrors).toBe(1);
      });
    });

    describe("back-pressure", () => {
      /** A subscription whose handlers wait until the gate opens. */
      async function gated(options: Parameters<Bus["subscribe"]>[2]) {
        const gate = Promise.withResolvers<void>();
        const done: WireValue[] = [];
        let running = 0;
        let most = 0;
        const subscription = await bus.subscribe(
          topic,
          async (delivery) => {
            most = Math.max(most, ++running);
            await gate.promise;
            running--;
            done.push(delivery.body);
            delivery.responder?.answer(delivery.body);
          },
          options,
        );
        return { subscription, done, open: gate.resolve, most: () => most };
      }

      test("no more handlers run at once than maxInFlight", async () => {
        const { subscription, done, open, most } = await gated({ maxInFlight: 3 });
        for (let i = 0; i < 10; i++) bus.publish(topic, i);
        await eventually(() => subscription.stats().pending === 7);
        expect(subscription.stats()).toEqual({ delivered: 3, dropped: 0, pending: 7, inFlight: 3 });
        open();
        await eventually(() => done.length === 10);
        expect(most()).toBe(3);
      });

      test("drop-newest turns away what exceeds maxPending, and counts it", async () => {
        const { subscription, done, open } = await gated({ maxPending: 3, overflow: "drop-newest" });
        bus.publish(topic, 0);
        await eventually(() => subscription.stats().inFlight === 1);
        for (let i = 1; i <= 8; i++) bus.publish(topic, i);
        await eventually(() => subscription.stats().dropped === 5);
        open();
        await eventually(() => done.length === 4);
        expect(done).toEqual([0, 1, 2, 3]);
        expect(bus.stats().dropped).toBe(5);
      });

      test("drop-oldest gives up what waited longest, and counts it", async () => {
        const { subscription, done, open } = await gated({ maxPending: 3, overflow: "drop-oldest" });
        bus.publish(topic, 0);
        await eventually(() => subscription.stats().inFlight === 1);
        for (let i = 1; i <= 8; i++) bus.publish(topic, i);
        await eventually(() => subscription.stats().dropped === 5);
        open();
        await eventually(() => done.length === 4);
        expect(done).toEqual([0, 6, 7, 8]);
      });

      test("a request that overflows is refused with overloaded", async () => {
        const { subscription, open } = await gated({ maxPending: 1 });
        const first = bus.request(topic, 1, { deadline: soon() });
        await eventually(() => subscription.stats().inFlight === 1);
        const second = bus.request(topic, 2, { deadline: soon() });
        await eventually(() => subscription.stats().pending === 1);
        expect((await rejection(bus.request(topic, 3, { deadline: soon() }))).code).toBe("overloaded");
        open();
        expect(await Promise.all([first, second])).toEqual([1, 2]);
      });
    });

    describe("request and reply", () => {
      test("the asker gets the answer, and a thousand askers each their own", async () => {
        await peer.subscribe(topic, ({ body, responder }) => responder?.answer({ twice: (body as number) * 2 }));
        const answers = await Promise.all(
          Array.from({ length: 1000 }, (_, i) => bus.request(topic, i, { deadline: soon() })),
        );
        expect(answers).toEqual(Array.from({ length: 1000 }, (_, i) => ({ twice: i * 2 })));
        expect(bus.stats().pendingRequests).toBe(0);
      });

      test("an answer may be given after the handler has returned", async () => {
        await peer.subscribe(topic, ({ responder }) => void setTimeout(() => responder?.answer("late"), 1));
        expect(await bus.request(topic, 1, { deadline: soon() })).toBe("late");
      });

      test("asking where nobody listens fails with no_receiver at once", async () => {
        const error = await rejection(bus.request(topic, 1, { deadline: Date.now() + 3_600_000 }));
        expect(error.code).toBe("no_receiver");
        const subscription = await bus.subscribe(topic, () => {});
        subscription.close();
        await bus.flush();
        expect((await rejection(bus.request(topic, 1, { deadline: soon() }))).code).toBe("no_receiver");
        expect(bus.stats().noReceiver).toBe(2);
      });

      test("an asker that gets no answer is told deadline_exceeded, and an answer after that does nothing", async () => {
        let kept: Delivery | undefined;
        await peer.subscribe(topic, (delivery) => {
          kept = delivery;
        });
        expect((await rejection(bus.request(topic, 1, { deadline: Date.now() + 30 }))).code).toBe("deadline_exceeded");
        await eventually(() => kept !== undefined);
        kept?.responder?.answer("too late");
        kept?.responder?.refuse({ code: "internal", message: "too late" });
        expect(bus.stats()).toMatchObject({ deadlines: 1, pendingRequests: 0 });
      });

      test("a request whose deadline has passed or whose signal has fired is not sent", async () => {
        const got = await collect(topic);
        expect((await rejection(bus.request(topic, 1, { deadline: Date.now() - 1 }))).code).toBe("deadline_exceeded");
        const signal = AbortSignal.abort();
        expect((await rejection(bus.request(topic, 2, { deadline: soon(), signal }))).code).toBe("request_cancelled");
        bus.publish(topic, "after");
        await eventually(() => got.length > 0);
        expect(got).toEqual(["after"]);
        expect(bus.stats().pendingRequests).toBe(0);
      });

      test("an asker that gives up is told request_cancelled", async () => {
        const arrived = Promise.withResolvers<void>();
        await peer.subscribe(topic, () => arrived.resolve());
        const controller = new AbortController();
        const asked = rejection(bus.request(topic, 1, { deadline: soon(), signal: controller.signal }));
        await arrived.promise;
        controller.abort();
        expect((await asked).code).toBe("request_cancelled");
        expect(bus.stats()).toMatchObject({ cancelled: 1, pendingRequests: 0 });
      });

      test("a refusal rejects with its code, message and details", async () => {
        const refusal = { code: "picture_damaged", message: "No.", details: { at: 3 } } as const;
        await peer.subscribe(topic, ({ responder }) => responder?.refuse(refusal));
        const error = await rejection(bus.request(topic, 1, { deadline: soon() }));
        expect(error).toBeInstanceOf(FacewireError);
        expect(error).toMatchObject(refusal);
      });

      test("a handler that throws refuses with its code, or with internal and nothing of what it threw", async () => {
        await peer.subscribe(topic, async ({ body }) => {
          throw body === 1 ? new FacewireError("pool_full", "Full.") : new Error("secret");
        });
        expect((await rejection(bus.request(topic, 1, { deadline: soon() }))).code).toBe("pool_full");
        const hidden = await rejection(bus.request(topic, 2, { deadline: soon() }));
        expect(hidden.code).toBe("internal");
        expect(hidden.message).not.toContain("secret");
      });

      test("the first answer counts", async () => {
        await peer.subscribe(topic, ({ responder }) => {
          responder?.answer("first");
          responder?.refuse({ code: "internal", message: "second" });
          responder?.answer("third");
        });
        expect(await bus.request(topic, 1, { deadline: soon() })).toBe("first");
      });

      test("an answer that cannot be carried is thrown back, and the asker is told why", async () => {
        const thrown: unknown[] = [];
        const bodies = [new Uint8Array(peer.maxMessageBytes + 1), new Date() as unknown as WireValue];
        await peer.subscribe(topic, ({ body, responder }) => {
          try {
            responder?.answer(bodies[body as number] as WireValue);
          } catch (error) {
            thrown.push((error as FacewireError).code);
          }
        });
        expect((await rejection(bus.request(topic, 0, { deadline: soon() }))).code).toBe("message_too_large");
        expect((await rejection(bus.request(topic, 1, { deadline: soon() }))).code).toBe("message_invalid");
        expect(thrown).toEqual(["message_too_large", "message_invalid"]);
      });
    });

    describe("the end of a subscription", () => {
      test("drain takes nothing new and handles what waits", async () => {
        const gate = Promise.withResolvers<void>();
        const got: WireValue[] = [];
        const subscription = await bus.subscribe(topic, async ({ body }) => {
          await gate.promise;
          got.push(body);
        });
        for (let i = 0; i < 3; i++) bus.publish(topic, i);
        await eventually(() => subscription.stats().pending === 2);
        const drained = subscription.drain();
        await bus.flush();
        bus.publish(topic, "new");
        gate.resolve();
        await drained;
        expect(got).toEqual([0, 1, 2]);
        expect(bus.stats().subscriptions).toBe(0);
      });

      test("close drops what waits and refuses its askers with no_receiver", async () => {
        const gate = Promise.withResolvers<void>();
        const got: WireValue[] = [];
        const subscription = await bus.subscribe(topic, async ({ body, responder }) => {
          await gate.promise;
          got.push(body);
          responder?.answer("done");
        });
        const first = bus.request(topic, "in hand", { deadline: soon() });
        await eventually(() => subscription.stats().inFlight === 1);
        const second = rejection(bus.request(topic, "waiting", { deadline: soon() }));
        await eventually(() => subscription.stats().pending === 1);
        subscription.close();
        expect((await second).code).toBe("no_receiver");
        gate.resolve();
        expect(await first).toBe("done");
        await subscription.drain();
        expect(got).toEqual(["in hand"]);
      });
    });

    describe("work", () => {
      const none = { onDeadLetter: () => {}, backoff: QUICK };

      test("work that waits for a consumer is delivered when one comes, and once", async () => {
        const accepted = await bus.enqueue(queue, { n: 1 }, { id: "w1", key: "k", headers: { a: "b" } });
        expect(accepted).toEqual({ id: "w1", duplicate: false });
        const got: WorkMessage[] = [];
        await peer.consume(queue, async (work) => void got.push(work), none);
        await bus.enqueue(queue, "last");
        await eventually(() => got.length === 2);
        expect(got[0]).toMatchObject({ id: "w1", body: { n: 1 }, key: "k", attempt: 1, headers: { a: "b" } });
        await eventually(() => peer.stats().acknowledged === 2);
      });

      test("consumers of a queue share its work", async () => {
        const got: [WireValue[], WireValue[]] = [[], []];
        await bus.consume(queue, async ({ body }) => void got[0].push(body), none);
        await peer.consume(queue, async ({ body }) => void got[1].push(body), none);
        for (let i = 0; i < 50; i++) await bus.enqueue(queue, i);
        await eventually(() => got.flat().length >= 50);
        expect((got.flat() as number[]).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
        expect(got.every((one) => one.length > 0)).toBe(true);
      });

      test("no more work is in hand than maxInFlight", async () => {
        const gate = Promise.withResolvers<void>();
        let running = 0;
        let most = 0;
        let done = 0;
        const handler = async (): Promise<void> => {
          most = Math.max(most, ++running);
          await gate.promise;
          running--;
          done++;
        };
        const consumer = await bus.consume(queue, handler, { ...none, maxInFlight: 4 });
        for (let i = 0; i < 12; i++) await bus.enqueue(queue, i);
        await eventually(() => consumer.inFlight === 4);
        gate.resolve();
        await eventually(() => done === 12);
        expect(most).toBe(4);
      });

      test("failed work is delivered again until it succeeds", async () => {
        const attempts: number[] = [];
        await bus.consume(
          queue,
          async ({ attempt }) => {
            attempts.push(attempt);
            if (attempt < 3) throw new Error("not yet");
          },
          none,
        );
        await bus.enqueue(queue, 1);
        await eventually(() => bus.stats().acknowledged === 1);
        expect(attempts).toEqual([1, 2, 3]);
        expect(bus.stats()).toMatchObject({ redelivered: 2, deadLettered: 0 });
      });

      test("work that fails maxDeliver times goes to the dead letters with its attempts and error, and not again", async () => {
        const letters: unknown[] = [];
        const got: WireValue[] = [];
        await bus.consume(
          queue,
          async ({ body }) => {
            got.push(body);
            if (body === "poison") throw new Error("always");
          },
          {
            backoff: QUICK,
            maxDeliver: 3,
            onDeadLetter: (work, failure) => void letters.push([work.id, failure.attempts, String(failure.error)]),
          },
        );
        await bus.enqueue(queue, "poison", { id: "p1" });
        await eventually(() => bus.stats().deadLettered === 1);
        await bus.enqueue(queue, "next");
        await eventually(() => got.includes("next"));
        expect(letters).toEqual([["p1", 3, "Error: always"]]);
        expect(got).toEqual(["poison", "poison", "poison", "next"]);
      });

      test("a failure that is not worth another try goes to the dead letters at once", async () => {
        const attempts: number[] = [];
        const handler = async (): Promise<void> => {
          throw new FacewireError("message_invalid", "Never.");
        };
        await bus.consume(queue, handler, {
          retry: (error) => !(error instanceof FacewireError),
          onDeadLetter: (_, failure) => void attempts.push(failure.attempts),
        });
        await bus.enqueue(queue, 1);
        await eventually(() => bus.stats().deadLettered === 1);
        expect(attempts).toEqual([1]);
      });

      test("a taker of dead letters that fails is called again, and the handler is not", async () => {
        let handled = 0;
        let taken = 0;
        const handler = async (): Promise<void> => {
          handled++;
          throw new Error("always");
        };
        await bus.consume(queue, handler, {
          maxDeliver: 1,
          backoff: QUICK,
          onDeadLetter: async () => {
            if (++taken < 3) throw new Error("store is away");
          },
        });
        await bus.enqueue(queue, 1);
        await eventually(() => bus.stats().deadLettered === 1);
        expect([handled, taken]).toEqual([1, 3]);
      });

      test("work with an id that was accepted before is not stored again", async () => {
        const got: WireValue[] = [];
        await bus.consume(queue, async ({ body }) => void got.push(body), none);
        expect((await bus.enqueue(queue, "first", { id: "same" })).duplicate).toBe(false);
        expect((await peer.enqueue(queue, "second", { id: "same" })).duplicate).toBe(true);
        await bus.enqueue(queue, "third");
        await eventually(() => got.length === 2);
        expect(got).toEqual(["first", "third"]);
      });

      test("work of one key is handled one at a time and in order, also when a piece fails", async () => {
        const log: string[] = [];
        let running = 0;
        const handler = async ({ body, attempt }: WorkMessage): Promise<void> => {
          expect(++running).toBe(1);
          await Bun.sleep(0);
          running--;
          log.push(`${body}/${attempt}`);
          if (body === 2 && attempt < 3) throw new Error("again");
        };
        await bus.consume(queue, handler, { ...none, maxInFlight: 8 });
        await peer.consume(queue, handler, { ...none, maxInFlight: 8 });
        for (let i = 0; i < 6; i++) await bus.enqueue(queue, i, { key: "camera-1" });
        await eventually(() => log.length === 8);
        expect(log).toEqual(["0/1", "1/1", "2/1", "2/2", "2/3", "3/1", "4/1", "5/1"]);
      });

      test("work of different keys does not wait for one that hangs, given keys enough", async () => {
        const gate = Promise.withResolvers<void>();
        const done = new Set<WireValue>();
        const handler = async ({ body }: WorkMessage): Promise<void> => {
          if (body === 0) await gate.promise;
          done.add(body);
        };
        await bus.consume(queue, handler, { ...none, maxInFlight: 8 });
        for (let i = 0; i < 40; i++) await bus.enqueue(queue, i, { key: `key-${i}` });
        // Keys may share a lane with the one that hangs, so some may wait, but never half of forty.
        await eventually(() => done.size >= 20);
        gate.resolve();
        await eventually(() => done.size === 40);
      });

      test("work in the hand of a consumer that is closed goes to another one", async () => {
        const first = Promise.withResolvers<WorkMessage>();
        const consumer = await bus.consume(
          queue,
          async (work) => {
            first.resolve(work);
            await new Promise<void>(() => {});
          },
          none,
        );
        await bus.enqueue(queue, "mine", { id: "w" });
        const work = await first.promise;
        consumer.close();
        expect(work.signal.aborted).toBe(true);
        const second = Promise.withResolvers<WorkMessage>();
        await peer.consume(queue, async (again) => second.resolve(again), none);
        expect(await second.promise).toMatchObject({ id: "w", body: "mine", attempt: 2 });
      });

      test("what the handlers of a closed consumer say later no longer counts", async () => {
        const begun = Promise.withResolvers<void>();
        const fail = Promise.withResolvers<never>();
        const letters: WireValue[] = [];
        const onDeadLetter = (work: WorkMessage): void => void letters.push(work.body);
        const handler = (): Promise<never> => {
          begun.resolve();
          return fail.promise;
        };
        const consumer = await bus.consume(queue, handler, { maxDeliver: 1, onDeadLetter });
        await bus.enqueue(queue, "mine");
        await begun.promise;
        consumer.close();
        fail.reject(new Error("too late"));
        const got: WireValue[] = [];
        await peer.consume(queue, async ({ body }) => void got.push(body), none);
        await bus.enqueue(queue, "last");
        await eventually(() => got.includes("last") && got.includes("mine"));
        expect(got.length).toBe(2);
        expect(letters).toEqual([]);
      });

      test("a consumer that drains finishes what it has and leaves the rest to others", async () => {
        const gate = Promise.withResolvers<void>();
        const got: WireValue[] = [];
        const consumer = await bus.consume(
          queue,
          async ({ body }) => {
            await gate.promise;
            got.push(body);
          },
          none,
        );
        await bus.enqueue(queue, "mine");
        await bus.enqueue(queue, "theirs");
        await eventually(() => consumer.inFlight === 1);
        const drained = consumer.drain();
        gate.resolve();
        await drained;
        expect(got).toEqual(["mine"]);
        const others: WireValue[] = [];
        await peer.consume(queue, async ({ body }) => void others.push(body), none);
        await eventually(() => others.length === 1);
        expect(others).toEqual(["theirs"]);
      });
    });

    describe("status and the end", () => {
      test("what has ended is gone from the counts", async () => {
        const before = bus.stats();
        const subscriptions = [await bus.subscribe(topic, () => {}), await bus.subscribe(`${topic}.>`, () => {})];
        const consumer = await bus.consume(queue, async () => {}, { onDeadLetter: () => {} });
        const leaving = await bus.consume(queue, async () => {}, { onDeadLetter: () => {} });
        const giveUp = new AbortController();
        const asked = rejection(bus.request(topic, 1, { deadline: soon(), signal: giveUp.signal }));
        expect(bus.stats()).toMatchObject({ subscriptions: 2, consumers: 2, pendingRequests: 1 });
        giveUp.abort();
        await asked;
        subscriptions[0]?.close();
        await subscriptions[1]?.drain();
        consumer.close();
        await leaving.drain();
        const { subscriptions: left, consumers, pendingRequests } = bus.stats();
        expect([left, consumers, pendingRequests]).toEqual([
          before.subscriptions,
          before.consumers,
          before.pendingRequests,
        ]);
      });

      test("an open bus is connected and names its server", () => {
        expect(bus.status).toMatchObject({ kind: "connected", server: expect.any(String) });
      });

      test("drain lets handlers finish and answer, then closes, and says so", async () => {
        const kinds: string[] = [];
        bus.onStatus((status) => kinds.push(status.kind));
        const off = bus.onStatus(() => kinds.push("never"));
        off();
        const gate = Promise.withResolvers<void>();
        let published = false;
        const subscription = await bus.subscribe(topic, async ({ responder }) => {
          await gate.promise;
          bus.publish(`${topic}.done`, 1);
          published = true;
          responder?.answer("finished");
        });
        const asked = bus.request(topic, 1, { deadline: soon() });
        await eventually(() => subscription.stats().inFlight === 1);
        const drained = bus.drain(soon());
        expect((await rejection(bus.subscribe(topic, () => {}))).code).toBe("shutting_down");
        expect((await rejection(bus.consume(queue, async () => {}, { onDeadLetter: () => {} }))).code).toBe(
          "shutting_down",
        );
        gate.resolve();
        expect(await asked).toBe("finished");
        await drained;
        expect(published).toBe(true);
        expect(kinds).toEqual(["draining", "closed"]);
      });

      test("drain is cut off at its deadline", async () => {
        const subscription = await bus.subscribe(topic, () => new Promise<void>(() => {}));
        const asked = rejection(bus.request(topic, 1, { deadline: soon() }));
        await eventually(() => subscription.stats().inFlight === 1);
        await bus.drain(Date.now() + 20);
        expect(bus.status.kind).toBe("closed");
        expect((await asked).code).toBe("shutting_down");
      });

      test("close ends open requests with shutting_down, and nothing works after it", async () => {
        await bus.subscribe(topic, () => {});
        const asked = rejection(bus.request(topic, 1, { deadline: soon() }));
        await eventually(() => bus.stats().pendingRequests === 1);
        await bus.close();
        await bus.close();
        expect((await asked).code).toBe("shutting_down");
        expect(() => bus.publish(topic, 1)).toThrow(expect.objectContaining({ code: "bus_unavailable" }));
        expect((await rejection(bus.request(topic, 1, { deadline: soon() }))).code).toBe("bus_unavailable");
        expect((await rejection(bus.subscribe(topic, () => {}))).code).toBe("bus_unavailable");
        expect((await rejection(bus.enqueue(queue, 1))).code).toBe("bus_unavailable");
        expect((await rejection(bus.consume(queue, async () => {}, { onDeadLetter: () => {} }))).code).toBe(
          "bus_unavailable",
        );
        expect(bus.stats()).toMatchObject({ subscriptions: 0, consumers: 0, pendingRequests: 0 });
      });
    });

    const { persistence, broker } = subject.features;

    // Left out where a bus is its own broker and its work ends with it.
    if (persistence) {
      test("work outlives the bus it was given to", async () => {
        await bus.enqueue(queue, "kept", { id: "kept" });
        await bus.close();
        const reopened = await persistence.reopen();
        const got = Promise.withResolvers<WorkMessage>();
        await reopened.consume(queue, async (work) => got.resolve(work), { onDeadLetter: () => {} });
        expect(await got.promise).toMatchObject({ id: "kept", body: "kept" });
        await reopened.close();
      });
    }

    // Left out where the broker lives and dies with the process.
    if (broker) {
      test("a broker that goes and comes back is noticed, and everything works again", async () => {
        const kinds: string[] = [];
        bus.onStatus((status) => kinds.push(status.kind));
        await peer.subscribe(topic, ({ body, responder }) => responder?.answer(body));
        await bus.enqueue(queue, "kept");
        await broker.stop();
        await eventually(() => bus.status.kind === "reconnecting");
        expect(() => bus.publish(topic, 1)).toThrow(expect.objectContaining({ code: "bus_unavailable" }));
        expect((await rejection(bus.request(topic, 1, { deadline: soon() }))).code).toBe("bus_unavailable");
        expect((await rejection(bus.enqueue(queue, 1))).code).toBe("bus_unavailable");
        await broker.start();
        await eventually(() => bus.status.kind === "connected" && peer.status.kind === "connected");
        expect(await bus.request(topic, "back", { deadline: soon() })).toBe("back");
        const got = Promise.withResolvers<WorkMessage>();
        await peer.consume(queue, async (work) => got.resolve(work), { onDeadLetter: () => {} });
        expect((await got.promise).body).toBe("kept");
        expect(kinds[0]).toBe("reconnecting");
        expect(kinds.at(-1)).toBe("connected");
      });
    }
  });
}
