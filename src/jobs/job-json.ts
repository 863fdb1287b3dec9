/** Jobs as the native API and the command line show them. */
import type { PublicError } from "../errors.ts";
import type { ParameterValues } from "../pipeline/parameters.ts";
import type { AggregateValue, VideoSummary } from "../pipeline/results.ts";
import type { JobRecord, JobState, ResultCounts, WaitingFor } from "../store/job-record.ts";
import type { JobOptions } from "./options.ts";

/** How far a job is. */
export interface JobProgressJson {
  /** Pictures and analysed frames with a result. */
  readonly done: number;
  /** Of how many; for videos an estimate until the job is done, null while nothing is known. */
  readonly total: number | null;
  /** Among those that are done. */
  readonly ok: number;
  readonly no_face: number;
  readonly rejected: number;
  readonly failed: number;
  /** Results a second: lately while it runs, on average once it has ended. */
  readonly rate: number | null;
  readonly time_left_s: number | null;
}

/** A job in a list. */
export interface JobJson {
  readonly id: string;
  readonly state: JobState;
  readonly pipeline: string;
  /** Versions of the pipeline that worked on it; several when its file was changed meanwhile. */
  readonly versions: readonly string[];
  readonly options: JobOptionsJson;
  readonly files: number;
  readonly bytes: number;
  readonly progress: JobProgressJson;
  /** Why it does not get on now. */
  readonly waiting_for?: WaitingFor;
  /** Why it failed. */
  readonly error?: PublicError;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** Time that was worked on it. */
  readonly active_ms: number;
}

/** What a job was asked for. */
export interface JobOptionsJson {
  readonly every?: number;
  readonly rate?: number;
  readonly parameters?: ParameterValues;
  readonly explain?: boolean;
  readonly exif?: boolean;
}

/** A job in full. */
export interface JobDetailJson extends JobJson {
  /** Over the primary faces of all `ok` items; once it is completed. */
  readonly aggregate?: Readonly<Record<string, AggregateValue | null>>;
  /** The videos that are done, at most 100. */
  readonly videos?: readonly VideoSummary[];
  /** How many more there are. */
  readonly videos_left_out?: number;
}

/** A job as it is shown in lists. */
export function jobJson(job: JobRecord): JobJson {
  const { sampling, parameters, explain, exif } = job.options as JobOptions;
  return {
    id: job.id,
    state: job.state,
    pipeline: job.pipeline,
    versions: job.versions,
    options: {
      ...sampling,
      ...(parameters ? { parameters } : {}),
      ...(explain ? { explain } : {}),
      ...(exif ? { exif } : {}),
    },
    files: job.files,
    bytes: job.bytes,
    progress: progressNumbers({ ...job, rate: job.endedAt === undefined ? job.rate : meanRate(job) }),
    ...(job.waitingFor ? { waiting_for: job.waitingFor } : {}),
    ...(job.error ? { error: job.error } : {}),
    created_at: new Date(job.createdAt).toISOString(),
    started_at: timeText(job.startedAt),
    ended_at: timeText(job.endedAt),
    active_ms: job.activeMs,
  };
}

/** The numbers of a job's progress. */
export function progressNumbers(progress: {
  readonly counts: ResultCounts;
  readonly total: number | undefined;
  readonly rate: number | undefined;
  readonly endedAt?: number | undefined;
}): JobProgressJson {
  const { counts, rate, endedAt } = progress;
  const done = counts.ok + counts.no_face + counts.rejected + counts.failed;
  // A video may have more frames than it said.
  const total = progress.total === undefined ? null : Math.max(progress.total, done);
  const left = total === null || !rate || endedAt !== undefined ? null : (total - done) / rate;
  return {
    done,
    total,
    ...counts,
    rate: rate === undefined ? null : tenths(rate),
    time_left_s: left === null ? null : tenths(left),
  };
}

function meanRate({ counts, activeMs }: JobRecord): number | undefined {
  const done = counts.ok + counts.no_face + counts.rejected + counts.failed;
  return activeMs > 0 ? (done * 1000) / activeMs : undefined;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function timeText(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
