/** The bus inside one process: the default, and the reference for what the contract means. */
import { FacewireError } from "../errors.ts";
import type {
  Accepted,
  Bus,
  BusMessage,
  BusStats,
  BusStatus,
  ConsumeOptions,
  Consumer,
  Delivery,
  DeliveryHandler,
  EnqueueOptions,
  RequestOptions,
  SendOptions,
  SubscribeOptions,
  Subscription,
  WorkMessage,
} from "./bus.ts";
import { type Clock, systemClock } from "./clock.ts";
import { newCounts } from "./counts.ts";
import { IdMaker } from "./ids.ts";
import { LocalRequest, type RequestEnd } from "./local-request.ts";
import { LocalSubscription } from "./local-subscription.ts";
import { MemoryConsumer } from "./memory-consumer.ts";
import { MemoryQueue, type QueueLimits } from "./memory-queue.ts";
import { MemoryRouter } from "./memory-router.ts";
import { checkName, checkPattern, checkSubject } from "./subject.ts";
import { measureMessage, NO_HEADERS, type WireValue } from "./wire.ts";

/** How a memory bus is made. Everything has a default. */
export interface MemoryBusOptions {
  /** Largest message in bytes; 1 MiB by default, as a NATS server's. */
  readonly maxMessageBytes?: number;
  /** Pieces of work a queue stores; 100,000 by default. */
  readonly maxStored?: number;
  /** Milliseconds for which the id of accepted work is recognised; two minutes by default, as JetStream's. */
  readonly dedupeWindow?: number;
  /** Told what handlers throw; for logs. */
  readonly onHandlerError?: (error: unknown, message: BusMessage) => void;
  readonly clock?: Clock;
  /** Chance for jitter, 0..1. */
  readonly random?: () => number;
}

/** See {@link Bus}. Bodies are passed by reference; work queues live as long as the process. */
export class MemoryBus implements Bus {
  readonly maxMessageBytes: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: QueueLimits;
  readonly #onHandlerError: (error: unknown, message: BusMessage) => void;
  readonly #ids = new IdMaker();
  readonly #router = new MemoryRouter<LocalSubscription>();
  readonly #subscriptions = new Set<LocalSubscription>();
  readonly #consumers = new Set<MemoryConsumer>();
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #requests = new Set<LocalRequest>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #counts = newCounts();
  #status: BusStatus;
  #draining: Promise<void> | undefined;
  /** Called when the last open request ends; only while draining. */
  #onQuiet: (() => void) | undefined;

  constructor(options: MemoryBusOptions = {}) {
    this.maxMessageBytes = options.maxMessageBytes ?? 1024 * 1024;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#limits = { maxStored: options.maxStored ?? 100_000, dedupeWindow: options.dedupeWindow ?? 120_000 };
    this.#onHandlerError = options.onHandlerError ?? (() => {});
    this.#status = { kind: "connected", since: this.#clock.now(), server: "memory" };
  }

  get status(): BusStatus {
    return this.#status;
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stats(): BusStats {
    return {
      ...this.#counts,
      subscriptions: this.#subscriptions.size,
      pendingRequests: this.#requests.size,
      consumers: this.#consumers.size,
    };
  }

  publish(subject: string, body: WireValue, options: SendOptions = {}): void {
    const message = this.#message(subject, body, options);
    this.#counts.published++;
    this.#router.route(subject, (subscription) => subscription.push(message));
  }

  async flush(): Promise<void> {
    this.#checkOpen();
  }

  async subscribe(pattern: string, handler: DeliveryHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    this.#checkTaking();
    checkPattern(pattern);
    if (options.group !== undefined) checkName(options.group);
    const subscription = new LocalSubscription(pattern, handler, options, this.#subscriptionHost);
    this.#router.add(subscription);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async request(subject: string, body: WireValue, options: RequestOptions): Promise<WireValue> {
    const message = this.#message(subject, body, options);
    this.#counts.requests++;
    const request = new LocalRequest(this.#requestHost, this.#clock, options.deadline, options.signal);
    if (!request.open) return request.promise;
    this.#requests.add(request);
    const delivery: Delivery = { ...message, responder: request };
    const receivers = this.#router.route(subject, (subscription) => subscription.push(delivery));
    if (receivers === 0) {
      const details = { subject };
      request.fail(new FacewireError("no_receiver", "Nobody listens on this address.", { details }), "noReceiver");
    }
    return request.promise;
  }

  async enqueue(queue: string, body: WireValue, options: EnqueueOptions = {}): Promise<Accepted> {
    checkName(queue);
    const message = this.#message(queue, body, options);
    const accepted = this.#queue(queue).accept(message, options.key);
    if (accepted.duplicate) this.#counts.duplicates++;
    else this.#counts.enqueued++;
    return accepted;
  }

  async consume(
    queue: string,
    handler: (work: WorkMessage) => Promise<void>,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    this.#checkTaking();
    checkName(queue);
    const store = this.#queue(queue);
    const timing = { clock: this.#clock, random: this.#random };
    const consumer = new MemoryConsumer(store, handler, { ...options, queue }, timing, this.#consumerHost);
    this.#consumers.add(consumer);
    store.add(consumer);
    return consumer;
  }

  drain(deadline: number): Promise<void> {
    if (this.#status.kind === "closed") return Promise.resolve();
    this.#draining ??= this.#drain(deadline);
    return this.#draining;
  }

  async close(): Promise<void> {
    if (this.#status.kind === "closed") return;
    this.#setStatus({ kind: "closed", since: this.#clock.now() });
    const closed = new FacewireError("shutting_down", "The bus was closed.");
    for (const request of [...this.#requests]) request.fail(closed, "closed");
    for (const subscription of [...this.#subscriptions]) subscription.close();
    for (const consumer of [...this.#consumers]) consumer.close();
    for (const queue of this.#queues.values()) queue.close();
    this.#onQuiet?.();
  }

  async #drain(deadline: number): Promise<void> {
    this.#setStatus({ kind: "draining", since: this.#clock.now() });
    const cutOff = Promise.withResolvers<void>();
    const cancel = this.#clock.after(deadline - this.#clock.now(), cutOff.resolve);
    const ends = [...this.#subscriptions, ...this.#consumers].map((receiver) => receiver.drain());
    await Promise.race([Promise.all(ends).then(() => this.#quiet()), cutOff.promise]);
    cancel();
    await this.close();
  }

  #quiet(): Promise<void> {
    if (this.#requests.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onQuiet = resolve;
    return promise;
  }

  #queue(name: string): MemoryQueue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new MemoryQueue(this.#clock, this.#limits);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #message(subject: string, body: WireValue, options: SendOptions): BusMessage {
    this.#checkOpen();
    checkSubject(subject);
    const headers = options.headers ?? NO_HEADERS;
    this.#checkSize(measureMessage(subject, headers, body));
    return { id: options.id ?? this.#ids.next(), subject, headers, body };
  }

  #checkSize(bytes: number): void {
    if (bytes <= this.maxMessageBytes) return;
    throw new FacewireError("message_too_large", "A message is larger than the bus carries.", {
      details: { bytes, limit: this.maxMessageBytes },
    });
  }

  #checkOpen(): void {
    if (this.#status.kind === "closed") throw new FacewireError("bus_unavailable", "The bus is closed.");
  }

  #checkTaking(): void {
    this.#checkOpen();
    if (this.#status.kind === "draining") throw new FacewireError("shutting_down", "The bus is draining.");
  }

  #setStatus(status: BusStatus): void {
    this.#status = status;
    for (const listener of [...this.#listeners]) listener(status);
  }

  readonly #subscriptionHost = {
    delivered: (): void => {
      this.#counts.delivered++;
    },
    dropped: (): void => {
      this.#counts.dropped++;
    },
    handlerFailed: (delivery: Delivery, error: unknown): void => {
      this.#counts.handlerErrors++;
      delivery.responder?.refuse(FacewireError.from(error).toPublic());
      this.#onHandlerError(error, delivery);
    },
    closedToNew: (subscription: LocalSubscription): void => {
      this.#router.remove(subscription);
    },
    ended: (subscription: LocalSubscription): void => {
      this.#subscriptions.delete(subscription);
    },
  };

  readonly #requestHost = {
    check: (body: WireValue): void => this.#checkSize(measureMessage("", NO_HEADERS, body)),
    ended: (request: LocalRequest, end: RequestEnd): void => {
      this.#requests.delete(request);
      if (end !== "closed") this.#counts[end]++;
      if (this.#requests.size === 0) this.#onQuiet?.();
    },
  };

  readonly #consumerHost = {
    acknowledged: (): void => {
      this.#counts.acknowledged++;
    },
    redelivered: (): void => {
      this.#counts.redelivered++;
    },
    deadLettered: (): void => {
      this.#counts.deadLettered++;
    },
    deadLetterFailed: (work: WorkMessage, error: unknown): void => {
      this.#counts.handlerErrors++;
      this.#onHandlerError(error, work);
    },
    ended: (consumer: MemoryConsumer): void => {
      this.#consumers.delete(consumer);
    },
  };
}
