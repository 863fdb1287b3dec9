/** Settings of what runs stages, in the units and words of the pipelines. */
import { availableParallelism } from "node:os";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { PictureLimits } from "../media/limits.ts";
import type { LocalInferenceOptions } from "../pipeline/local-inference.ts";
import type { PoolSettings } from "../pipeline/pools.ts";
import type { Settings } from "../settings/schema.ts";

/** Waiting pictures hold at most the bytes of this many bodies of the largest size, whatever their number. */
const QUEUED_BODIES = 8;

/** How the workers of this process are set up. */
export function inferenceOptions(
  settings: Settings,
  models: ModelCatalog,
): Omit<LocalInferenceOptions, "deadLetters" | "onWorkerLost"> {
  return {
    stageFiles: settings.stages.extra,
    models,
    modelsCache: settings.models_cache,
    limits: pictureLimits(settings),
    workers: workerCount(settings),
    itemsPerWorker: settings.inference.items_per_worker,
    maxAttempts: settings.inference.max_attempts,
    pools: poolSettings(settings),
    queue: queueLimits(settings),
  };
}

/**
 * Inference workers: as many as the settings say, or one a core. A process without the role only turns frames of videos into
 * JPEG, for which one is enough.
 */
export function workerCount({ inference, roles }: Settings): number {
  if (inference.workers !== "auto") return inference.workers;
  return roles.includes("inference") ? availableParallelism() : 1;
}

/** Most items and bytes that wait. */
export function queueLimits({ queue, http }: Settings): LocalInferenceOptions["queue"] {
  return { limit: queue.limit, maxBytes: QUEUED_BODIES * http.max_body };
}

/** The named pools with `auto` worked out; also where other processes, of the same kind, run the stages. */
export function poolSettings(settings: Settings): Record<string, PoolSettings> {
  const { workers: wanted } = settings.inference;
  const workers = wanted === "auto" ? availableParallelism() : wanted;
  return Object.fromEntries(
    Object.entries(settings.pools).map(([name, { slots, queue }]) => [
      name,
      { slots: slots === "auto" ? workers : slots, queue },
    ]),
  );
}

function pictureLimits({ pictures }: Settings): PictureLimits {
  return {
    maxBytes: pictures.max_bytes,
    maxPixels: pictures.max_pixels,
    minSide: pictures.min_side,
    decodeTimeoutMs: pictures.decode_timeout,
    truncated: pictures.truncated,
  };
}
