/** Keeps the dead letters within the bounds of the settings. */
import type { Logger } from "../observe/logs.ts";
import type { DeadLetters } from "../store/dead-letters.ts";

const EVERY_MS = 10 * 60_000;

/** Prunes now and every ten minutes; the answer ends it, when a pruning that has begun is done. */
export function keepPruned(
  letters: DeadLetters,
  { retention, keep }: { readonly retention: number; readonly keep: number },
  logger: Logger,
): () => Promise<void> {
  const prune = async () => {
    try {
      const deleted = await letters.prune({ olderThan: Date.now() - retention, keep });
      if (deleted > 0) logger.info("old dead letters deleted", { deleted });
    } catch (error) {
      logger.warn("dead letters not pruned", { error });
    }
  };
  let running = prune();
  const timer = setInterval(() => {
    running = running.then(prune);
  }, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    return running;
  };
}
