/** The engine: pipelines of a folder on inference workers. Pictures and videos in, one answer per request. */
import type { Actors } from "../actors/actors.ts";
import { FacewireError, type PublicError } from "../errors.ts";
import { StageRegistry } from "../stages/registry.ts";
import { aggregate } from "./aggregate.ts";
import { PipelineFolder } from "./catalog.ts";
import { Deployments } from "./deployments.ts";
import { Dispatcher, type Groups, legKeys } from "./dispatcher.ts";
import { modelsHealth, pipelinesHealth, queueHealth, workersHealth } from "./health.ts";
import { legsOf, type RunsHere } from "./legs.ts";
import { LocalInference, type LocalInferenceOptions } from "./local-inference.ts";
import type { EngineObserver } from "./observer.ts";
import type { ParameterValues } from "./parameters.ts";
import { pipelineDetail, pipelineSummary } from "./pipeline-views.ts";
import type { Plan } from "./plan.ts";
import { RequestSources } from "./request-sources.ts";
import type {
  Engine,
  PartHealth,
  PipelineDetail,
  PipelineSummary,
  PrimaryFace,
  RunRequest,
  RunResult,
  VideoRunRequest,
  VideoRunResult,
} from "./results.ts";
import { RunReports } from "./run-reports.ts";
import { Runs } from "./runs.ts";
import type { VideoSettings } from "./video-sources.ts";

/** When workers take up the pipelines of the start: `wait`: before it has started. `demand`: each when its first request comes. */
export type TakeUp = "wait" | "demand";

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
  readonly #sources: RequestSources;
  readonly #runs: Runs;
  readonly #runsHere: RunsHere;
  #retryTimer: ReturnType<typeof setInterval> | undefined;
  #unwatch: () => void = () => {};
  #watchError: string | undefined;

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
    const dispatcher = new Dispatcher(this.local.scheduler, options.groups);
    const slots = options.workers * options.itemsPerWorker + SPARE_FRAMES;
    this.#sources = new RequestSources(options.video, slots, dispatcher);
    this.#runs = new Runs({
      actors: options.actors,
      stages,
      deployments: this.#deployments,
      dispatcher,
      sources: this.#sources,
      reports: new RunReports(options.observer),
      runsHere: this.#runsHere,
    });
  }

  async start(): Promise<void> {
    await this.#sources.removeLeftovers();
    const readings = await this.#folder.read();
    if (this.#options.takeUp === "demand") this.#deployments.begin(readings);
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

  admit(pipeline: string, parameters?: ParameterValues): void {
    this.#runs.admit(pipeline, parameters);
  }

  run(request: RunRequest): Promise<RunResult> {
    return this.#runs.run(request);
  }

  runVideo(request: VideoRunRequest): Promise<VideoRunResult> {
    return this.#runs.runVideo(request);
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
    this.#unwatch();
    clearInterval(this.#retryTimer);
    const deadline = Date.now() + timeoutMs;
    await this.#runs.drain(timeoutMs);
    await this.local.drain(Math.max(0, deadline - Date.now()));
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
}
