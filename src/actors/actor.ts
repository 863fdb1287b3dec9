/** The contract of actors: what one is, what it is given, and the rules it is kept under. */
import type { Backoff } from "../bus/backoff.ts";
import type { ErrorCode } from "../errors.ts";
import type { Envelope } from "./envelope.ts";

/** What an actor is given to work on. In process, bodies come by reference and must not be changed. */
export interface ActorMessage<Body = unknown> extends Envelope {
  readonly body: Body;
  /** 1 when it is handled for the first time. */
  readonly attempt: number;
  /** Epoch milliseconds at which the mailbox took it. */
  readonly acceptedAt: number;
}

/** Why an actor ends. `failure`: this instance failed and another one takes its place. */
export type StopReason = "stopped" | "drained" | "failure" | "given-up";

/**
 * An actor: state behind an address. Its methods never run at the same time, so its state needs no locks.
 *
 * Whatever `onMessage` throws is judged by {@link ActorOptions.isRefusal}: a refusal is the message's fault and is its
 * answer; anything else is the actor's failure: the instance is given up, and after a back-off a new one (made by the
 * factory that was handed to `spawn`) starts and gets the same message again.
 */
export interface Actor<Body = unknown, Reply = unknown> {
  /** Runs before the first message. A failure here is a failure of the instance. */
  start?(context: ActorContext): void | Promise<void>;
  /** Handles one message; what it returns (or resolves with) is the reply, if one was asked for. */
  onMessage(message: ActorMessage<Body>, context: MessageContext): Reply | Promise<Reply>;
  /** Runs after the last message of this instance. A failure here is reported and changes nothing. */
  stop?(reason: StopReason): void | Promise<void>;
}

/** How a question is asked. */
export interface AskOptions {
  /** Epoch milliseconds after which the asker is answered `deadline_exceeded`, whatever the receiver does. */
  readonly deadline: number;
  /** Withdraws the question: the asker gets `request_cancelled` and the receiver's `signal` fires. */
  readonly signal?: AbortSignal;
  /** Given ids make the question repeatable: it is handled once and every asker gets that answer. */
  readonly id?: string;
  readonly requestId?: string;
  readonly sequence?: number;
  readonly traceparent?: string;
}

/** How something is told. */
export interface TellOptions {
  readonly deadline?: number;
  readonly id?: string;
  readonly requestId?: string;
  readonly sequence?: number;
  readonly traceparent?: string;
  /** Address that the outcome is told to; also one of an actor that is known in this system only. */
  readonly replyTo?: string;
}

/** What can be done from anywhere. */
export interface Messenger {
  /**
   * Resolves with the reply. Rejects with the actor's coded error, `no_receiver`, `mailbox_full`, `shutting_down`,
   * `deadline_exceeded` or `request_cancelled`. The type of the reply is the caller's claim: the receiver's contract.
   */
  ask<Reply = unknown>(address: string, body: unknown, options: AskOptions): Promise<Reply>;
  /**
   * Resolves when the receiver's mailbox has taken the message, from then on the system answers for it. Rejects with
   * `no_receiver`, `mailbox_full`, `shutting_down`, or `deadline_exceeded` while waiting for room.
   */
  tell(address: string, body: unknown, options?: TellOptions): Promise<void>;
}

/** What an actor knows of itself. */
export interface ActorContext extends Messenger {
  readonly address: string;
  /** Epoch milliseconds by the system's clock. */
  now(): number;
  /** Fires when the actor stops for good; hand it to questions whose answers nobody will be there for. */
  readonly life: AbortSignal;
  /** Ends this actor once the message in hand is done; what waits is treated as by `ActorRef.stop`. */
  stop(): void;
}

/**
 * What an actor knows while it handles a message. `ask` and `tell` hand on the message's request id, trace and deadline
 * where the call's own options do not say otherwise, and a question is withdrawn when `signal` fires.
 */
export interface MessageContext extends Omit<ActorContext, "ask"> {
  /** Fires at the message's deadline, when its asker withdraws it, or when the actor is stopped; the reason is coded. */
  readonly signal: AbortSignal;
  /** Throws the reason of {@link signal} if it has fired, or would have by now. */
  checkpoint(): void;
  /** As {@link Messenger.ask}; a deadline must be given when the message has none. */
  ask<Reply = unknown>(address: string, body: unknown, options?: Partial<AskOptions>): Promise<Reply>;
}

/** What a full mailbox does with one more message. */
const OVERFLOW_RULES = ["block", "drop-oldest", "refuse"] as const;
/**
 * - `block`: the sender waits for room, until its deadline.
 * - `drop-oldest`: the message that waited longest gives way (its asker gets `mailbox_full`).
 * - `refuse`: the sender gets `mailbox_full` at once.
 */
export type OverflowRule = (typeof OVERFLOW_RULES)[number];

/** Why a message was not handled to its end. */
export const DROP_REASONS = ["overflow", "deadline", "cancelled", "duplicate", "stopped"] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** How an actor is kept. Everything has a default. */
export interface ActorOptions<Body = unknown> {
  /** Name its counters are kept under; the first token of the address by default. Must be one of few. */
  readonly kind?: string;
  /** Messages that may wait; 256 by default. */
  readonly capacity?: number;
  /** `refuse` by default. */
  readonly overflow?: OverflowRule;
  /**
   * - `bus` (the default): everybody on the bus reaches it; senders of the same system reach it without the bus.
   * - `shared`: as one of several with this address, in this system or others, that share the messages.
   * - `local`: known in this system only (and as `replyTo` of what it sends); costs the bus nothing.
   */
  readonly reach?: "bus" | "shared" | "local";
  /** Failures on one message after which it goes to the dead letters; 3 by default. */
  readonly maxAttempts?: number;
  /** Waits before a failed instance is replaced; grows with failures in a row. */
  readonly backoff?: Backoff;
  /** Failures in a row after which the actor is given up; never by default. */
  readonly maxFailures?: number;
  /** Code of failures that have none, as `stage_failed`; `internal` by default. */
  readonly failureCode?: ErrorCode;
  /** Whether what was thrown is an answer rather than a failure. Default: coded errors of the caller's making (4xx). */
  readonly isRefusal?: (thrown: unknown) => boolean;
  /** Messages whose ids (and replies, where asked) are remembered to handle repeated ones once; 1,000 by default. */
  readonly remember?: number;
  /** Whether a body is what this actor takes; others go to the dead letters as `message_invalid`. */
  readonly accepts?: (body: unknown) => body is Body;
  /**
   * Gives back what a message held (such as a frame's slot) when it was accepted but will not be handled to its end. Not
   * called for repeated messages, which hold what the first holds.
   */
  readonly onDropped?: (message: ActorMessage<Body>, reason: DropReason) => void;
}

/** States of an actor. `restarting`: failed, waiting for the back-off. */
export type ActorState = "starting" | "running" | "restarting" | "draining" | "stopped";

/** A spawned actor. */
export interface ActorRef {
  readonly address: string;
  readonly state: ActorState;
  /** Messages waiting, the one in hand not counted. */
  readonly waiting: number;
  /** Resolves when it can be reached and has started; rejects when it was stopped or given up before. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone, for whatever reason. */
  readonly stopped: Promise<StopReason>;
  /**
   * Ends it: new messages find `no_receiver`, those that wait are answered `shutting_down` (those nobody asked for go to the
   * dead letters, unless the overflow rule is `drop-oldest`), the signal of the one in hand fires and its handler is awaited
   * for at most `patience` milliseconds (5,000 by default).
   */
  stop(patience?: number): Promise<void>;
  /** Refuses new messages with `shutting_down`, finishes the accepted ones, then stops; cut off at `deadline` as by `stop`. */
  drain(deadline: number): Promise<void>;
}
