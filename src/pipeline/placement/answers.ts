/**
 * Answers to runs, kept for a while: a message that arrives twice, or is asked again after the broker was away, must not
 * have the work done twice.
 */
import type { WireValue } from "../../bus/wire.ts";
import type { Wrapped } from "./parcels.ts";

/** Answers that are kept at most, those of runs under way not counted; the oldest go first. */
const MOST_KEPT = 256;
/** Milliseconds after its run's deadline for which an answer is kept. */
const AFTER_DEADLINE = 5_000;

interface Kept {
  readonly answer: Promise<WireValue>;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Once it is there. */
  wrapped: Wrapped | undefined;
}

/** See the file's head. */
export class Answers {
  readonly #kept = new Map<string, Kept>();
  #open = 0;
  #idle: (() => void)[] = [];

  /** Runs under way. */
  get open(): number {
    return this.#open;
  }

  /** The answer to a run that was asked before, or what `make` comes to; one that fails is not kept. */
  get(run: string, deadline: number, make: () => Promise<Wrapped>): Promise<WireValue> {
    const known = this.#kept.get(run);
    if (known) return known.answer;
    this.#open++;
    const kept: Kept = { answer: this.#take(run, make()), until: deadline + AFTER_DEADLINE, wrapped: undefined };
    this.#kept.set(run, kept);
    return kept.answer;
  }

  /** Forgets answers that nobody will ask for. */
  prune(): void {
    const now = Date.now();
    let spare = this.#kept.size - this.#open - MOST_KEPT;
    for (const [run, { wrapped, until }] of this.#kept) {
      if (wrapped && (spare > 0 || until < now)) {
        this.#forget(run);
        spare--;
      }
    }
  }

  /** Resolves when no run is under way, or after `timeoutMs`. */
  async whenIdle(timeoutMs: number): Promise<void> {
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#idle.push(resolve);
    await promise;
    clearTimeout(timer);
  }

  async #take(run: string, making: Promise<Wrapped>): Promise<WireValue> {
    try {
      const wrapped = await making;
      const kept = this.#kept.get(run);
      if (kept) kept.wrapped = wrapped;
      return wrapped.body;
    } catch (thrown) {
      this.#kept.delete(run);
      throw thrown;
    } finally {
      this.#open--;
      this.prune();
      if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #forget(run: string): void {
    this.#kept.get(run)?.wrapped?.forget();
    this.#kept.delete(run);
  }
}
