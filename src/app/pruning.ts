/** Keeps the dead letters within what the settings allow. */
import type { Logger } from "../observe/logs.ts";
import type { DeadLetters } from "../store/dead-letters.ts";

/** Milliseconds between rounds. */
const EVERY = 3_600_000;

/** Starts the rounds, the first one now; the result ends them. A round that fails is logged and the next one tries again. */
export function startPruning(
  deadLetters: DeadLetters,
  { retention, keep }: { readonly retention: number; readonly keep: number },
  logger: Logger,
): () => Promise<void> {
  let round: Promise<void> = Promise.resolve();
  const prune = () => {
    round = deadLetters.prune({ olderThan: Date.now() - retention, keep }).then(
      () => undefined,
      (error: unknown) => logger.warn("dead letters could not be pruned", { error }),
    );
  };
  prune();
  const timer = setInterval(prune, EVERY);
  timer.unref();
  return () => {
    clearInterval(timer);
    // The store is closed next; a round that runs must not meet a closed one.
    return round;
  };
}
