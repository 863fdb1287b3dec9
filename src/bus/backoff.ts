/** How long to wait before trying again. */

/** Exponential back-off with jitter. */
export interface Backoff {
  /** Wait after the first failure, in milliseconds. */
  readonly initial: number;
  /** Longest wait, in milliseconds, before jitter. */
  readonly max: number;
  /** What the wait grows by with each further failure in a row; 1 or more. */
  readonly factor: number;
  /** Share of the wait that chance takes off, 0..1, so that many who failed together do not return together. */
  readonly jitter: number;
}

/** A tenth of a second, doubled up to ten seconds, with up to a fifth taken off. */
export const DEFAULT_BACKOFF: Backoff = { initial: 100, max: 10_000, factor: 2, jitter: 0.2 };

/**
 * The wait in milliseconds after the `failures`-th failure in a row (1 is the first).
 * `random` gives 0..1 as `Math.random` does.
 */
export function backoffDelay(backoff: Backoff, failures: number, random: () => number): number {
  const grown = backoff.initial * backoff.factor ** (Math.max(1, failures) - 1);
  return Math.min(grown, backoff.max) * (1 - backoff.jitter * random());
}
