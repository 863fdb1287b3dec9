/**
 * Works on jobs, as many at once as may be, in the order they came: new ones, ones that were given back, and ones whose
 * process is gone. Several processes may do so on one database; each job has one of them at a time.
 */
import type { EventRecorder } from "../events/recorder.ts";
import { ToldEvents } from "../events/told.ts";
import { withEvents } from "../events/with-events.ts";
import type { Logger } from "../observe/logs.ts";
import type { Engine } from "../pipeline/results.ts";
import type { JobContent } from "../store/job-content.ts";
import type { JobRecord } from "../store/job-record.ts";
import type { Holding, JobWork } from "../store/job-work.ts";
import type { Jobs } from "../store/jobs.ts";
import type { JobChanges } from "./changes.ts";
import type { JobFolders } from "./folders.ts";
import type { JobContext } from "./job-context.ts";
import type { Leases } from "./leases.ts";
import type { JobNews } from "./news.ts";
import type { JobOptions } from "./options.ts";
import { rejectingPassingItems } from "./passing-failures.ts";
import { Patience, untilStored } from "./patience.ts";
import { ResultWriter } from "./result-writer.ts";
import { type JobOutcome, runJob } from "./run-job.ts";

/** What a runner works with. */
export interface JobRunnerOptions {
  readonly engine: Engine;
  readonly recorder: EventRecorder;
  readonly jobs: Jobs;
  readonly work: JobWork;
  readonly content: JobContent;
  readonly folders: JobFolders;
  readonly leases: Leases;
  readonly news: JobNews;
  readonly changes: JobChanges;
  readonly logger: Logger;
  /** Jobs at once. */
  readonly concurrent: number;
  /** 0 to 9, of everything jobs ask of the engine. */
  readonly priority: number;
  /** Pictures of one job in hand at once. */
  readonly pictures: number;
  /** Bytes. */
  readonly maxPictureBytes: number;
  /** The data folder whose jobs it can do; undefined where all processes on the database have the same. */
  readonly place: () => Promise<string | undefined>;
}

/** Milliseconds between two looks for jobs that other processes made or left behind. */
const LOOK_EVERY = 1_000;

/** A job this process works on. */
interface RunningJob {
  readonly stop: AbortController;
  readonly cutOff: AbortController;
  readonly ended: Promise<void>;
}

/** See the file's head. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #running = new Map<string, RunningJob>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #taking: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Begins to look for jobs. */
  start(): void {
    this.#timer = setInterval(() => this.wake(), LOOK_EVERY);
    this.wake();
  }

  /** Looks for jobs now. */
  wake(): void {
    this.#taking = this.#taking.then(() => this.#take());
  }

  /** Ends the work on a job that was cancelled, if it is this process that works on it. */
  async cut(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    cutOff(running);
    await running.ended;
  }

  /**
   * Takes no more jobs and gives those it has back behind the item that is done next; what is not done by then is cut off
   * after `timeoutMs` and done again by whoever goes on.
   */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#taking;
    const running = [...this.#running.values()];
    for (const { stop } of running) stop.abort();
    const timer = setTimeout(() => running.forEach(cutOff), timeoutMs);
    await Promise.all(running.map(({ ended }) => ended));
    clearTimeout(timer);
  }

  async #take(): Promise<void> {
    const { work, leases, concurrent, logger } = this.#options;
    try {
      const place = await this.#options.place();
      while (!this.#stopping && this.#running.size < concurrent) {
        const ended = await leases.ended();
        if (!(await work.hasClaimable(leases.owner, ended, place))) return;
        const job = await work.claim(leases.owner, leases.until(), ended, place);
        if (!job) return;
        this.#begin(job);
      }
    } catch (error) {
      // The next look tries again; that the database is away is told by health.
      logger.debug("jobs not looked for", { error });
    }
  }

  #begin(job: JobRecord): void {
    const stop = new AbortController();
    const end = new AbortController();
    const ended = this.#run(job, stop.signal, end.signal)
      .catch((error) => this.#options.logger.error("job not ended", { job: job.id, error }))
      .finally(() => {
        this.#running.delete(job.id);
        if (!this.#stopping) this.wake();
      });
    this.#running.set(job.id, { stop, cutOff: end, ended });
  }

  async #run(job: JobRecord, stop: AbortSignal, end: AbortSignal): Promise<void> {
    const { leases, news, logger, changes } = this.#options;
    const holding: Holding = { id: job.id, owner: leases.owner };
    const letGo = leases.hold(job.id, () => {
      const running = this.#running.get(job.id);
      if (running) cutOff(running);
    });
    logger.info("job begun", { job: job.id, pipeline: job.pipeline, from: job.nextFile });
    try {
      await news.tell(job);
      await news.started(job);
      const context = await this.#context(job, holding, stop, end);
      const outcome = await runJob(context, this.#options.engine);
      await this.#finish(job, holding, outcome, end);
    } finally {
      letGo();
      news.left(job.id);
      changes.changed(job.id);
    }
  }

  async #context(job: JobRecord, holding: Holding, stop: AbortSignal, end: AbortSignal): Promise<JobContext> {
    const { engine, recorder, content, folders, work, news, changes } = this.#options;
    const { priority, pictures: concurrency, maxPictureBytes } = this.#options;
    const events = new ToldEvents(recorder);
    const writer = new ResultWriter({
      job,
      holding,
      work,
      cutOff: end,
      aggregated: aggregatedKeys(engine, job.pipeline),
      told: () => events.settled(),
      onCommit: (progress) => {
        changes.changed(job.id);
        news.progress(job, progress);
      },
    });
    const patience = new Patience({
      signal: stop,
      onWaiting: async (failure, since) => {
        const waitingFor = failure && { ...failure.toPublic(), since: new Date(since).toISOString() };
        await work.setWaiting(holding, waitingFor).catch(() => undefined);
        changes.changed(job.id);
      },
    });
    return {
      job,
      options: job.options as JobOptions,
      engine: withEvents(rejectingPassingItems(engine), events, { job: job.id }),
      content,
      folders,
      writer,
      patience,
      priority,
      concurrency,
      lastVideo: await untilStored(() => content.lastVideo(job.id), end),
      maxPictureBytes,
      stop,
      cutOff: end,
    };
  }

  async #finish(job: JobRecord, holding: Holding, outcome: JobOutcome, end: AbortSignal): Promise<void> {
    const { work, jobs, news, folders, logger } = this.#options;
    switch (outcome.kind) {
      case "lost":
        logger.info("job lost", { job: job.id });
        return;
      case "stopped":
        await untilStored(() => work.release(holding), end);
        logger.info("job given back", { job: job.id });
        return;
      case "completed":
      case "failed": {
        const done = outcome.kind === "completed" ? { aggregate: outcome.aggregate } : { error: outcome.error };
        if (!(await untilStored(() => work.end(holding, { state: outcome.kind, ...done }), end))) return;
        if (outcome.kind === "failed") logger.warn("job failed", { job: job.id, error: outcome.cause });
        else logger.info("job completed", { job: job.id });
        const ended = await jobs.get(job.id);
        if (ended) await news.tell(ended);
        await folders.remove(job.id);
      }
    }
  }
}

function cutOff({ stop, cutOff: end }: RunningJob): void {
  stop.abort();
  end.abort();
}

/** Milliseconds for which the pipeline's aggregate is taken to be what it was. */
const KEYS_FOR = 1_000;

/** The keys of the pipeline's aggregate as they are now: its file may change while the job runs. */
function aggregatedKeys(engine: Engine, pipeline: string): () => readonly string[] {
  let keys: readonly string[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - readAt < KEYS_FOR) return keys;
    readAt = performance.now();
    try {
      keys = Object.keys(engine.pipeline(pipeline).aggregate);
    } catch {
      // It cannot run now; what it aggregated until now is the best guess.
    }
    return keys;
  };
}
