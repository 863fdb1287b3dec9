/** A job as the program sees it, and as its row has it. */
import type { Selectable } from "kysely";
import type { PublicError } from "../errors.ts";
import type { JobsTable } from "./schema.ts";

/** `waiting`: no process works on it now. The last three are its end. */
export const JOB_STATES = ["waiting", "running", "completed", "failed", "cancelled"] as const;
/** One of {@link JOB_STATES}. */
export type JobState = (typeof JOB_STATES)[number];

/** How many results there are, by the status of their items. */
export interface ResultCounts {
  readonly ok: number;
  readonly no_face: number;
  readonly rejected: number;
  readonly failed: number;
}

/** Why a job does not get on. */
export interface WaitingFor extends PublicError {
  /** ISO 8601. */
  readonly since: string;
}

/** What is known of a job. Times are epoch milliseconds. */
export interface JobRecord {
  /** A ULID. */
  readonly id: string;
  readonly state: JobState;
  readonly pipeline: string;
  readonly options: unknown;
  /** Versions of the pipeline that worked on it, in the order they first did. */
  readonly versions: readonly string[];
  /** What the request was made of, as a hash. */
  readonly fingerprint: string;
  readonly files: number;
  readonly bytes: number;
  /** Position of the first file that is not done. */
  readonly nextFile: number;
  readonly counts: ResultCounts;
  /** Results there will be, as far as that is known; videos are estimated. */
  readonly total: number | undefined;
  /** Results a second lately. */
  readonly rate: number | undefined;
  /** Milliseconds that processes worked on it. */
  readonly activeMs: number;
  readonly waitingFor: WaitingFor | undefined;
  readonly error: PublicError | undefined;
  /** Only of completed ones. */
  readonly aggregate: unknown;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** Who works on it. */
  readonly owner: string | undefined;
  /** How many of its life's events were told. */
  readonly announced: number;
}

/** The states that are a job's end. */
export const ENDED_STATES = ["completed", "failed", "cancelled"] as const satisfies readonly JobState[];

/** `announced` of a job whose end was told. */
export const ANNOUNCED_ALL = 2;

/** Owns nothing: a list with it is never empty, which SQL does not allow everywhere. */
export const NOBODY = "";

/** Whether a job in this state will not change any more. */
export function hasEnded(state: JobState): boolean {
  return (ENDED_STATES as readonly JobState[]).includes(state);
}

/** A row as the program sees it. */
export function recordOf(row: Selectable<JobsTable>): JobRecord {
  return {
    id: row.id,
    state: row.state as JobState,
    pipeline: row.pipeline,
    options: JSON.parse(row.options),
    versions: JSON.parse(row.versions) as string[],
    fingerprint: row.fingerprint,
    files: row.files,
    bytes: Number(row.bytes),
    nextFile: row.next_file,
    counts: { ok: row.ok, no_face: row.no_face, rejected: row.rejected, failed: row.failed },
    total: row.total ?? undefined,
    rate: row.rate === null ? undefined : row.rate / 1000,
    activeMs: Number(row.active_ms),
    waitingFor: parsed<WaitingFor>(row.waiting_for),
    error: parsed<PublicError>(row.error),
    aggregate: parsed(row.aggregate),
    createdAt: Date.parse(row.created_at),
    startedAt: time(row.started_at),
    endedAt: time(row.ended_at),
    owner: row.owner ?? undefined,
    announced: row.announced,
  };
}

function parsed<T>(json: string | null): T | undefined {
  return json === null ? undefined : (JSON.parse(json) as T);
}

function time(text: string | null): number | undefined {
  return text === null ? undefined : Date.parse(text);
}

/** As the tables have times: ISO 8601 in UTC, which sorts as text. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
