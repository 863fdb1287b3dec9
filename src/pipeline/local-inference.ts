/** What runs items in this process: workers, the line in front of them, pools, and what plans cost lately. */
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import type { PublicError } from "../errors.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { ModelScript } from "../inference/scripted/script.ts";
import type { PictureLimits } from "../media/limits.ts";
import { type Plan, planKey } from "./plan.ts";
import { PlanCosts } from "./plan-costs.ts";
import { Pool, type PoolSettings } from "./pools.ts";
import { Scheduler } from "./scheduler.ts";
import { InferenceWorkers } from "./workers.ts";

/** How much of it there is. */
export interface LocalInferenceOptions {
  /** Absolute paths of a user's own stage files. */
  readonly stageFiles: readonly string[];
  readonly models: ModelCatalog;
  /** Folder of the prepared model files. */
  readonly modelsCache: string;
  /** Stand-ins for models, by card name; for tests. */
  readonly scripts?: Readonly<Record<string, ModelScript>>;
  readonly limits: PictureLimits;
  /** Inference threads; one a core is best. */
  readonly workers: number;
  readonly itemsPerWorker: number;
  /** Tries before an item on which a stage fails or a worker dies is given up. */
  readonly maxAttempts: number;
  /** Milliseconds after an item's deadline at which a worker that has not answered is replaced; 10 s by default. */
  readonly stuckAfterMs?: number;
  readonly pools: Readonly<Record<string, PoolSettings>>;
  readonly queue: { readonly limit: number; readonly maxBytes: number };
  readonly deadLetters: DeadLetterSink;
  /** Learns what plans cost; one of its own when absent. */
  readonly costs?: PlanCosts;
  onWorkerLost?(place: number, cause: string): void;
}

/** Told when a worker cannot take up a plan that others hold or held. */
export type PlanFailureListener = (plan: Plan, error: PublicError) => void;

/** See {@link LocalInferenceOptions.stuckAfterMs}. */
const STUCK_AFTER = 10_000;
/** Milliseconds that a worker gets to end by itself. */
const WORKER_PATIENCE = 5_000;

/** See the file's head. */
export class LocalInference {
  readonly workers: InferenceWorkers;
  readonly scheduler: Scheduler;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly costs: PlanCosts;
  readonly #listeners = new Set<PlanFailureListener>();

  constructor(options: LocalInferenceOptions) {
    const { models, modelsCache, pools } = options;
    this.costs = options.costs ?? new PlanCosts();
    this.pools = new Map(Object.entries(pools).map(([name, settings]) => [name, new Pool(name, settings)]));
    this.workers = new InferenceWorkers({
      size: options.workers,
      itemsPerWorker: options.itemsPerWorker,
      stuckAfterMs: options.stuckAfterMs ?? STUCK_AFTER,
      setup: {
        stageFiles: options.stageFiles,
        cards: models.list(),
        modelFiles: Object.fromEntries(models.list().map(({ name }) => [name, models.preparedFile(name, modelsCache)])),
        scripts: options.scripts ?? {},
        limits: options.limits,
      },
      pools: this.pools,
      onCapacity: () => this.scheduler.dispatch(),
      onLost: (place, cause) => options.onWorkerLost?.(place, cause),
      onPlanFailed: (plan, error) => this.#onPlanFailed(plan, error),
    });
    this.scheduler = new Scheduler({
      places: this.workers,
      maxWaiting: options.queue.limit,
      maxBytes: options.queue.maxBytes,
      maxAttempts: options.maxAttempts,
      deadLetters: options.deadLetters,
      costs: this.costs,
    });
  }

  /** Calls `listener` when no worker holds a plan any more; its waiting items are failed. Returns what takes it off. */
  onPlanFailed(listener: PlanFailureListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Finishes what was taken, at most for `timeoutMs`, then stops the workers. */
  async drain(timeoutMs: number): Promise<void> {
    await this.scheduler.whenIdle(timeoutMs);
    await this.workers.stop(WORKER_PATIENCE);
  }

  #onPlanFailed(plan: Plan, error: PublicError): void {
    if (this.workers.holds(planKey(plan))) return;
    for (const listener of this.#listeners) listener(plan, error);
    this.scheduler.failWaiting(plan, error);
  }
}
