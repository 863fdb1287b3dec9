/** Jobs, their files and results: see `../jobs.ts` and `../job-content.ts`. */
import type { Kysely } from "kysely";

/** Creates the tables. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("jobs")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("pipeline", "text", (column) => column.notNull())
    .addColumn("options", "text", (column) => column.notNull())
    .addColumn("versions", "text", (column) => column.notNull())
    .addColumn("idempotency_key", "text", (column) => column.unique())
    .addColumn("fingerprint", "text", (column) => column.notNull())
    .addColumn("files", "integer", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addColumn("next_file", "integer", (column) => column.notNull())
    .addColumn("ok", "integer", (column) => column.notNull())
    .addColumn("no_face", "integer", (column) => column.notNull())
    .addColumn("rejected", "integer", (column) => column.notNull())
    .addColumn("failed", "integer", (column) => column.notNull())
    .addColumn("total", "integer")
    .addColumn("rate", "integer")
    .addColumn("active_ms", "bigint", (column) => column.notNull())
    .addColumn("waiting_for", "text")
    .addColumn("error", "text")
    .addColumn("aggregate", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("started_at", "text")
    .addColumn("ended_at", "text")
    .addColumn("owner", "text")
    .addColumn("lease_until", "text")
    .addColumn("announced", "integer", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("jobs_state").on("jobs").columns(["state", "created_at"]).execute();
  await db.schema
    .createTable("job_files")
    .addColumn("job_id", "text", (column) => column.notNull())
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("video", "text")
    .addColumn("best", "text")
    .addPrimaryKeyConstraint("job_files_key", ["job_id", "position"])
    .execute();
  await db.schema
    .createTable("job_results")
    .addColumn("job_id", "text", (column) => column.notNull())
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("file", "integer", (column) => column.notNull())
    .addColumn("item", "text", (column) => column.notNull())
    // PostgreSQL's word; SQLite takes any and keeps bytes as bytes.
    .addColumn("face", "bytea")
    .addPrimaryKeyConstraint("job_results_key", ["job_id", "position"])
    .execute();
}
