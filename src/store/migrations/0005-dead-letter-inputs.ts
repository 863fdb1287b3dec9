/** What dead letters are about, so that they can be tried again: see `../dead-letters.ts`. */
import type { Kysely } from "kysely";

/** Creates the table and the columns of retries. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ["pipeline", "retried_at", "claim", "claimed_until"]) {
    await db.schema.alterTable("dead_letters").addColumn(column, "text").execute();
  }
  await db.schema
    .createTable("dead_letter_inputs")
    .addColumn("letter_id", "text", (column) =>
      column.primaryKey().references("dead_letters.id").onDelete("cascade").notNull(),
    )
    // Before the content, so that adding sizes up does not read megabytes.
    .addColumn("size", "integer", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("wishes", "text", (column) => column.notNull())
    // PostgreSQL's word; SQLite takes any and keeps bytes as bytes.
    .addColumn("content", "bytea", (column) => column.notNull())
    .execute();
}
