/**
 * The bus: what carries messages between the parts of Facewire, inside one process or between many.
 *
 * Every implementation passes the suite in `test/bus/bus-suite.ts`; the code above it never asks which one it has.
 * All failures are `FacewireError`s. Calls that cannot reach the broker fail with `bus_unavailable`; nothing is kept back
 * to be sent later, because a caller that was told nothing would believe it was sent.
 */
import type { PublicError } from "../errors.ts";
import type { Backoff } from "./backoff.ts";
import type { WireHeaders, WireValue } from "./wire.ts";

/** What is sent. Receivers must not change any part of it: in process it is passed by reference. */
export interface BusMessage {
  /** Unique among all messages; given by the sender, or made by the bus. The same id means the same message again. */
  readonly id: string;
  /** Where it was sent to: never a pattern. */
  readonly subject: string;
  readonly headers: WireHeaders;
  readonly body: WireValue;
}

/** The way back to whoever asked. Only the first call counts; calls after the asker has given up do nothing. */
export interface Responder {
  /**
   * Answers. An answer that cannot be carried is thrown back as `message_too_large` or `message_invalid`, and the asker is
   * told the same code, so that neither side waits.
   */
  answer(body: WireValue): void;
  /** Answers with an error; the asker's `request` rejects with the same code, message and details. */
  refuse(error: PublicError): void;
}

/** A message as a subscriber gets it. */
export interface Delivery extends BusMessage {
  /** Present when the message was sent with `request`. It may be used after the handler has returned. */
  readonly responder?: Responder;
}

/**
 * Handles a delivery. The subscription hands over the next message when fewer than `maxInFlight` handlers are running, so
 * a handler that waits holds its subscription back. A handler that throws or rejects loses the message: the failure is
 * counted and reported through `onHandlerError`, and an asker is refused with its code.
 */
export type DeliveryHandler = (delivery: Delivery) => void | Promise<void>;

/** How a subscription takes what it is sent. */
export interface SubscribeOptions {
  /** Members of one group share: each message goes to one of them. Without it every subscription gets every message. */
  readonly group?: string;
  /** Handlers that may run at once; 1 (the default) keeps the order of a sender's messages on a subject. */
  readonly maxInFlight?: number;
  /** Messages that may wait for a handler; 4,096 by default. */
  readonly maxPending?: number;
  /**
   * What happens when one more arrives: the longest waiting gives way, or the new one is turned away (the default). What
   * is lost is counted in `dropped`; an asker among the lost is refused with `overloaded`.
   */
  readonly overflow?: "drop-oldest" | "drop-newest";
}

/** A subscription's counts since it began. */
export interface SubscriptionStats {
  readonly delivered: number;
  readonly dropped: number;
  /** Waiting for a handler now. */
  readonly pending: number;
  readonly inFlight: number;
}

/** A listening receiver. */
export interface Subscription {
  readonly pattern: string;
  stats(): SubscriptionStats;
  /** Takes nothing new, handles what waits, and ends; resolves when the last handler has finished. */
  drain(): Promise<void>;
  /** Ends at once: what waits is dropped and its askers are refused with `no_receiver`; running handlers go on. */
  close(): void;
}

/** What a sender may add to a message. */
export interface SendOptions {
  readonly id?: string;
  readonly headers?: WireHeaders;
}

/** How long a request waits. */
export interface RequestOptions extends SendOptions {
  /** Epoch milliseconds after which the request rejects with `deadline_exceeded`. The receiver is not told. */
  readonly deadline: number;
  /** Gives up with `request_cancelled`. The receiver is not told. */
  readonly signal?: AbortSignal;
}

/** How a piece of work is stored. */
export interface EnqueueOptions extends SendOptions {
  /**
   * Work of the same key in the same queue is handled one piece at a time, in the order it was accepted; a piece that is
   * being tried again holds the later ones back. Keys may share a lane, so a piece may also wait for one of another key.
   */
  readonly key?: string;
}

/** The bus's word that work is stored. */
export interface Accepted {
  readonly id: string;
  /** The same id was accepted before within the deduplication window; nothing was stored this time. */
  readonly duplicate: boolean;
}

/** Work as a consumer gets it. */
export interface WorkMessage extends BusMessage {
  /** 1 at the first delivery. */
  readonly attempt: number;
  readonly key: string | undefined;
  /** Fires when the consumer is closed; the work will then go to another consumer. */
  readonly signal: AbortSignal;
}

/** Why work was given up. */
export interface WorkFailure {
  readonly attempts: number;
  /** What the last handler threw. */
  readonly error: unknown;
}

/** How a consumer works. */
export interface ConsumeOptions {
  /** Pieces in hand at once; 1 by default. The bus hands over no more, however many wait. */
  readonly maxInFlight?: number;
  /** Deliveries after which work is given up; 5 by default. */
  readonly maxDeliver?: number;
  /** Waits between deliveries. */
  readonly backoff?: Backoff;
  /** Whether a failure is worth another delivery; all are by default. */
  readonly retry?: (error: unknown) => boolean;
  /**
   * Takes work that was given up. When it resolves the work is removed from the queue; when it rejects it is called again
   * after the back-off, and the handler is not.
   */
  readonly onDeadLetter: (work: WorkMessage, failure: WorkFailure) => void | Promise<void>;
}

/** A consumer of a work queue. */
export interface Consumer {
  readonly queue: string;
  /** Pieces in hand now. */
  readonly inFlight: number;
  /** Takes no more work; resolves when what is in hand is done. */
  drain(): Promise<void>;
  /** Lets go of the work in hand, which others then get, also when its handlers are still running. */
  close(): void;
}

/** Whether the bus can be used, and since when (epoch milliseconds). */
export type BusStatus =
  | { readonly kind: "connected"; readonly since: number; readonly server: string }
  | { readonly kind: "reconnecting"; readonly since: number; readonly attempt: number; readonly reason: string }
  | { readonly kind: "draining"; readonly since: number }
  | { readonly kind: "closed"; readonly since: number; readonly error?: PublicError };

/** Counts since the bus was opened, and three that are of now. */
export interface BusStats {
  readonly published: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly handlerErrors: number;
  readonly requests: number;
  readonly answers: number;
  readonly refusals: number;
  readonly noReceiver: number;
  readonly deadlines: number;
  readonly cancelled: number;
  /** Requests that ended with `bus_unavailable` because the broker was lost while they waited. */
  readonly unavailable: number;
  /** Messages, answers and work from outside that could not be read. */
  readonly malformed: number;
  readonly enqueued: number;
  readonly duplicates: number;
  readonly acknowledged: number;
  readonly redelivered: number;
  readonly deadLettered: number;
  /** Now: subscriptions that listen. */
  readonly subscriptions: number;
  /** Now: requests without an answer. */
  readonly pendingRequests: number;
  /** Now: consumers. */
  readonly consumers: number;
}

/** See the file's head. */
export interface Bus {
  /** Largest message as `measureMessage` counts it, in bytes; larger ones fail with `message_too_large`. */
  readonly maxMessageBytes: number;
  readonly status: BusStatus;
  /**
   * Calls `listener` with every change of the status's kind (a further attempt to reconnect is none); returns what takes it
   * off again.
   */
  onStatus(listener: (status: BusStatus) => void): () => void;
  stats(): BusStats;

  /**
   * Sends to everyone who listens now: at most once, nobody is told whether anybody listens. Messages of one sender on one
   * subject arrive in order. Handlers never run inside this call.
   *
   * @throws FacewireError `message_invalid`, `message_too_large`, `bus_unavailable`
   */
  publish(subject: string, body: WireValue, options?: SendOptions): void;

  /** Resolves when everything published before has reached the subscriptions (in process) or the broker. */
  flush(): Promise<void>;

  /** Listens on a subject or pattern; resolves when every message sent from now on, by anyone, will be seen. */
  subscribe(pattern: string, handler: DeliveryHandler, options?: SubscribeOptions): Promise<Subscription>;

  /**
   * Asks and resolves with the first answer. Rejects with `no_receiver` at once when nobody listens, `deadline_exceeded`
   * at the deadline, `request_cancelled` when the signal fires, the code of a refusal, or as `publish` throws; with
   * `bus_unavailable` also when the broker is lost while it waits, and then the receiver may have done what it was asked. A
   * receiver that vanishes without a word is noticed at the deadline.
   */
  request(subject: string, body: WireValue, options: RequestOptions): Promise<WireValue>;

  /**
   * Stores work in a queue; resolves when the bus has it and will deliver it at least once, now or when a consumer comes.
   * Rejects with `overloaded` when the queue is full; otherwise as `publish` throws. The queue exists once it is named.
   */
  enqueue(queue: string, body: WireValue, options?: EnqueueOptions): Promise<Accepted>;

  /**
   * Works off a queue, together with all other consumers of it. A handler that resolves has done its work; one that rejects
   * gets it again (or another consumer does) after the back-off, up to `maxDeliver` times. The same work may come twice.
   */
  consume(queue: string, handler: (work: WorkMessage) => Promise<void>, options: ConsumeOptions): Promise<Consumer>;

  /**
   * Ends in good order: takes nothing new (`subscribe` and `consume` fail with `shutting_down`), lets handlers and requests
   * finish, during which they may still send, then closes. What is not done by `deadline` (epoch milliseconds) is cut off as
   * by `close`. Resolves when closed.
   */
  drain(deadline: number): Promise<void>;

  /** Ends at once: subscriptions and consumers are closed, open requests reject with `shutting_down`. May be called again. */
  close(): Promise<void>;
}
