/** What the layers above use to have actors: the contract of `ActorSystem`. */
import type { Actor, ActorOptions, ActorRef, DropReason, Messenger } from "./actor.ts";
import type { ActorCounters } from "./counters.ts";
import type { DeadLetter } from "./dead-letters.ts";

/**
 * Makes an instance of an actor. It is called again when an instance has failed: what should survive a failure is made
 * outside of it.
 */
export type ActorFactory<Body = unknown, Reply = unknown> = () => Actor<Body, Reply>;

/** How a one-shot actor gives its result. Only the first call counts; the actor is stopped by it. */
export interface Finish<Result> {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** An actor that lives for one result. */
export interface OneShotActor<Result, Body = unknown> extends Actor<Body, void> {
  /** What is known when the deadline comes; without it, or when it gives nothing, the result is `deadline_exceeded`. */
  onDeadline?(): Result | undefined;
}

/** How a one-shot actor is run. It is `local`; one failure ends it with the error of that failure. */
export interface OneShotOptions<Body = unknown>
  extends Pick<ActorOptions<Body>, "kind" | "capacity" | "overflow" | "accepts" | "onDropped"> {
  /** Epoch milliseconds at which it ends at the latest. */
  readonly deadline: number;
  /** Ends it with `request_cancelled`. */
  readonly signal?: AbortSignal;
}

/** What happens to actors, for logs. Each is called at once and must not throw. */
export interface ActorObserver {
  /** A handler or hook failed; `attempt` is 0 for hooks, `replaced` whether another instance follows. */
  failed?(address: string, error: unknown, attempt: number, replaced: boolean): void;
  dropped?(address: string, messageId: string, reason: DropReason): void;
  deadLettered?(letter: DeadLetter): void;
  /** The outcome of a message could not be told to its `replyTo`. */
  outcomeLost?(replyTo: string, messageId: string, error: unknown): void;
  /** The sink did not take a letter. */
  letterLost?(letter: DeadLetter, error: unknown): void;
}

/** A set of actors over one bus. */
export interface Actors extends Messenger {
  /** Epoch milliseconds by the system's clock: what deadlines are made from. */
  now(): number;
  /**
   * Brings an actor to life. Messages of this system reach it at once and wait until it has started.
   *
   * @throws FacewireError `internal` when the address is taken in this system, `message_invalid` when it is no subject,
   * `shutting_down` while draining.
   */
  spawn<Body, Reply>(address: string, factory: ActorFactory<Body, Reply>, options?: ActorOptions<Body>): ActorRef;
  /**
   * Runs an actor for one result and leaves nothing behind. Its `life` signal fires when it ends for any reason, so
   * questions asked with it are withdrawn. Rejects with what it was rejected with, `deadline_exceeded`,
   * `request_cancelled` or `shutting_down`.
   */
  runOnce<Result, Body = unknown>(
    address: string,
    create: (finish: Finish<Result>) => OneShotActor<Result, Body>,
    options: OneShotOptions<Body>,
  ): Promise<Result>;
  /** The actor of this system at an address. */
  find(address: string): ActorRef | undefined;
  /** Counts by kind. */
  counters(): ReadonlyMap<string, Readonly<ActorCounters>>;
  /**
   * Ends the system in good order: new actors and messages are refused with `shutting_down`, accepted messages are
   * finished (their actors may still talk to each other), all actors are stopped and dead letters are handed over. What is
   * not done by `deadline` (epoch milliseconds) is cut off. The bus stays open: it is its maker's.
   */
  drain(deadline: number): Promise<void>;
}
