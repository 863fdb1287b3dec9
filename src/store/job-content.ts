/** The files and results of jobs. */
import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

/** What a file of a job is. */
export type JobFileKind = "picture" | "video";

/** A file of a job. */
export interface JobFile {
  /** In the order they were sent, from 0; also its name in the job's folder. */
  readonly position: number;
  /** As sent. */
  readonly name: string;
  readonly bytes: number;
  readonly kind: JobFileKind;
}

/** A file with what is known of its video. */
export interface StoredJobFile extends JobFile {
  /** What came of a video that is done, JSON. */
  readonly video: string | undefined;
  /** The best frame so far of a video that is not, JSON. */
  readonly best: string | undefined;
}

/** A result as it is shown. */
export interface StoredResult {
  readonly position: number;
  readonly file: number;
  /** JSON. */
  readonly item: string;
}

/** Rows a statement inserts or deletes, so that none holds the database for long. */
const ROWS_AT_ONCE = 1_000;
/** Results read together; one with `explain` may have hundreds of kilobytes. */
const RESULTS_AT_ONCE = 25;
/** Characters of results after which a page is full: it is put together in memory. */
export const LARGE_PAGE = 4 * 1024 * 1024;

/** The repository. Methods reject with `store_unavailable`. */
export class JobContent {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Adds files to an upload; they count once the job is admitted. */
  async addFiles(jobId: string, files: readonly JobFile[]): Promise<void> {
    const rows = files.map((file) => ({ job_id: jobId, ...file, video: null, best: null }));
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
      await this.#db
        .insertInto("job_files")
        .values(rows.slice(at, at + ROWS_AT_ONCE))
        .execute();
    }
  }

  /** Files in their order, from a position on. */
  async files(jobId: string, from: number, limit: number): Promise<readonly StoredJobFile[]> {
    const rows = await this.#db
      .selectFrom("job_files")
      .selectAll()
      .where("job_id", "=", jobId)
      .where("position", ">=", from)
      .orderBy("position")
      .limit(limit)
      .execute();
    return rows.map(({ position, name, bytes, kind, video, best }) => ({
      position,
      name,
      bytes: Number(bytes),
      kind: kind as JobFileKind,
      video: video ?? undefined,
      best: best ?? undefined,
    }));
  }

  /** What came of the first videos that are done, JSON, in the order of the files, and how many more there are. */
  async videos(
    jobId: string,
    limit: number,
  ): Promise<{ readonly summaries: readonly string[]; readonly more: number }> {
    const done = this.#db.selectFrom("job_files").where("job_id", "=", jobId).where("video", "is not", null);
    const rows = await done.select("video").orderBy("position").limit(limit).execute();
    const summaries = rows.flatMap(({ video }) => video ?? []);
    if (rows.length < limit) return { summaries, more: 0 };
    const { all } = await done.select(sql<number>`count(*)`.as("all")).executeTakeFirstOrThrow();
    return { summaries, more: Number(all) - rows.length };
  }

  /**
   * Results in their order, behind a position (-1: from the first): at most `limit`, and no more once they have
   * {@link LARGE_PAGE} characters. Only where nothing is left there are none.
   */
  async results(jobId: string, after: number, limit: number): Promise<readonly StoredResult[]> {
    const results: StoredResult[] = [];
    for (let characters = 0; results.length < limit && characters < LARGE_PAGE; ) {
      const count = Math.min(RESULTS_AT_ONCE, limit - results.length);
      const rows = await this.#db
        .selectFrom("job_results")
        .select(["position", "file", "item"])
        .where("job_id", "=", jobId)
        .where("position", ">", results.at(-1)?.position ?? after)
        .orderBy("position")
        .limit(count)
        .execute();
      results.push(...rows);
      for (const { item } of rows) characters += item.length;
      if (rows.length < count) break;
    }
    return results;
  }

  /** How many results came from a file, and the last of them, JSON. */
  async resultsOf(
    jobId: string,
    file: number,
  ): Promise<{ readonly frames: number; readonly last: string | undefined }> {
    const ofFile = this.#db.selectFrom("job_results").where("job_id", "=", jobId).where("file", "=", file);
    const { frames } = await ofFile.select(sql<number>`count(*)`.as("frames")).executeTakeFirstOrThrow();
    const last = await ofFile.select("item").orderBy("position", "desc").limit(1).executeTakeFirst();
    return { frames: Number(frames), last: last?.item };
  }

  /** Position of the last video among the files; undefined when there is none. */
  async lastVideo(jobId: string): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom("job_files")
      .select("position")
      .where("job_id", "=", jobId)
      .where("kind", "=", "video")
      .orderBy("position", "desc")
      .limit(1)
      .executeTakeFirst();
    return row?.position;
  }

  /** The packed primary faces behind a position, in order, with their positions. */
  async faces(
    jobId: string,
    after: number,
    limit: number,
  ): Promise<readonly { readonly position: number; readonly face: Uint8Array }[]> {
    const rows = await this.#db
      .selectFrom("job_results")
      .select(["position", "face"])
      .where("job_id", "=", jobId)
      .where("position", ">", after)
      .where("face", "is not", null)
      .orderBy("position")
      .limit(limit)
      .execute();
    return rows.flatMap(({ position, face }) => (face === null ? [] : [{ position, face }]));
  }

  /** Deletes everything of a job, its own row last, in steps that leave room for others. */
  async delete(jobId: string): Promise<void> {
    for (const table of ["job_results", "job_files"] as const) {
      for (;;) {
        const edge = await this.#db
          .selectFrom(table)
          .select("position")
          .where("job_id", "=", jobId)
          .orderBy("position")
          .offset(ROWS_AT_ONCE)
          .limit(1)
          .executeTakeFirst();
        let rows = this.#db.deleteFrom(table).where("job_id", "=", jobId);
        if (edge) rows = rows.where("position", "<", edge.position);
        await rows.execute();
        if (!edge) break;
      }
    }
    await this.#db.deleteFrom("jobs").where("id", "=", jobId).execute();
  }
}
