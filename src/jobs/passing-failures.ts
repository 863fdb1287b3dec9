/** What becomes of failures in a job: which end it, which fail one of its items, which are waited out. */
import { FacewireError } from "../errors.ts";
import { engineWith } from "../pipeline/engine-decorator.ts";
import { passesByItself } from "../pipeline/passing-failures.ts";
import type { Engine, ItemResult, RunRequest, VideoRunRequest } from "../pipeline/results.ts";

/** Times an item whose time was up is tried: it may have waited behind others, or it may take too long by itself. */
const DEADLINE_TRIES = 3;

/** An item failed for a reason that passes. */
export class ItemToBeTriedAgain extends Error {
  readonly failure: FacewireError;

  constructor(failure: FacewireError) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The failure when it passes by itself, else undefined. */
export function passingFailure(thrown: unknown): FacewireError | undefined {
  if (thrown instanceof ItemToBeTriedAgain) return thrown.failure;
  return thrown instanceof FacewireError && passesByItself(thrown.code) ? thrown : undefined;
}

/** What of the engine a job runs on. */
export type RunningEngine = Pick<Engine, "run" | "runVideo">;

/**
 * The engine for one job: an item that failed for a reason that passes is handed to nobody; its run rejects with
 * {@link ItemToBeTriedAgain} instead.
 */
export function rejectingPassingItems(engine: Engine): Engine {
  const tries = new Map<number, number>();

  function check(item: ItemResult): void {
    const { error, index } = item;
    if (!error) return;
    const failure = FacewireError.fromPublic(error);
    if (passesByItself(error.code)) throw new ItemToBeTriedAgain(failure);
    if (error.code !== "deadline_exceeded") return;
    const tried = (tries.get(index) ?? 0) + 1;
    tries.set(index, tried);
    if (tried < DEADLINE_TRIES) throw new ItemToBeTriedAgain(failure);
    tries.delete(index);
  }

  return engineWith(engine, {
    async run(request: RunRequest) {
      // Items are handed on when all are known to be good: what was told cannot be taken back.
      const items: Parameters<NonNullable<RunRequest["onItem"]>>[] = [];
      const result = await engine.run({ ...request, onItem: (...item) => void items.push(item) });
      for (const item of result.items) check(item);
      for (const item of items) request.onItem?.(...item);
      return result;
    },
    async runVideo(request: VideoRunRequest) {
      let ended: unknown;
      try {
        return await engine.runVideo({
          ...request,
          onItem(item, primary) {
            try {
              check(item);
            } catch (thrown) {
              ended = thrown;
              throw thrown;
            }
            return request.onItem(item, primary);
          },
        });
      } catch (thrown) {
        // Whatever the layers between made of it.
        throw ended ?? thrown;
      }
    },
  });
}
