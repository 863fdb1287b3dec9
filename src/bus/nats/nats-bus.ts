/** The bus between processes: subjects, groups and requests over NATS, work queues over its JetStream. */
import type { Msg, NatsConnection } from "nats";
import { FacewireError } from "../../errors.ts";
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
} from "../bus.ts";
import type { Clock } from "../clock.ts";
import { newCounts } from "../counts.ts";
import { IdMaker } from "../ids.ts";
import type { RequestEnd } from "../local-request.ts";
import { checkName, checkPattern, checkSubject } from "../subject.ts";
import { measureMessage, NO_HEADERS, type WireValue } from "../wire.ts";
import { NatsConsumer } from "./consumer.ts";
import { ENVELOPE_ROOM, writeMessage, writeWork } from "./envelope.ts";
import { Incoming } from "./incoming.ts";
import { NatsLink } from "./link.ts";
import type { MalformedTaker } from "./malformed.ts";
import { laneOf, NatsNames } from "./names.ts";
import { OpenRequests } from "./open-requests.ts";
import { QueueStore, type QueueStoreOptions } from "./queue-store.ts";
import { NatsSubscription } from "./subscription.ts";

/** What a bus on an open connection is made of. */
export interface NatsBusParts extends QueueStoreOptions {
  readonly connection: NatsConnection;
  readonly prefix: string;
  readonly clock: Clock;
  /** Chance for jitter, 0..1. */
  readonly random: () => number;
  /** Told what handlers throw; for logs. */
  readonly onHandlerError: (error: unknown, message: BusMessage) => void;
  readonly onMalformed: MalformedTaker;
}

/** Milliseconds that what was said last may take to leave when the bus is closed. */
const CLOSE_PATIENCE = 500;

/** See {@link Bus}. Opened by `openNatsBus`. */
export class NatsBus implements Bus {
  readonly #parts: NatsBusParts;
  readonly #clock: Clock;
  readonly #names: NatsNames;
  readonly #link: NatsLink;
  readonly #store: QueueStore;
  readonly #ids = new IdMaker();
  readonly #requests: OpenRequests;
  readonly #incoming: Incoming;
  readonly #subscriptions = new Set<NatsSubscription>();
  readonly #consumers = new Set<NatsConsumer>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #counts = newCounts();
  #status: BusStatus;
  #draining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: NatsBusParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#names = new NatsNames(parts.prefix);
    this.#link = new NatsLink(parts.connection, this.#linkHost);
    this.#store = new QueueStore(parts.connection, this.#link, this.#names, parts);
    const inbox = this.#names.answers(this.#ids.prefix);
    this.#incoming = new Incoming({
      names: this.#names,
      limit: this.#requestsHost.limit,
      counts: this.#counts,
      responders: this.#responderHost,
      onMalformed: parts.onMalformed,
    });
    this.#requests = new OpenRequests(parts.connection, inbox, parts.clock, this.#requestsHost);
    this.#status = { kind: "connected", since: this.#clock.now(), server: this.#link.server };
  }

  get maxMessageBytes(): number {
    return (this.#link.info?.max_payload ?? 1024 * 1024) - ENVELOPE_ROOM;
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
    this.#send(subject, this.#message(subject, body, options));
    this.#counts.published++;
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    await this.#link.flush();
  }

  async subscribe(pattern: string, handler: DeliveryHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    this.#checkTaking();
    checkPattern(pattern);
    if (options.group !== undefined) checkName(options.group);
    const natsPattern = this.#names.message(pattern);
    const host = this.#subscriptionHost;
    const subscription = new NatsSubscription(this.#link, natsPattern, pattern, handler, options, host);
    this.#subscriptions.add(subscription);
    try {
      await this.#link.flush();
    } catch (error) {
      subscription.close();
      throw error;
    }
    return subscription;
  }

  async request(subject: string, body: WireValue, options: RequestOptions): Promise<WireValue> {
    const message = this.#message(subject, body, options);
    this.#counts.requests++;
    return this.#requests.begin(options, (reply) => this.#send(subject, message, reply)).promise;
  }

  async enqueue(queue: string, body: WireValue, options: EnqueueOptions = {}): Promise<Accepted> {
    checkName(queue);
    const { id, headers } = this.#message(queue, body, options);
    const { key } = options;
    const lane = laneOf(key);
    const bytes = this.#checkBytes(writeWork({ id, headers, body, key }));
    const { duplicate } = await this.#store.put(queue, lane, id, bytes);
    if (duplicate) this.#counts.duplicates++;
    else {
      this.#counts.enqueued++;
      // Without a hint the consumers find it a second later.
      if (this.#link.connected) this.#link.use().publish(this.#names.hints(queue), lane);
    }
    return { id, duplicate };
  }

  async consume(
    queue: string,
    handler: (work: WorkMessage) => Promise<void>,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    this.#checkTaking();
    checkName(queue);
    const { clock, random, ackWait } = this.#parts;
    const parts = {
      link: this.#link,
      names: this.#names,
      store: this.#store,
      id: this.#ids.next(),
      timing: { clock, random, ackWait },
    };
    const consumer = new NatsConsumer(queue, handler, options, parts, this.#consumerHost);
    this.#consumers.add(consumer);
    try {
      await consumer.start();
    } catch (error) {
      consumer.close();
      throw error;
    }
    return consumer;
  }

  drain(deadline: number): Promise<void> {
    if (this.#status.kind === "closed") return Promise.resolve();
    this.#draining ??= this.#drain(deadline);
    return this.#draining;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #drain(deadline: number): Promise<void> {
    this.#setStatus({ kind: "draining", since: this.#clock.now() });
    const cutOff = Promise.withResolvers<void>();
    const cancel = this.#clock.after(deadline - this.#clock.now(), cutOff.resolve);
    const ends = [...this.#subscriptions, ...this.#consumers].map((receiver) => receiver.drain());
    await Promise.race([Promise.all(ends).then(() => this.#requests.quiet()), cutOff.promise]);
    cancel();
    await this.close();
  }

  async #close(error?: FacewireError): Promise<void> {
    this.#setStatus({ kind: "closed", since: this.#clock.now(), ...(error && { error: error.toPublic() }) });
    const closed = error ?? new FacewireError("shutting_down", "The bus was closed.");
    this.#requests.failAll(closed, "closed");
    for (const subscription of [...this.#subscriptions]) subscription.close();
    for (const consumer of [...this.#consumers]) consumer.close();
    this.#requests.close();
    await this.#link.close(CLOSE_PATIENCE);
  }

  #message(subject: string, body: WireValue, options: SendOptions): BusMessage {
    this.#checkOpen();
    checkSubject(subject);
    const headers = options.headers ?? NO_HEADERS;
    this.#checkSize(measureMessage(subject, headers, body));
    return { id: options.id ?? this.#ids.next(), subject, headers, body };
  }

  #send(subject: string, message: BusMessage, reply?: string): void {
    const bytes = this.#checkBytes(writeMessage(message));
    this.#link.use().publish(this.#names.message(subject), bytes, reply === undefined ? {} : { reply });
  }

  #checkSize(bytes: number): void {
    if (bytes > this.maxMessageBytes) throw tooLarge(bytes, this.maxMessageBytes);
  }

  /** An id or key of absurd length, which the measure does not count, may still be too much for the server. */
  #checkBytes(bytes: Uint8Array): Uint8Array {
    const limit = this.maxMessageBytes + ENVELOPE_ROOM / 2;
    if (bytes.length > limit) throw tooLarge(bytes.length, limit);
    return bytes;
  }

  #checkOpen(): void {
    if (this.#status.kind === "closed") throw new FacewireError("bus_unavailable", "The bus is closed.");
    this.#link.use();
  }

  #checkTaking(): void {
    if (this.#status.kind === "draining") throw new FacewireError("shutting_down", "The bus is draining.");
    this.#checkOpen();
  }

  #setStatus(status: BusStatus): void {
    const changed = status.kind !== this.#status.kind;
    this.#status = status;
    if (changed) for (const listener of [...this.#listeners]) listener(status);
  }

  readonly #linkHost = {
    lost: (reason: string): void => {
      const lost = new FacewireError("bus_unavailable", "The NATS server was lost before it answered.");
      this.#requests.failAll(lost, "unavailable");
      if (this.#status.kind !== "connected") return;
      this.#setStatus({ kind: "reconnecting", since: this.#clock.now(), attempt: 0, reason });
    },
    attempt: (): void => {
      if (this.#status.kind !== "reconnecting") return;
      this.#setStatus({ ...this.#status, attempt: this.#status.attempt + 1 });
    },
    back: (): void => {
      if (this.#status.kind !== "reconnecting") return;
      this.#setStatus({ kind: "connected", since: this.#clock.now(), server: this.#link.server });
    },
    ended: (error: FacewireError): void => {
      this.#closed ??= this.#close(error);
    },
  };

  readonly #requestsHost = {
    limit: (): number => this.maxMessageBytes,
    ended: (end: RequestEnd): void => {
      if (end !== "closed") this.#counts[end]++;
    },
    malformed: (error: FacewireError, payload: Uint8Array): void => {
      this.#incoming.reportNow({ kind: "answer", subject: "", error, payload });
    },
  };

  readonly #responderHost = {
    check: (body: WireValue): void => this.#checkSize(measureMessage("", NO_HEADERS, body)),
    respond: (message: Msg, bytes: Uint8Array): void => {
      if (this.#link.connected) message.respond(bytes);
      else this.#counts.dropped++;
    },
  };

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
      this.#parts.onHandlerError(error, delivery);
    },
    read: (message: Msg): Delivery | undefined => this.#incoming.delivery(message),
    ended: (subscription: NatsSubscription): void => {
      this.#subscriptions.delete(subscription);
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
      this.#parts.onHandlerError(error, work);
    },
    read: (queue: string, message: Msg) => this.#incoming.work(queue, message),
    ended: (consumer: NatsConsumer): void => {
      this.#consumers.delete(consumer);
    },
  };
}

function tooLarge(bytes: number, limit: number): FacewireError {
  return new FacewireError("message_too_large", "A message is larger than the bus carries.", {
    details: { bytes, limit },
  });
}
