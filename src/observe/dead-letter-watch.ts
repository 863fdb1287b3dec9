/** Counts and logs what goes to the dead letters. */
import type { Logger } from "./logs.ts";
import type { Metrics } from "./metrics.ts";

/** Keeps letters of any form. */
interface Sink<L> {
  record(letter: L): void | Promise<void>;
}

/** What is told of a letter. */
interface Told {
  readonly address: string;
  readonly kind: string;
  readonly cause: { readonly code: string };
  readonly requestId: string | undefined;
  readonly attempts: number;
}

/** The sink, watched: each letter is counted and logged, and so is each that the sink did not take. */
export function watchDeadLetters<L extends Told>(
  sink: Sink<L>,
  metrics: Pick<Metrics, "deadLetter">,
  logger: Logger,
): Sink<L> {
  return {
    async record(letter) {
      const { address, kind, cause, requestId, attempts } = letter;
      const fields = { address, kind, code: cause.code, request: requestId, attempts };
      try {
        await sink.record(letter);
        metrics.deadLetter(true);
        logger.warn("work given up", fields);
      } catch (error) {
        metrics.deadLetter(false);
        logger.error("dead letter lost", { ...fields, error });
        throw error;
      }
    },
  };
}
