/** Keeps what grows within the bounds of the settings. */
import type { Clock } from "../bus/clock.ts";
import type { Logger } from "../observe/logs.ts";

/** What can be cut back. */
export interface Prunable {
  /** Deletes what is older than `olderThan` (epoch milliseconds) and all but the `keep` newest; tells how many those were. */
  prune(limits: { readonly olderThan: number; readonly keep: number }): Promise<number>;
}

const LONGEST_PAUSE = 10 * 60_000;
const SHORTEST_PAUSE = 10_000;

/**
 * Prunes now and then every ten minutes, more often where the retention is short; the answer ends it, when a pruning
 * that has begun is done. `what`: its name in logs.
 */
export function keepPruned(
  what: string,
  prunable: Prunable,
  { retention, keep }: { readonly retention: number; readonly keep: number },
  logger: Logger,
  clock: Clock,
): () => Promise<void> {
  const prune = async () => {
    try {
      const deleted = await prunable.prune({ olderThan: clock.now() - retention, keep });
      if (deleted > 0) logger.info(`old ${what} deleted`, { deleted });
    } catch (error) {
      logger.warn(`${what} not pruned`, { error });
    }
  };
  let running = prune();
  const pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, retention / 10));
  const cancel = clock.every(pause, () => {
    running = running.then(prune);
    return running;
  });
  return () => {
    cancel();
    return running;
  };
}
