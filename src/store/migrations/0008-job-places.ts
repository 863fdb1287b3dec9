/** Where the files of jobs lie: see `../jobs.ts`. */
import type { Kysely } from "kysely";

/** Adds the column; the files of jobs from before are with whoever looks. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("place", "text").execute();
}
