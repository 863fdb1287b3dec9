/** Runs an actor's instances one after another: hands them messages, judges what they throw, and replaces failed ones. */
import { backoffDelay, DEFAULT_BACKOFF } from "../bus/backoff.ts";
import type { Clock } from "../bus/clock.ts";
import { FacewireError } from "../errors.ts";
import type { Actor, ActorContext, StopReason } from "./actor.ts";
import type { ActorFactory, ActorObserver } from "./actors.ts";
import type { ActorCounters } from "./counters.ts";
import { Handling } from "./handling.ts";
import type { AnyActorOptions, Ledger } from "./ledger.ts";
import type { Mailbox } from "./mailbox.ts";
import { deadlineExceeded } from "./question.ts";
import type { Work } from "./work.ts";

/** Default of `ActorOptions.maxAttempts`. */
const MAX_ATTEMPTS = 3;

/** Messages between two turns of the event loop: a busy actor must not keep timers and sockets waiting. */
const BURST = 256;

/** What a supervisor works with. */
export interface SupervisorParts {
  readonly factory: ActorFactory<never, unknown>;
  readonly options: AnyActorOptions;
  readonly context: ActorContext;
  readonly mailbox: Mailbox<Work>;
  readonly ledger: Ledger;
  readonly counters: ActorCounters;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: ActorObserver;
  /** An instance has started. */
  started(): void;
}

/** See the file's head. */
export class Supervisor {
  phase: "starting" | "running" | "restarting" = "starting";
  /** What the last failure threw. */
  failure: unknown;
  readonly #parts: SupervisorParts;
  #ending: "no" | "draining" | "stopping" = "no";
  #inHand: { readonly work: Work; readonly handling: Handling } | undefined;
  /** The message that is tried again, before all others. */
  #again: Work | undefined;
  /** Failures since the last message that was handled. */
  #failures = 0;
  #served = 0;
  /** Ends the wait for a message. */
  #wake: (() => void) | undefined;
  /** Ends the wait of a back-off. */
  #cutPause: (() => void) | undefined;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /** Resolves when the actor has ended for good. Never rejects. */
  async run(): Promise<StopReason> {
    const { options, counters, random } = this.#parts;
    for (;;) {
      const actor = await this.#launch();
      let reason: StopReason = "failure";
      if (actor) {
        reason = await this.#serve(actor);
        await this.#stopHook(actor, reason);
      }
      if (reason !== "failure") return reason;
      if (this.#failures >= (options.maxFailures ?? Number.POSITIVE_INFINITY)) return "given-up";
      this.phase = "restarting";
      await this.#pause(backoffDelay(options.backoff ?? DEFAULT_BACKOFF, this.#failures, random));
      if (this.#stopping) return "stopped";
      counters.restarts++;
    }
  }

  /** There may be something to do. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Ends when nothing waits any more. */
  drain(): void {
    if (this.#ending === "no") this.#ending = "draining";
    this.wake();
  }

  /** Ends after the message in hand. */
  stop(): void {
    this.#ending = "stopping";
    this.#cutPause?.();
    this.wake();
  }

  /** Fires the signal of the message in hand, if it is this one or none is named. */
  interrupt(reason: FacewireError, work?: Work): void {
    if (work === undefined || this.#inHand?.work === work) this.#inHand?.handling.interrupt(reason);
  }

  /** Gives the message back that was to be tried again. */
  releaseAgain(): Work | undefined {
    const work = this.#again;
    this.#again = undefined;
    return work;
  }

  /** Whether this message is to be tried again. */
  willRetry(work: Work): boolean {
    return this.#again === work;
  }

  /** Gives the message in hand back; what its handler does from now on no longer counts. */
  abandon(): Work | undefined {
    const work = this.#inHand?.work;
    this.#inHand?.handling.end();
    this.#inHand = undefined;
    return work;
  }

  // A getter, so that the compiler does not take the value for unchanged over an await.
  get #stopping(): boolean {
    return this.#ending === "stopping";
  }

  async #launch(): Promise<Actor<never> | undefined> {
    try {
      const actor = this.#parts.factory();
      if (actor.start) await actor.start(this.#parts.context);
      this.#parts.started();
      return actor;
    } catch (error) {
      this.#countFailure(error, 0);
      return undefined;
    }
  }

  async #serve(actor: Actor<never>): Promise<StopReason> {
    this.phase = "running";
    for (;;) {
      if (this.#stopping) return "stopped";
      const work = this.#again ?? this.#parts.mailbox.take();
      this.#again = undefined;
      if (!work) {
        if (this.#ending === "draining") return "drained";
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (work.expired(this.#parts.clock.now())) {
        this.#parts.ledger.dropped(work, "deadline", deadlineExceeded());
        continue;
      }
      const good = this.#handle(actor, work);
      if (!(typeof good === "boolean" ? good : await good)) return "failure";
      if (++this.#served % BURST === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Handles one message; false when the instance has failed. */
  #handle(actor: Actor<never>, work: Work): boolean | Promise<boolean> {
    const handling = new Handling(this.#parts.context, this.#parts.clock, work);
    this.#inHand = { work, handling };
    work.attempt++;
    try {
      // What an actor takes is its sender's business: `accepts` checks it where that is asked for.
      const reply = actor.onMessage(work as never, handling);
      if (!(reply instanceof Promise)) return this.#succeeded(work, reply);
      return reply.then(
        (value: unknown) => this.#succeeded(work, value),
        (error: unknown) => this.#threw(work, handling, error),
      );
    } catch (error) {
      return this.#threw(work, handling, error);
    }
  }

  #succeeded(work: Work, reply: unknown): boolean {
    if (this.#letGo(work)) {
      this.#failures = 0;
      this.#parts.ledger.handled(work, reply);
    }
    return true;
  }

  #threw(work: Work, handling: Handling, error: unknown): boolean {
    const interruption = handling.interruptionBehind(error);
    if (!this.#letGo(work)) return true;
    const { options, ledger } = this.#parts;
    if (interruption) {
      ledger.dropped(work, interruption.reason, interruption.error);
      return true;
    }
    if ((options.isRefusal ?? isCallersFault)(error)) {
      ledger.refused(work, FacewireError.from(error));
      return true;
    }
    this.#countFailure(error, work.attempt);
    if (work.attempt >= (options.maxAttempts ?? MAX_ATTEMPTS)) ledger.givenUp(work, error);
    else this.#again = work;
    return false;
  }

  /** Takes the message out of hand; false when it was abandoned before. */
  #letGo(work: Work): boolean {
    if (this.#inHand?.work !== work) return false;
    this.#inHand.handling.end();
    this.#inHand = undefined;
    return true;
  }

  async #stopHook(actor: Actor<never>, reason: StopReason): Promise<void> {
    try {
      if (actor.stop) await actor.stop(reason);
    } catch (error) {
      this.#parts.observer.failed?.(this.#parts.context.address, error, 0, false);
    }
  }

  #countFailure(error: unknown, attempt: number): void {
    const { options, counters, observer, context } = this.#parts;
    this.failure = error;
    this.#failures++;
    counters.failed++;
    observer.failed?.(context.address, error, attempt, this.#failures < (options.maxFailures ?? Infinity));
  }

  #pause(delay: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(delay, resolve);
      this.#cutPause = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Default of `ActorOptions.isRefusal`. */
function isCallersFault(thrown: unknown): boolean {
  return thrown instanceof FacewireError && thrown.status < 500;
}
