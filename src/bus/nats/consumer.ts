/**
 * A consumer of a work queue on JetStream.
 *
 * It asks for one piece at a time, from a lane that may have work, and only while it has a hand free: nothing waits here that
 * another consumer could do. That a lane may have work it learns from hints, which are sent along with work and when a piece
 * of a lane is done; a look at the stream every second finds what hints missed.
 */
import type { Msg, Subscription as ServerSubscription } from "nats";
import type { ConsumeOptions, Consumer, WorkMessage } from "../bus.ts";
import type { CancelTimer } from "../clock.ts";
import { readDelivery, type StoredDelivery } from "./delivery.ts";
import type { SentWork } from "./envelope.ts";
import type { NatsLink } from "./link.ts";
import { FREE_LANE, LANES, type NatsNames } from "./names.ts";
import type { QueueStore } from "./queue-store.ts";
import { type HandHost, type HandTiming, type Piece, WorkHand } from "./work-hand.ts";

/** Milliseconds between two looks at the stream, up to a quarter less by chance. */
const LOOK_EVERY = 1000;

/** Longest wait for any answer to a pull, in milliseconds: the server's own limit is far below. */
const PULL_PATIENCE = 2000;

/** The server hands work out again this much later than asked, in milliseconds (10 or so in 2.9). */
const REDELIVERY_SLACK = 15;

/** What a consumer is made of. */
export interface NatsConsumerParts {
  readonly link: NatsLink;
  readonly names: NatsNames;
  readonly store: QueueStore;
  /** One token that no other consumer has. */
  readonly id: string;
  readonly timing: HandTiming;
}

/** What a consumer needs of its bus. */
export interface NatsConsumerHost extends Omit<HandHost, "left" | "isStored"> {
  /** Reads work; what could not be read comes back as what reports it. Never throws. */
  read(queue: string, message: Msg): SentWork | (() => void | Promise<void>);
  ended(consumer: NatsConsumer): void;
}

/** See the file's head. */
export class NatsConsumer implements Consumer {
  readonly queue: string;
  readonly #parts: NatsConsumerParts;
  readonly #host: NatsConsumerHost;
  readonly #maxInFlight: number;
  readonly #hand: WorkHand;
  readonly #closing = new AbortController();
  readonly #drained = Promise.withResolvers<void>();
  /** Lanes that may have work, the one that was served last at the end. */
  readonly #likely = new Set<string>();
  /** Lanes that have been asked, each with its timer. */
  readonly #asked = new Map<string, CancelTimer>();
  readonly #deliveries = new Map<string, ServerSubscription>();
  /** Lanes whose consumer said since the last look that it has no work. */
  readonly #empty = new Set<string>();
  /** Pieces that the consumers of lanes seemed to pass over at the last look. */
  readonly #passedOver = new Map<string, number>();
  readonly #timers = new Set<CancelTimer>();
  readonly #offBack: () => void;
  #hints: ServerSubscription | undefined;
  #cancelLook: CancelTimer = () => {};
  #open = true;

  constructor(
    queue: string,
    handler: (work: WorkMessage) => Promise<void>,
    options: ConsumeOptions,
    parts: NatsConsumerParts,
    host: NatsConsumerHost,
  ) {
    this.queue = queue;
    this.#parts = parts;
    this.#host = host;
    this.#maxInFlight = options.maxInFlight ?? 1;
    const { acknowledged, redelivered, deadLettered, deadLetterFailed } = host;
    this.#hand = new WorkHand(parts.link, handler, options, parts.timing, {
      acknowledged,
      redelivered,
      deadLettered,
      deadLetterFailed,
      left: (lane, delay) => this.#left(lane, delay),
      isStored: ({ sequence, work }) => parts.store.has(queue, sequence, work.id),
    });
    this.#offBack = parts.link.onBack(() => this.#resume());
  }

  get inFlight(): number {
    return this.#hand.size;
  }

  /** Begins; resolves when the queue is there. @throws FacewireError `bus_unavailable` */
  async start(): Promise<void> {
    const { link, names } = this.#parts;
    this.#hints = link.use().subscribe(names.hints(this.queue), {
      callback: (error, message) => {
        const lane = error ? "" : message.string();
        if (LANES.includes(lane)) this.#mayHaveWork(lane);
      },
    });
    await this.#look();
    this.#lookLater();
  }

  drain(): Promise<void> {
    this.#end();
    // Without a connection no answer will come.
    if (!this.#parts.link.connected) this.#forgetAsked();
    this.#settle();
    return this.#drained.promise;
  }

  close(): void {
    this.#end();
    this.#forgetAsked();
    this.#hand.release();
    this.#closing.abort();
    this.#settle();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#offBack();
    this.#cancelLook();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#hints?.unsubscribe();
  }

  /** Looks which lanes have work, and whether any is stuck. */
  async #look(): Promise<void> {
    const lanes = await this.#parts.store.lanes(this.queue);
    const suspects = lanes.filter((lane) => this.#empty.has(lane));
    this.#empty.clear();
    for (const lane of lanes) this.#mayHaveWork(lane);
    for (const lane of suspects) await this.#mend(lane);
  }

  /** Makes the consumer of a lane anew when it was found to pass the same piece over at two looks. */
  async #mend(lane: string): Promise<void> {
    const { store } = this.#parts;
    const sequence = await store.passedOver(this.queue, lane);
    const before = this.#passedOver.get(lane);
    if (sequence === undefined) this.#passedOver.delete(lane);
    else this.#passedOver.set(lane, sequence);
    if (sequence === undefined || sequence !== before) return;
    this.#passedOver.delete(lane);
    await store.removeLane(this.queue, lane);
    this.#mayHaveWork(lane);
  }

  #lookLater(): void {
    if (!this.#open) return;
    const { clock, random } = this.#parts.timing;
    this.#cancelLook = clock.after(LOOK_EVERY * (1 - random() / 4), async () => {
      const worthIt = this.#parts.link.connected && this.#hasRoom;
      // What fails now is tried again in a second.
      if (worthIt) await this.#look().catch(() => {});
      this.#lookLater();
    });
  }

  #resume(): void {
    this.#forgetAsked();
    this.#hand.keepAlive();
    for (const lane of LANES) this.#parts.store.forgetLane(this.queue, lane);
    void this.#lookAnew().catch(() => {});
  }

  async #lookAnew(): Promise<void> {
    await this.#parts.store.removeLanesAhead(this.queue);
    await this.#look();
  }

  #mayHaveWork(lane: string): void {
    if (!this.#open || (lane !== FREE_LANE && this.#hand.holdsLane(lane))) return;
    this.#likely.add(lane);
    this.#pump();
  }

  get #hasRoom(): boolean {
    return this.#hand.size + this.#asked.size < this.#maxInFlight;
  }

  #pump(): void {
    for (const lane of this.#likely) {
      if (!this.#open || !this.#hasRoom || !this.#parts.link.connected) return;
      if (this.#asked.has(lane)) continue;
      this.#likely.delete(lane);
      void this.#ask(lane);
    }
  }

  async #ask(lane: string): Promise<void> {
    const { link, names, store, id, timing } = this.#parts;
    // Taken before the consumer is there, so that the room is.
    this.#asked.set(lane, () => {});
    try {
      await store.ensureLane(this.queue, lane);
      if (!this.#open || !this.#asked.has(lane)) return this.#answered(lane);
      const reply = names.pulled(id, lane);
      if (!this.#deliveries.has(lane)) {
        const callback = (error: Error | null, message: Msg): void => {
          if (!error) this.#arrived(lane, message);
        };
        this.#deliveries.set(lane, link.use().subscribe(reply, { callback }));
      }
      store.pull(this.queue, lane, reply);
      this.#asked.set(
        lane,
        timing.clock.after(PULL_PATIENCE, () => {
          store.forgetLane(this.queue, lane);
          this.#answered(lane);
        }),
      );
    } catch {
      // The server is away or has no leader: the next look asks again.
      this.#answered(lane);
    }
  }

  #answered(lane: string): void {
    this.#asked.get(lane)?.();
    this.#asked.delete(lane);
    this.#pump();
    this.#settle();
  }

  #forgetAsked(): void {
    for (const cancel of this.#asked.values()) cancel();
    this.#asked.clear();
  }

  #arrived(lane: string, message: Msg): void {
    const wasAsked = this.#asked.has(lane);
    const delivery = readDelivery(message.reply);
    if (!delivery) {
      // 404 and 408: no work now. Anything else: the consumer is gone or between two leaders.
      const code = message.headers?.code ?? 0;
      if (code === 404 || code === 408) this.#empty.add(lane);
      else this.#parts.store.forgetLane(this.queue, lane);
      if (code > 0) this.#answered(lane);
      return;
    }
    // Late, when nobody waits for it any more, it goes to another or comes again.
    if (this.#open && (wasAsked || this.#hasRoom)) this.#take(lane, delivery, message);
    else if (this.#parts.link.connected) {
      message.respond("-NAK");
      this.#hint(lane);
    }
    if (lane === FREE_LANE && this.#open) this.#likely.add(lane);
    this.#answered(lane);
  }

  #take(lane: string, { attempt, sequence }: StoredDelivery, message: Msg): void {
    const reply = message.reply as string;
    const sent = this.#host.read(this.queue, message);
    const { id, headers, body, key } = typeof sent === "function" ? unreadable(sequence) : sent;
    if (this.#hand.renew(sequence, id, reply)) return;
    const { signal } = this.#closing;
    const work: WorkMessage = { id, subject: this.queue, headers, body, key, attempt, signal };
    const piece: Piece = { sequence, lane, work, reply, connection: this.#parts.link.connections };
    if (typeof sent === "function") this.#hand.takeUnreadable(piece, sent);
    else this.#hand.take(piece);
  }

  /** A piece has left the hand: its lane may have more, for this consumer and for others. */
  #left(lane: string, delay: number): void {
    if (delay === 0) {
      // Work without keys does not wait for a piece that is done.
      if (lane !== FREE_LANE || !this.#open) this.#hint(lane);
      this.#mayHaveWork(lane);
    } else {
      const cancel = this.#parts.timing.clock.after(delay + REDELIVERY_SLACK, () => {
        this.#timers.delete(cancel);
        this.#hint(lane);
        this.#mayHaveWork(lane);
      });
      this.#timers.add(cancel);
    }
    this.#settle();
  }

  #hint(lane: string): void {
    const { link, names } = this.#parts;
    if (link.connected) link.use().publish(names.hints(this.queue), lane);
  }

  #settle(): void {
    if (this.#open || this.#hand.size > 0 || this.#asked.size > 0) return;
    this.#hand.close();
    for (const subscription of this.#deliveries.values()) {
      // What is on its way still is given back, not lost until the server's patience ends.
      if (!subscription.isClosed()) void subscription.drain().catch(() => {});
    }
    this.#host.ended(this);
    this.#drained.resolve();
  }
}

function unreadable(sequence: number): SentWork {
  return { id: `unreadable-${sequence}`, headers: {}, body: null, key: undefined };
}
