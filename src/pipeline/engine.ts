/** The engine: pipelines of a folder on inference workers. Pictures in, one answer per request. */
import { ulid } from "ulid";
import type { Actors } from "../actors/actors.ts";
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import { FacewireError, type PublicError } from "../errors.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { PictureLimits } from "../media/limits.ts";
import { StageRegistry } from "../stages/registry.ts";
import { PipelineFolder } from "./catalog.ts";
import { Deployments } from "./deployments.ts";
import { modelsHealth, pipelinesHealth, queueHealth, workersHealth } from "./health.ts";
import type { EngineObserver } from "./observer.ts";
import { pipelineDetail, pipelineSummary } from "./pipeline-views.ts";
import { type Plan, planKey } from "./plan.ts";
import { PlanCosts } from "./plan-costs.ts";
import type { PlannedPipeline } from "./planner.ts";
import { Pool, type PoolSettings } from "./pools.ts";
import { runRequest } from "./request-actor.ts";
import { checkRequest } from "./request-checks.ts";
import type {
  Engine,
  ItemResult,
  PartHealth,
  PipelineDetail,
  PipelineSummary,
  RunRequest,
  RunResult,
} from "./results.ts";
import { Scheduler, type SettledItem } from "./scheduler.ts";
import { InferenceWorkers } from "./workers.ts";

/** What an engine is made of. */
export interface EngineOptions {
  readonly pipelinesDir: string;
  /** Absolute paths of a user's own stage files. */
  readonly stageFiles: readonly string[];
  readonly models: ModelCatalog;
  /** Folder of the prepared model files. */
  readonly modelsCache: string;
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
  readonly actors: Actors;
  readonly deadLetters: DeadLetterSink;
  readonly observer?: EngineObserver;
  /** Whether changed pipeline files are taken up while it runs. */
  readonly watch: boolean;
}

/** Milliseconds between tries to take up pipelines that could not run. */
const RETRY_EVERY = 5_000;
/** See {@link EngineOptions.stuckAfterMs}. */
const STUCK_AFTER = 10_000;
/** Milliseconds that a worker gets to end by itself. */
const WORKER_PATIENCE = 5_000;

/**
 * Starts the workers and takes up every pipeline of the folder. A pipeline that cannot run is listed with its error and
 * keeps nobody else from running. Rejects when the folder or a stage file cannot be read.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const stages = await StageRegistry.load(options.stageFiles);
  const engine = new PipelineEngine(options, stages);
  try {
    await engine.start();
  } catch (thrown) {
    await engine.drain(0);
    throw thrown;
  }
  return engine;
}

class PipelineEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #stages: StageRegistry;
  readonly #folder: PipelineFolder;
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #workers: InferenceWorkers;
  readonly #deployments: Deployments;
  readonly #scheduler: Scheduler;
  readonly #costs = new PlanCosts();
  #retryTimer: ReturnType<typeof setInterval> | undefined;
  #unwatch: () => void = () => {};
  #watchError: string | undefined;
  #draining = false;

  constructor(options: EngineOptions, stages: StageRegistry) {
    this.#options = options;
    this.#stages = stages;
    const { models, pools } = options;
    this.#folder = new PipelineFolder(options.pipelinesDir, { stages, models, pools });
    this.#pools = new Map(Object.entries(pools).map(([name, settings]) => [name, new Pool(name, settings)]));
    this.#workers = new InferenceWorkers({
      size: options.workers,
      itemsPerWorker: options.itemsPerWorker,
      stuckAfterMs: options.stuckAfterMs ?? STUCK_AFTER,
      setup: {
        stageFiles: options.stageFiles,
        cards: models.list(),
        modelFiles: Object.fromEntries(
          models.list().map((card) => [card.name, models.preparedFile(card.name, options.modelsCache)]),
        ),
        limits: options.limits,
      },
      pools: this.#pools,
      onCapacity: () => this.#scheduler.dispatch(),
      onLost: (place, cause) => options.observer?.workerLost?.(place, cause),
      onPlanFailed: (plan, error) => this.#onPlanFailed(plan, error),
    });
    this.#deployments = new Deployments(this.#workers, {
      onChange: (name, version, error) => options.observer?.pipelineChanged?.(name, version, error),
      onDropped: (plan) => this.#costs.forget(planKey(plan)),
    });
    this.#scheduler = new Scheduler({
      workers: this.#workers,
      workerCount: options.workers,
      maxWaiting: options.queue.limit,
      maxBytes: options.queue.maxBytes,
      maxAttempts: options.maxAttempts,
      deadLetters: options.deadLetters,
      costs: this.#costs,
    });
  }

  async start(): Promise<void> {
    await this.#deployments.update(await this.#folder.read());
    if (this.#options.watch) {
      this.#unwatch = this.#folder.watch(
        () => void this.#reload(),
        (error) => {
          this.#watchError = error.message;
        },
      );
    }
    this.#retryTimer = setInterval(() => void this.#deployments.retry(), RETRY_EVERY);
    this.#retryTimer.unref();
  }

  admit(pipeline: string): void {
    const { plan } = this.#available(pipeline);
    this.#counted(pipeline, () => this.#scheduler.admit(plan, 1, 0, plan.deadlineMs));
  }

  async run(request: RunRequest): Promise<RunResult> {
    const startedAt = Date.now();
    this.#available(request.pipeline);
    const { planned, release } = this.#deployments.use(request.pipeline);
    try {
      const { plan } = planned;
      const deadlineMs = checkRequest(request, plan);
      const bytes = request.files.reduce((sum, file) => sum + file.bytes.byteLength, 0);
      this.#counted(plan.name, () =>
        this.#scheduler.admit(plan, request.files.length, bytes, deadlineMs, request.priority),
      );
      return await this.#gather(request, plan, startedAt, startedAt + deadlineMs);
    } finally {
      release();
    }
  }

  pipelines(): readonly PipelineSummary[] {
    return this.#deployments.list().map(pipelineSummary);
  }

  pipeline(name: string): PipelineDetail {
    const { planned } = this.#deployments.running(name);
    return {
      ...pipelineDetail(planned, this.#stages, this.#costs),
      ...pipelineSummary(this.#deployments.get(name)),
    };
  }

  validate(source: string, file = "definition"): PipelineDetail {
    return pipelineDetail(this.#folder.check(source, file), this.#stages, this.#costs);
  }

  health(): Readonly<Record<string, PartHealth>> {
    const entries = this.#deployments.list();
    return {
      workers: workersHealth(this.#workers.counts),
      queue: queueHealth(this.#scheduler.waiting, this.#options.queue.limit, this.#pools),
      models: modelsHealth(entries),
      pipelines: pipelinesHealth(entries, (plan) => this.#workers.failures(plan), this.#watchError === undefined),
    };
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#unwatch();
    clearInterval(this.#retryTimer);
    await this.#scheduler.whenIdle(timeoutMs);
    await this.#workers.stop(WORKER_PATIENCE);
  }

  async #gather(request: RunRequest, plan: Plan, startedAt: number, deadline: number): Promise<RunResult> {
    const { observer, actors } = this.#options;
    const report = (code: FacewireError["code"] | undefined) =>
      observer?.request?.({
        requestId: request.id,
        pipeline: plan.name,
        items: request.files.length,
        startedAt,
        finishedAt: Date.now(),
        code,
        traceparent: request.traceparent,
      });
    try {
      const result = await runRequest({
        actors,
        scheduler: this.#scheduler,
        stages: this.#stages,
        plan,
        request,
        id: ulid(),
        traceparent: request.traceparent,
        startedAt,
        deadline,
        onItem: (item, settled) => this.#onItem(request, plan, item, settled),
      });
      report(undefined);
      return result;
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      report(error.code);
      throw error;
    }
  }

  #onItem(request: RunRequest, plan: Plan, item: ItemResult, settled: SettledItem): void {
    const { outcome, queuedAt, startedAt, attempts } = settled;
    this.#options.observer?.item?.({
      requestId: request.id,
      pipeline: plan.name,
      version: plan.version,
      index: item.index,
      status: item.status,
      code: outcome.error?.code,
      internal: outcome.internal,
      queuedAt,
      startedAt,
      finishedAt: Date.now(),
      decodeMs: outcome.decodeMs,
      stages: outcome.times,
      attempts,
    });
    request.onItem?.(item);
  }

  async #reload(): Promise<void> {
    try {
      await this.#deployments.update(await this.#folder.read());
      this.#watchError = undefined;
    } catch (thrown) {
      this.#watchError = FacewireError.from(thrown).message;
    }
  }

  #onPlanFailed(plan: Plan, error: PublicError): void {
    if (this.#workers.holds(planKey(plan))) return;
    this.#deployments.fail(plan, FacewireError.fromPublic(error));
    this.#scheduler.failWaiting(plan, error);
  }

  #available(name: string): PlannedPipeline {
    if (this.#draining) throw new FacewireError("shutting_down", "The server is stopping.");
    return this.#deployments.running(name).planned;
  }

  /** Runs a check and counts the request as refused when it throws. */
  #counted(pipeline: string, check: () => void): void {
    try {
      check();
    } catch (thrown) {
      this.#options.observer?.refused?.(pipeline, FacewireError.from(thrown).code);
      throw thrown;
    }
  }
}
