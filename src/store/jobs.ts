/** Jobs: long work that is accepted once and done even when processes end meanwhile. */
import { type Kysely, sql } from "kysely";
import {
  ANNOUNCED_ALL,
  ENDED_STATES,
  iso,
  JOB_STATES,
  type JobRecord,
  type JobState,
  NOBODY,
  recordOf,
} from "./job-record.ts";
import type { JobsTable, Schema } from "./schema.ts";
import { transact } from "./transactions.ts";

/** What is said about a job when its upload begins. */
export interface JobReservation {
  readonly id: string;
  /** The process that takes the upload. */
  readonly owner: string;
  readonly leaseUntil: number;
  /** Most jobs that wait or are being uploaded; undefined for no bound. */
  readonly limit: number | undefined;
  /** The data folder that gets the files; undefined where all processes have the same. */
  readonly place?: string | undefined;
}

/** What makes an upload a job. */
export interface JobAdmission {
  readonly pipeline: string;
  readonly options: unknown;
  readonly key: string | undefined;
  readonly fingerprint: string;
  readonly files: number;
  readonly bytes: number;
  readonly total: number | undefined;
}

/** What to list. */
export interface JobPage {
  /** Most jobs, 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before; from the newest when absent. */
  readonly before?: string;
  readonly state?: JobState;
  readonly pipeline?: string;
}

/** How many jobs have not ended. */
export interface OpenJobCounts {
  /** Nobody works on them now. */
  readonly waiting: number;
  /** A process works on them. */
  readonly running: number;
  /** A process works on them, but cannot get on now. */
  readonly stalled: number;
}

const MOST_ON_A_PAGE = 1_000;
/** States that nobody outside sees: an upload that is not complete yet, and a job that is being deleted. */
const UPLOADING = "uploading";
const REMOVED = "removed";

/** The repository of those who create, show and remove jobs. Methods reject with `store_unavailable`. */
export class Jobs {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;

  constructor(db: Kysely<Schema>, now: () => number = Date.now) {
    this.#db = db;
    this.#now = now;
  }

  /** Keeps a place for a job whose upload begins; false when there is none left. */
  async reserve({ id, owner, leaseUntil, limit, place }: JobReservation): Promise<boolean> {
    return transact(
      this.#db,
      async (db) => {
        const { waiting } = await db
          .selectFrom("jobs")
          .select(sql<number>`count(*)`.as("waiting"))
          .where("state", "in", ["waiting", UPLOADING])
          .executeTakeFirstOrThrow();
        if (limit !== undefined && Number(waiting) >= limit) return false;
        const times = { lease_until: iso(leaseUntil), created_at: iso(this.#now()) };
        const row = { ...EMPTY_ROW, ...times, id, owner, place: place ?? null };
        await db.insertInto("jobs").values(row).execute();
        return true;
      },
      "jobs",
    );
  }

  /**
   * Makes a complete upload a waiting job. When its key was used before, that job is handed back and the upload left as it
   * is. Undefined when the reservation is gone.
   */
  async admit(
    id: string,
    admission: JobAdmission,
  ): Promise<{ readonly job: JobRecord; readonly created: boolean } | undefined> {
    return transact(
      this.#db,
      async (db) => {
        const { key } = admission;
        const known = key === undefined ? undefined : await findByKey(db, key);
        if (known) return { job: known, created: false };
        const row = await db
          .updateTable("jobs")
          .set({
            state: "waiting",
            pipeline: admission.pipeline,
            options: JSON.stringify(admission.options),
            idempotency_key: key ?? null,
            fingerprint: admission.fingerprint,
            files: admission.files,
            bytes: admission.bytes,
            total: admission.total ?? null,
            created_at: iso(this.#now()),
            owner: null,
            lease_until: null,
          })
          .where("id", "=", id)
          .where("state", "=", UPLOADING)
          .returningAll()
          .executeTakeFirst();
        return row && { job: recordOf(row), created: true };
      },
      "jobs",
    );
  }

  /** The job that was created under an idempotency key. */
  findByKey(key: string): Promise<JobRecord | undefined> {
    return findByKey(this.#db, key);
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const row = await this.#visible().where("id", "=", id).executeTakeFirst();
    return row && recordOf(row);
  }

  /** A page, newest first. `next` is there when more follow; jobs that come meanwhile do not shift the pages. */
  async list(page: JobPage): Promise<{ readonly jobs: readonly JobRecord[]; readonly next?: string }> {
    const limit = Math.max(1, Math.min(MOST_ON_A_PAGE, Math.trunc(page.limit)));
    let query = this.#visible().orderBy("id", "desc");
    if (page.before !== undefined) query = query.where("id", "<", page.before);
    if (page.state !== undefined) query = query.where("state", "=", page.state);
    if (page.pipeline !== undefined) query = query.where("pipeline", "=", page.pipeline);
    const rows = await query.limit(limit + 1).execute();
    const jobs = rows.slice(0, limit).map(recordOf);
    const last = jobs.at(-1);
    return rows.length > limit && last ? { jobs, next: last.id } : { jobs };
  }

  /** Counts jobs that have not ended. */
  async countOpen(): Promise<OpenJobCounts> {
    const rows = await this.#db
      .selectFrom("jobs")
      .select(["state", sql<number>`count(*)`.as("jobs"), sql<number>`count(waiting_for)`.as("stalled")])
      .where("state", "in", ["waiting", "running"])
      .groupBy("state")
      .execute();
    const of = (state: JobState) => rows.find((row) => row.state === state);
    const running = of("running");
    const stalled = Number(running?.stalled ?? 0);
    return {
      waiting: Number(of("waiting")?.jobs ?? 0),
      running: Number(running?.jobs ?? 0) - stalled,
      stalled,
    };
  }

  /** Ends a waiting or running job, whoever works on it; undefined when it has ended or is not there. */
  async cancel(id: string): Promise<JobRecord | undefined> {
    const row = await this.#db
      .updateTable("jobs")
      .set({ state: "cancelled", ended_at: iso(this.#now()), owner: null, lease_until: null, waiting_for: null })
      .where("id", "=", id)
      .where("state", "in", ["waiting", "running"])
      .returningAll()
      .executeTakeFirst();
    return row && recordOf(row);
  }

  /** Takes an ended job out of sight; its rows and files are then to be deleted. False when there is no such job. */
  async hide(id: string): Promise<boolean> {
    const result = await this.#db
      .updateTable("jobs")
      .set({ state: REMOVED, idempotency_key: null })
      .where("id", "=", id)
      .where("state", "in", ENDED_STATES)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Hides the jobs that ended before a time (epoch milliseconds). Returns how many. */
  async expire(before: number): Promise<number> {
    const result = await this.#db
      .updateTable("jobs")
      .set({ state: REMOVED, idempotency_key: null })
      .where("state", "in", ENDED_STATES)
      .where("ended_at", "<", iso(before))
      .executeTakeFirst();
    return Number(result.numUpdatedRows);
  }

  /** Ids of what is to be deleted: hidden jobs, and uploads whose process is gone: its lease ran out, or it is in `ended`. */
  async deletable(ended: readonly string[] = []): Promise<readonly string[]> {
    const rows = await this.#db
      .selectFrom("jobs")
      .select("id")
      .where((where) =>
        where.or([
          where("state", "=", REMOVED),
          where.and([
            where("state", "=", UPLOADING),
            where.or([where("lease_until", "<", iso(this.#now())), where("owner", "in", [NOBODY, ...ended])]),
          ]),
        ]),
      )
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Whether the files of a job are still wanted: its upload is under way, or it has not ended. */
  async needsFiles(id: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom("jobs")
      .select("id")
      .where("id", "=", id)
      .where("state", "in", [UPLOADING, "waiting", "running"])
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Jobs whose life has events that nobody told, oldest first: the process that should have has ended. */
  async unannounced(): Promise<readonly JobRecord[]> {
    const rows = await this.#visible()
      .where((where) =>
        where.or([
          where("announced", "=", 0),
          where.and([where("state", "in", ENDED_STATES), where("announced", "<", ANNOUNCED_ALL)]),
        ]),
      )
      .orderBy("id")
      .limit(MOST_ON_A_PAGE)
      .execute();
    return rows.map(recordOf);
  }

  /** Remembers that events were told. */
  async setAnnounced(id: string, announced: number): Promise<void> {
    await this.#db
      .updateTable("jobs")
      .set({ announced })
      .where("id", "=", id)
      .where("announced", "<", announced)
      .execute();
  }

  #visible() {
    return this.#db.selectFrom("jobs").selectAll().where("state", "in", JOB_STATES);
  }
}

const EMPTY_ROW: Omit<JobsTable, "id" | "owner" | "lease_until" | "created_at" | "place"> = {
  state: UPLOADING,
  pipeline: "",
  options: "{}",
  versions: "[]",
  idempotency_key: null,
  fingerprint: "",
  files: 0,
  bytes: 0,
  next_file: 0,
  ok: 0,
  no_face: 0,
  rejected: 0,
  failed: 0,
  total: null,
  rate: null,
  active_ms: 0,
  waiting_for: null,
  error: null,
  aggregate: null,
  started_at: null,
  ended_at: null,
  announced: 0,
};

async function findByKey(db: Kysely<Schema>, key: string): Promise<JobRecord | undefined> {
  const row = await db.selectFrom("jobs").selectAll().where("idempotency_key", "=", key).executeTakeFirst();
  return row && recordOf(row);
}
