/** A process that runs stages for others and answers no requests: no HTTP, no pipelines of its own. */
import { systemClock } from "../bus/clock.ts";
import { deadLetterKeeper } from "../dead-letters/keeper.ts";
import { ModelCatalog } from "../inference/catalog.ts";
import { watchDeadLetters } from "../observe/dead-letter-watch.ts";
import { createLogs, type Logger } from "../observe/logs.ts";
import { LocalInference } from "../pipeline/local-inference.ts";
import type { Settings } from "../settings/schema.ts";
import { openStoreOf } from "../store/store.ts";
import { openBus } from "./bus.ts";
import { inferenceOptions } from "./inference.ts";
import { openPlacement } from "./placement.ts";
import { keepPruned } from "./pruning.ts";
import { rolesOf, servedGroups } from "./roles.ts";

/** A running process. */
export interface InferenceNode {
  readonly groups: readonly string[];
  /** Inference workers it has. */
  readonly workers: number;
  /** Takes nothing more, finishes what it has, at most for `timeoutMs`, and ends. May be called again. */
  stop(timeoutMs?: number): Promise<void>;
}

/**
 * Starts it; resolves when others can give it work. Its dead letters, messages that could not be read, are kept in the
 * database of `data_dir`, which it may share with other processes. Rejects with `config_invalid`, `bus_unavailable`,
 * `card_invalid`, `stage_invalid`, `store_unavailable`.
 */
export async function startInferenceNode(
  settings: Settings,
  options: { readonly logger?: Logger } = {},
): Promise<InferenceNode> {
  rolesOf(settings);
  await using opened = new AsyncDisposableStack();
  const logger =
    options.logger ?? opened.adopt(createLogs({ level: settings.log.level }), (logs) => logs.close()).logger;
  const store = opened.adopt(await openStoreOf(settings), (open) => open.close());
  opened.defer(keepPruned("dead letters", store.deadLetters, settings.dead_letters, logger, systemClock));
  const keeper = deadLetterKeeper(store.deadLetters, settings.dead_letters);
  const deadLetters = watchDeadLetters(keeper, { deadLetter() {} }, logger);

  const models = await ModelCatalog.load(settings.models_dir);
  const bus = opened.adopt(await openBus(settings, deadLetters, logger), (open) => open.close());
  const local = new LocalInference({
    ...inferenceOptions(settings, models),
    deadLetters,
    onWorkerLost: (place, cause) => logger.error("inference worker lost", { worker: place, cause }),
  });
  opened.defer(() => local.drain(0));
  const placement = await openPlacement(settings, { bus, models, costs: local.costs, deadLetters });
  opened.defer(() => placement?.close());
  await placement?.join(local);
  const groups = servedGroups(settings);
  logger.info("working for others", { groups, workers: local.workers.width });

  const parts = opened.move();
  let stopped: Promise<void> | undefined;
  return {
    groups,
    workers: local.workers.width,
    stop(timeoutMs = settings.drain.timeout) {
      stopped ??= (async () => {
        await placement?.leave(timeoutMs);
        await parts.disposeAsync();
      })();
      return stopped;
    },
  };
}
