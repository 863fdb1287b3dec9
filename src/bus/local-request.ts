/** A question that waits for its answer, whatever bus it was asked on. */
import { FacewireError, type PublicError } from "../errors.ts";
import type { Responder } from "./bus.ts";
import type { CancelTimer, Clock } from "./clock.ts";
import type { WireValue } from "./wire.ts";

/** How a request ended, for the counts. */
export type RequestEnd = "answers" | "refusals" | "noReceiver" | "deadlines" | "cancelled" | "unavailable" | "closed";

/** What a request tells its bus. */
export interface RequestHost {
  /** Throws when an answer cannot be carried. */
  check(body: WireValue): void;
  /** Called once; for a request that was over before it began, while it is being made. */
  ended(request: LocalRequest, end: RequestEnd): void;
}

/** The promise of the asker, and the {@link Responder} that settles it: in one process the receiver's own. */
export class LocalRequest implements Responder {
  readonly promise: Promise<WireValue>;
  readonly #host: RequestHost;
  readonly #resolve: (body: WireValue) => void;
  readonly #reject: (error: FacewireError) => void;
  readonly #cancelTimer: CancelTimer;
  readonly #signal: AbortSignal | undefined;
  #open = true;

  constructor(host: RequestHost, clock: Clock, deadline: number, signal: AbortSignal | undefined) {
    this.#host = host;
    const { promise, resolve, reject } = Promise.withResolvers<WireValue>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    const left = deadline - clock.now();
    this.#cancelTimer = left > 0 ? clock.after(left, this.#expire) : () => {};
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
    else if (left <= 0) this.#expire();
  }

  /** Whether an answer is still waited for; not so from the start when the deadline has passed or the signal has fired. */
  get open(): boolean {
    return this.#open;
  }

  answer(body: WireValue): void {
    if (!this.#open) return;
    try {
      this.#host.check(body);
    } catch (error) {
      this.fail(FacewireError.from(error), "refusals");
      throw error;
    }
    this.#end("answers");
    this.#resolve(body);
  }

  refuse(error: PublicError): void {
    this.fail(FacewireError.fromPublic(error), "refusals");
  }

  /** Ends the request without an answer. */
  fail(error: FacewireError, end: RequestEnd): void {
    if (!this.#open) return;
    this.#end(end);
    this.#reject(error);
  }

  #end(end: RequestEnd): void {
    this.#open = false;
    this.#cancelTimer();
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#host.ended(this, end);
  }

  readonly #expire = (): void => {
    this.fail(new FacewireError("deadline_exceeded", "No answer came by the deadline."), "deadlines");
  };

  readonly #abort = (): void => {
    this.fail(new FacewireError("request_cancelled", "The asker gave the question up."), "cancelled");
  };
}
