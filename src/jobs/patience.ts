/** Waits out failures of the surroundings, with growing pauses, and lets the job say what it waits for. */
import { backoffDelay, DEFAULT_BACKOFF } from "../bus/backoff.ts";
import { pause } from "../bus/pause.ts";
import { FacewireError } from "../errors.ts";

/** Milliseconds a failure must last before it is told: a queue that is full for a moment is nothing to look at. */
const TELL_AFTER = 500;

/** What {@link Patience} needs. */
export interface PatienceOptions {
  /** Ends every wait at once. */
  readonly signal: AbortSignal;
  /** Is told when the wait has become worth telling, and with undefined when it is over. Must not reject. */
  readonly onWaiting: (failure: FacewireError | undefined, since: number) => Promise<void>;
}

/** See the file's head. One for each job; all its items wait through it. */
export class Patience {
  readonly #options: PatienceOptions;
  #since: number | undefined;
  #told = false;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Waits after the `failures`-th failure in a row. Resolves early when the signal fires. */
  async wait(failure: FacewireError, failures: number): Promise<void> {
    const now = Date.now();
    this.#since ??= now;
    if (!this.#told && now - this.#since >= TELL_AFTER) {
      this.#told = true;
      await this.#options.onWaiting(failure, this.#since);
    }
    const hinted = Number(failure.details?.retry_after_s) * 1000;
    const delay = backoffDelay(DEFAULT_BACKOFF, failures, Math.random);
    await pause(hinted > 0 ? Math.min(Math.max(hinted, delay), DEFAULT_BACKOFF.max) : delay, this.#options.signal);
  }

  /** Something worked. */
  async over(): Promise<void> {
    this.#since = undefined;
    if (!this.#told) return;
    this.#told = false;
    await this.#options.onWaiting(undefined, 0);
  }
}

/** Writes, again and again while the database cannot be used; rejects with its failure once the signal has fired. */
export async function untilStored<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await write();
    } catch (thrown) {
      if (signal.aborted || FacewireError.from(thrown).code !== "store_unavailable") throw thrown;
      await pause(backoffDelay(DEFAULT_BACKOFF, failures, Math.random), signal);
    }
  }
}

/** Waits, but no longer than until the signal fires. */
export async function unlessAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const resolve = () => aborted.resolve();
  signal.addEventListener("abort", resolve);
  try {
    await Promise.race([wait, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", resolve);
  }
}
