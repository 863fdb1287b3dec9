/**
 * What a process does to the jobs it works on. A job belongs to one process at a time, which renews its lease; when the
 * lease has run out another may take the job. Every write says who writes, so that a process that was thought dead and
 * comes back changes nothing: such writes answer false.
 */
import { type ExpressionBuilder, type Kysely, sql, type UpdateObject } from "kysely";
import type { PublicError } from "../errors.ts";
import {
  iso,
  type JobRecord,
  type JobState,
  NOBODY,
  type ResultCounts,
  recordOf,
  type WaitingFor,
} from "./job-record.ts";
import type { Schema } from "./schema.ts";
import { transact } from "./transactions.ts";

/** A job and who works on it. */
export interface Holding {
  readonly id: string;
  readonly owner: string;
}

/** A result to be kept. */
export interface NewResult {
  /** Among all results of the job, from 0, without gaps. */
  readonly position: number;
  /** Position of the file it came from. */
  readonly file: number;
  /** JSON as it is shown. */
  readonly item: string;
  /** The primary face for the aggregate, packed. */
  readonly face: Uint8Array | undefined;
}

/** What is committed together. */
export interface JobCommit {
  readonly results: readonly NewResult[];
  /** How many results there are with these. */
  readonly counts: ResultCounts;
  /** Position of the first file that is not done. */
  readonly nextFile: number;
  readonly total: number | undefined;
  /** Results a second lately. */
  readonly rate: number | undefined;
  readonly activeMs: number;
  readonly versions: readonly string[];
  /** The best frame so far of a video, JSON. */
  readonly best?: { readonly file: number; readonly json: string };
  /** What came of a video that is done, JSON. */
  readonly video?: { readonly file: number; readonly json: string };
}

/** How a job ends. */
export interface JobEnd {
  readonly state: Extract<JobState, "completed" | "failed">;
  readonly error?: PublicError;
  readonly aggregate?: unknown;
}

/** Rows a statement inserts: SQLite takes 32,766 values in one. */
const ROWS_AT_ONCE = 500;

/** The repository of those who run jobs. Methods reject with `store_unavailable`. */
export class JobWork {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;

  constructor(db: Kysely<Schema>, now: () => number = Date.now) {
    this.#db = db;
    this.#now = now;
  }

  /** Who holds a job or an upload now. */
  async owners(): Promise<readonly string[]> {
    const rows = await this.#db
      .selectFrom("jobs")
      .select("owner")
      .distinct()
      .where("state", "in", ["uploading", "running"])
      .execute();
    return rows.flatMap(({ owner }) => owner ?? []);
  }

  /** Whether there is a job that {@link claim} would give. Reads only, so that asking often costs little. */
  async hasClaimable(owner: string, ended: readonly string[] = [], place?: string): Promise<boolean> {
    return (await this.#claimable(this.#db, owner, ended, place)) !== undefined;
  }

  /**
   * Takes the job that came first among those nobody works on; undefined when there is none. `ended`: holders whose leases
   * mean nothing any more. `place`: only jobs whose files are there.
   */
  async claim(
    owner: string,
    leaseUntil: number,
    ended: readonly string[] = [],
    place?: string,
  ): Promise<JobRecord | undefined> {
    return transact(
      this.#db,
      async (db) => {
        const found = await this.#claimable(db, owner, ended, place);
        if (!found) return undefined;
        const row = await db
          .updateTable("jobs")
          .set({
            state: "running",
            owner,
            lease_until: iso(leaseUntil),
            started_at: sql<string>`coalesce(started_at, ${iso(this.#now())})`,
            waiting_for: null,
            rate: null,
          })
          .where("id", "=", found.id)
          .returningAll()
          .executeTakeFirstOrThrow();
        return recordOf(row);
      },
      "jobs",
    );
  }

  /** Renews the leases of everything an owner holds; resolves with the ids of the jobs it still works on. */
  async renew(owner: string, leaseUntil: number): Promise<readonly string[]> {
    const rows = await this.#db
      .updateTable("jobs")
      .set({ lease_until: iso(leaseUntil) })
      .where("owner", "=", owner)
      .where("state", "in", ["uploading", "running"])
      .returning("id")
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Keeps results and how far the job is. */
  async commit(holding: Holding, commit: JobCommit): Promise<boolean> {
    return transact(this.#db, async (db) => {
      const held = await this.#update(db, holding, {
        ...commit.counts,
        next_file: commit.nextFile,
        total: commit.total ?? null,
        rate: commit.rate === undefined ? null : Math.round(commit.rate * 1000),
        active_ms: Math.round(commit.activeMs),
        versions: JSON.stringify(commit.versions),
      });
      if (!held) return false;
      const rows = commit.results.map(({ face, ...result }) => ({ job_id: holding.id, ...result, face: face ?? null }));
      for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
        await db
          .insertInto("job_results")
          .values(rows.slice(at, at + ROWS_AT_ONCE))
          .execute();
      }
      const { best, video } = commit;
      if (best) await setFile(db, holding.id, best.file, { best: best.json });
      if (video) await setFile(db, holding.id, video.file, { video: video.json, best: null });
      return true;
    });
  }

  /** Says why the job does not get on, or that it does again. */
  async setWaiting(holding: Holding, waitingFor: WaitingFor | undefined): Promise<boolean> {
    return this.#update(this.#db, holding, {
      waiting_for: waitingFor === undefined ? null : JSON.stringify(waitingFor),
      rate: null,
    });
  }

  /** Ends a job. */
  async end(holding: Holding, end: JobEnd): Promise<boolean> {
    return this.#update(this.#db, holding, {
      state: end.state,
      error: end.error === undefined ? null : JSON.stringify(end.error),
      aggregate: end.aggregate === undefined ? null : JSON.stringify(end.aggregate),
      // What was estimated is known now.
      ...(end.state === "completed" ? { total: sql<number>`ok + no_face + rejected + failed` } : {}),
      ended_at: iso(this.#now()),
      waiting_for: null,
      rate: null,
      owner: null,
      lease_until: null,
    });
  }

  /** Gives a job back unfinished, so that another process may go on with it at once. */
  async release(holding: Holding): Promise<boolean> {
    return this.#update(this.#db, holding, {
      state: "waiting",
      waiting_for: null,
      rate: null,
      owner: null,
      lease_until: null,
    });
  }

  async #update(db: Kysely<Schema>, { id, owner }: Holding, values: UpdateObject<Schema, "jobs">): Promise<boolean> {
    const result = await db
      .updateTable("jobs")
      .set(values)
      .where("id", "=", id)
      .where("owner", "=", owner)
      .where("state", "=", "running")
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  #claimable(db: Kysely<Schema>, owner: string, ended: readonly string[], place: string | undefined) {
    const here = (where: ExpressionBuilder<Schema, "jobs">) => {
      const anywhere = where("place", "is", null);
      return place === undefined ? anywhere : where.or([anywhere, where("place", "=", place)]);
    };
    return db
      .selectFrom("jobs")
      .select("id")
      .where(here)
      .where((where) =>
        where.or([
          where("state", "=", "waiting"),
          where.and([
            where("state", "=", "running"),
            // An owner that was held up for long still works on it, unless somebody else was quicker.
            where("owner", "!=", owner),
            where.or([where("lease_until", "<", iso(this.#now())), where("owner", "in", [NOBODY, ...ended])]),
          ]),
        ]),
      )
      .orderBy("created_at")
      .orderBy("id")
      .limit(1)
      .executeTakeFirst();
  }
}

async function setFile(
  db: Kysely<Schema>,
  id: string,
  position: number,
  values: { readonly best?: string | null; readonly video?: string },
): Promise<void> {
  await db.updateTable("job_files").set(values).where("job_id", "=", id).where("position", "=", position).execute();
}
