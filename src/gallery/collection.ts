/** Deletes descriptors that belonged to neither a person nor a list for longer than they may, with their pictures. */
import type { Clock } from "../bus/clock.ts";
import { nextTurn } from "../bus/turn.ts";
import type { Logger } from "../observe/logs.ts";
import type { Descriptors } from "../store/gallery/descriptors.ts";

/** What a collection works with. Times in milliseconds. */
export interface CollectionParts {
  readonly descriptors: Pick<Descriptors, "collect">;
  /** How long they may; 0 keeps all. */
  readonly lifetime: number;
  /** Time between two looks. */
  readonly every: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Descriptors that one transaction deletes: requests wait for no longer than that takes. */
const CHUNK = 100;

/** Collects now and then at every period; the answer ends it, when a transaction that has begun is done. */
export function keepCollected({ descriptors, lifetime, every, clock, logger }: CollectionParts): () => Promise<void> {
  if (lifetime === 0) return async () => {};
  let ended = false;
  const collect = async () => {
    const olderThan = clock.now() - lifetime;
    let deleted = 0;
    try {
      for (let some = CHUNK; some === CHUNK && !ended; deleted += some) {
        some = await descriptors.collect(olderThan, CHUNK);
        await nextTurn();
      }
    } catch (error) {
      logger.warn("descriptors not collected", { error });
    }
    if (deleted > 0) logger.info("unused descriptors deleted", { deleted });
  };
  let running = collect();
  const cancel = clock.every(every, () => {
    running = running.then(collect);
    return running;
  });
  return () => {
    ended = true;
    cancel();
    return running;
  };
}
