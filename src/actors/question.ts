/** An asker inside this system: a promise that ends with the reply, at its deadline or when its signal fires. */
import type { CancelTimer, Clock } from "../bus/clock.ts";
import { FacewireError } from "../errors.ts";
import type { Asker } from "./work.ts";

/** A question under way. */
export class Question {
  readonly promise: Promise<unknown>;
  /** Called once when the question ends before its answer. */
  onWithdrawn: (reason: "deadline" | "cancelled") => void = () => {};
  readonly #resolve: (reply: unknown) => void;
  readonly #reject: (error: FacewireError) => void;
  readonly #cancelTimer: CancelTimer;
  readonly #signal: AbortSignal | undefined;

  /** The deadline lies ahead and the signal has not fired: see {@link checkWanted}. */
  constructor(clock: Clock, deadline: number, signal: AbortSignal | undefined) {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#cancelTimer = clock.after(deadline - clock.now(), () => this.#withdraw(deadlineExceeded(), "deadline"));
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** Ends the question with what the receiver said. */
  readonly settle: Asker = (settled) => {
    this.#end();
    if (settled.ok) this.#resolve(settled.reply);
    else this.#reject(settled.error);
  };

  readonly #onAbort = (): void => this.#withdraw(requestCancelled(), "cancelled");

  #withdraw(error: FacewireError, reason: "deadline" | "cancelled"): void {
    this.#end();
    this.#reject(error);
    this.onWithdrawn(reason);
  }

  #end(): void {
    this.#cancelTimer();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** Throws when a question with this deadline and signal need not be asked. */
export function checkWanted(clock: Clock, deadline: number, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw requestCancelled();
  if (clock.now() >= deadline) throw deadlineExceeded();
}

/** The work was not done in time. */
export function deadlineExceeded(): FacewireError {
  return new FacewireError("deadline_exceeded", "The work was not done by its deadline.");
}

/** Whoever asked does not want it any more. */
export function requestCancelled(): FacewireError {
  return new FacewireError("request_cancelled", "The work was cancelled by whoever asked for it.");
}

/** The receiver is ending. */
export function shuttingDown(): FacewireError {
  return new FacewireError("shutting_down", "The receiver is stopping.");
}
