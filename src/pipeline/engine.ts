/** The engine: pipelines of a folder on inference workers. Pictures and videos in, one answer per request. */
import { ulid } from "ulid";
import type { Actors } from "../actors/actors.ts";
import { type ErrorCode, FacewireError, type PublicError } from "../errors.ts";
import { StageRegistry } from "../stages/registry.ts";
import { aggregate, aggregatedParts, primaryFace } from "./aggregate.ts";
import { PipelineFolder } from "./catalog.ts";
import { Deployments } from "./deployments.ts";
import { Dispatcher, type Groups, legKeys } from "./dispatcher.ts";
import { modelsHealth, pipelinesHealth, queueHealth, workersHealth } from "./health.ts";
import { type Leg, legsOf, type RunsHere } from "./legs.ts";
import { LocalInference, type LocalInferenceOptions } from "./local-inference.ts";
import type { EngineObserver } from "./observer.ts";
import { pipelineDetail, pipelineSummary } from "./pipeline-views.ts";
import type { Plan } from "./plan.ts";
import { runRequest } from "./request-actor.ts";
import { checkPriority, checkRequest } from "./request-checks.ts";
import { hasVideo, RequestSources } from "./request-sources.ts";
import type {
  Engine,
  ItemResult,
  PartHealth,
  PipelineDetail,
  PipelineSummary,
  PrimaryFace,
  RunRequest,
  RunResult,
  VideoRunRequest,
  VideoRunResult,
} from "./results.ts";
import { RunErrors, runError } from "./run-error.ts";
import type { SettledItem } from "./scheduler.ts";
import type { VideoSettings } from "./video-sources.ts";

/**
 * When workers take up the pipelines of the start. `wait`: before it has started. `background`: from the start on, and the
 * first requests to a pipeline wait for it. `demand`: each when its first request comes.
 */
export type TakeUp = "wait" | "background" | "demand";

/** What an engine is made of. */
export interface EngineOptions extends Omit<LocalInferenceOptions, "onWorkerLost"> {
  readonly pipelinesDir: string;
  readonly video: VideoSettings;
  readonly actors: Actors;
  readonly observer?: EngineObserver;
  /** Whether changed pipeline files are taken up while it runs. */
  readonly watch: boolean;
  /** `wait` when absent. */
  readonly takeUp?: TakeUp;
  /** Processes elsewhere; without it every stage runs here. */
  readonly groups?: Groups;
  /** Which stages run here; all when absent. */
  readonly runsHere?: RunsHere;
}

/** A running engine and what it runs on, which other parts of the process may share. */
export interface StartedEngine extends Engine {
  readonly local: LocalInference;
}

/** Milliseconds between tries to take up pipelines that could not run. */
const RETRY_EVERY = 5_000;
/** Frames of a video that are in memory beside those in the workers' hands: one being read, one about to be handed out. */
const SPARE_FRAMES = 2;

/**
 * Starts the workers and takes up every pipeline of the folder. A pipeline that cannot run is listed with its error and
 * keeps nobody else from running. Rejects when the folder or a stage file cannot be read.
 */
export async function startEngine(options: EngineOptions): Promise<StartedEngine> {
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

class PipelineEngine implements StartedEngine {
  readonly local: LocalInference;
  readonly #options: EngineOptions;
  readonly #stages: StageRegistry;
  readonly #folder: PipelineFolder;
  readonly #deployments: Deployments;
  readonly #dispatcher: Dispatcher;
  readonly #sources: RequestSources;
  readonly #runsHere: RunsHere;
  #retryTimer: ReturnType<typeof setInterval> | undefined;
  #unwatch: () => void = () => {};
  #watchError: string | undefined;
  #draining = false;

  constructor(options: EngineOptions, stages: StageRegistry) {
    this.#options = options;
    this.#stages = stages;
    const { models, pools } = options;
    this.#runsHere = options.runsHere ?? (() => true);
    this.#folder = new PipelineFolder(options.pipelinesDir, { stages, models, pools });
    this.local = new LocalInference({
      ...options,
      onWorkerLost: (place, cause) => options.observer?.workerLost?.(place, cause),
    });
    this.local.onPlanFailed((plan, error) => this.#onPlanFailed(plan, error));
    this.#deployments = new Deployments(this.local.workers, options.groups, this.#runsHere, {
      onChange: (name, version, error) => options.observer?.pipelineChanged?.(name, version, error),
      onDropped: (legs) => {
        for (const key of legKeys(legs)) this.local.costs.forget(key);
      },
    });
    this.#dispatcher = new Dispatcher(this.local.scheduler, options.groups);
    const slots = options.workers * options.itemsPerWorker + SPARE_FRAMES;
    this.#sources = new RequestSources(options.video, slots, this.#dispatcher);
  }

  async start(): Promise<void> {
    const readings = await this.#folder.read();
    const { takeUp = "wait" } = this.#options;
    if (takeUp === "background") this.#deployments.begin(readings, "now");
    else if (takeUp === "demand") this.#deployments.begin(readings, "demand");
    else await this.#deployments.update(readings);
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
    const legs = legsOf(plan, this.#runsHere);
    this.#counted(pipeline, () => this.#dispatcher.admit(legs, 1, 0, plan.deadlineMs));
  }

  async run(request: RunRequest): Promise<RunResult> {
    const startedAt = Date.now();
    const { plan, legs, release } = await this.#use(request.pipeline);
    try {
      const deadlineMs = checkRequest(request, plan, hasVideo(request.files));
      const deadline = startedAt + deadlineMs;
      const sources = this.#sources.of({ request, plan, legs }, deadline);
      const bytes = request.files.reduce((sum, file) => sum + file.bytes.byteLength, 0);
      this.#counted(plan.name, () =>
        this.#dispatcher.admit(legs, request.files.length, bytes, deadlineMs, request.priority),
      );
      return await this.#reported(request, plan, startedAt, async () => {
        const result = await runRequest({
          actors: this.#options.actors,
          dispatcher: this.#dispatcher,
          stages: this.#stages,
          plan,
          legs,
          request,
          sources,
          id: ulid(),
          traceparent: request.traceparent,
          startedAt,
          deadline,
          onItem: (item, settled, primary) => {
            this.#report(request, plan, item, settled);
            request.onItem?.(item, primary);
          },
        });
        return { value: result, items: result.items.length, code: runError(result.items)?.code };
      });
    } finally {
      release();
    }
  }

  async runVideo(request: VideoRunRequest): Promise<VideoRunResult> {
    const startedAt = Date.now();
    const { plan, legs, release } = await this.#use(request.pipeline);
    const end = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, end.signal]) : end.signal;
    try {
      checkPriority(request.priority);
      this.#counted(plan.name, () => this.#dispatcher.admit(legs, 1, 0, plan.deadlineMs, request.priority));
      return await this.#reported(request, plan, startedAt, async () => {
        const video = await this.#sources.open({ request, plan, legs }, signal);
        request.onInfo?.(video.facts, request.sampling ?? plan.sampling);
        const primaries: PrimaryFace[] = [];
        let items = 0;
        const errors = new RunErrors();
        for await (const { result, settled } of video.results()) {
          items++;
          errors.add(result);
          this.#report(request, plan, result, settled);
          const primary = result.status === "ok" ? primaryFace(settled.outcome.faces) : undefined;
          if (primary) primaries.push(aggregatedParts(plan, this.#stages, primary));
          await request.onItem(result, primary);
        }
        const value = {
          request: request.id,
          pipeline: plan.name,
          version: plan.version,
          video: video.summary(),
          aggregate: aggregate(
            plan,
            this.#stages,
            primaries.map((face) => [face]),
          ),
          elapsed_ms: Date.now() - startedAt,
        };
        return { value, items, code: errors.error?.code };
      });
    } finally {
      end.abort();
      release();
    }
  }

  aggregate(pipeline: string, faces: readonly PrimaryFace[]): RunResult["aggregate"] {
    const { plan } = this.#deployments.running(pipeline);
    return aggregate(
      plan,
      this.#stages,
      faces.map((face) => [face]),
    );
  }

  pipelines(): readonly PipelineSummary[] {
    return this.#deployments.list().map(pipelineSummary);
  }

  pipeline(name: string): PipelineDetail {
    const planned = this.#deployments.running(name);
    return {
      ...pipelineDetail(planned, this.#stages, this.local.costs, legKeys(legsOf(planned.plan, this.#runsHere))),
      ...pipelineSummary(this.#deployments.get(name)),
    };
  }

  validate(source: string, file = "definition"): PipelineDetail {
    return pipelineDetail(this.#folder.check(source, file), this.#stages, this.local.costs);
  }

  health(): Readonly<Record<string, PartHealth>> {
    const entries = this.#deployments.list();
    const { workers, scheduler, pools } = this.local;
    const failures = (plan: Plan) => legsOf(plan, this.#runsHere).flatMap((leg) => workers.failures(leg.plan));
    return {
      workers: workersHealth(workers.counts),
      queue: queueHealth(scheduler.waiting, this.#options.queue.limit, pools),
      models: modelsHealth(entries),
      pipelines: pipelinesHealth(entries, failures, this.#watchError === undefined),
      ...this.#options.groups?.health(),
    };
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#unwatch();
    clearInterval(this.#retryTimer);
    const deadline = Date.now() + timeoutMs;
    await this.#dispatcher.whenIdle(timeoutMs);
    await this.local.drain(Math.max(0, deadline - Date.now()));
  }

  /** The version a new request runs on, taken up; `release` when the request is done. */
  async #use(pipeline: string): Promise<{ plan: Plan; legs: readonly Leg[]; release(): void }> {
    const { plan } = this.#available(pipeline);
    await inTime(this.#deployments.ready(pipeline), plan.deadlineMs);
    const { planned, legs, release } = this.#deployments.use(pipeline);
    return { plan: planned.plan, legs, release };
  }

  /** Does the work of a request and reports how it ended. */
  async #reported<T>(
    request: Pick<RunRequest, "id" | "traceparent">,
    plan: Plan,
    startedAt: number,
    work: () => Promise<{ readonly value: T; readonly items: number; readonly code: ErrorCode | undefined }>,
  ): Promise<T> {
    const report = (items: number, code: ErrorCode | undefined) =>
      this.#options.observer?.request?.({
        requestId: request.id,
        pipeline: plan.name,
        items,
        startedAt,
        finishedAt: Date.now(),
        code,
        traceparent: request.traceparent,
      });
    try {
      const { value, items, code } = await work();
      report(items, code);
      return value;
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      report(0, error.code);
      throw error;
    }
  }

  #report(request: Pick<RunRequest, "id">, plan: Plan, item: ItemResult, settled: SettledItem): void {
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
    this.#deployments.fail(plan, FacewireError.fromPublic(error));
  }

  #available(name: string): { readonly plan: Plan } {
    if (this.#draining) throw new FacewireError("shutting_down", "The server is stopping.");
    return this.#deployments.running(name);
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

/** Waits for pipelines that are taken up, as long as a request may wait at all. */
async function inTime(ready: Promise<void>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new FacewireError("deadline_exceeded", "The pipeline's models were not loaded by the deadline."));
  }, timeoutMs);
  try {
    await Promise.race([ready, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
