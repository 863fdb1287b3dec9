/** Jobs as the settings say: the desk that takes them, the runner that does them, and whoever clears up behind them. */
import type { JobParts } from "../api/native/context.ts";
import { type Clock, systemClock } from "../bus/clock.ts";
import type { EventRecorder } from "../events/recorder.ts";
import { JobChanges } from "../jobs/changes.ts";
import { JobDesk } from "../jobs/desk.ts";
import { JobFolders } from "../jobs/folders.ts";
import { keepJobsInOrder } from "../jobs/housekeeping.ts";
import { LEASE_TIMES, Leases } from "../jobs/leases.ts";
import { JobNews } from "../jobs/news.ts";
import { JobRunner } from "../jobs/runner.ts";
import type { Logger } from "../observe/logs.ts";
import type { Engine, PartHealth } from "../pipeline/results.ts";
import type { Settings } from "../settings/schema.ts";
import type { Store } from "../store/store.ts";

/** Pictures in hand for each worker: one is computed while the next is decoded, and another waits to follow at once. */
const PICTURES_PER_WORKER = 3;

/** What jobs work with. */
export interface JobSurroundings {
  readonly store: Store;
  /** As it is: jobs tell their events themselves. */
  readonly engine: Engine;
  readonly recorder: EventRecorder;
  readonly logger: Logger;
  /** Inference workers. */
  readonly workers: number;
  readonly clock?: Clock;
}

/** Jobs in this process. */
export interface OpenJobs {
  /** For the API. */
  readonly parts: JobParts;
  /** Open jobs of all processes on the database, and how many this one works on at once. */
  health(): Promise<PartHealth>;
  /** Begins to work. */
  start(): void;
  /**
   * Takes no more jobs, lets those go who follow jobs, and gives running jobs back within `timeoutMs`. Uploads that have
   * begun may end.
   */
  stop(timeoutMs: number): Promise<void>;
}

/** Makes them; nothing is done before `start`. */
export function openJobs(settings: Settings, surroundings: JobSurroundings): OpenJobs {
  const { store, engine, recorder, logger, workers, clock = systemClock } = surroundings;
  const { jobs, jobWork: work, jobContent: content } = store;
  const folders = new JobFolders(settings.data_dir);
  const leases = new Leases(work, LEASE_TIMES, clock);
  const news = new JobNews(recorder, jobs);
  const changes = new JobChanges();
  // On PostgreSQL processes of other machines may see the jobs, and not have the files.
  const place = async () => (settings.database.url === "" ? undefined : folders.place());
  const shared = { engine, jobs, content, folders, leases, news, changes, place };
  const runner = new JobRunner({
    ...shared,
    recorder,
    work,
    logger,
    concurrent: settings.jobs.concurrent,
    priority: settings.jobs.priority,
    pictures: workers * PICTURES_PER_WORKER,
    maxPictureBytes: settings.pictures.max_bytes,
  });
  const desk = new JobDesk({ ...shared, runner, waiting: settings.jobs.waiting });
  let endHousekeeping = async () => {};
  return {
    parts: {
      desk,
      limits: {
        maxBody: settings.jobs.max_body,
        maxFiles: settings.jobs.max_files,
        uploadTimeoutMs: settings.jobs.upload_timeout,
      },
    },
    async health() {
      try {
        return { status: "ok", details: { ...(await jobs.countOpen()), concurrent: settings.jobs.concurrent } };
      } catch {
        return { status: "degraded", message: "Jobs do not get on without the database." };
      }
    },
    start() {
      endHousekeeping = keepJobsInOrder({ ...shared, logger, retention: settings.jobs.retention, clock });
      runner.start();
    },
    async stop(timeoutMs) {
      desk.stop();
      await Promise.all([runner.stop(timeoutMs), endHousekeeping()]);
    },
  };
}
