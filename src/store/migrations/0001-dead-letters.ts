/** Dead letters: see `../dead-letters.ts`. */
import type { Kysely } from "kysely";

/** Creates the table. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("dead_letters")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("time", "text", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("code", "text", (column) => column.notNull())
    .addColumn("message", "text", (column) => column.notNull())
    .addColumn("details", "text")
    .addColumn("internal", "text", (column) => column.notNull())
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("message_id", "text", (column) => column.notNull())
    .addColumn("request_id", "text")
    .addColumn("sequence", "integer")
    .addColumn("traceparent", "text")
    .addColumn("summary", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("dead_letters_time").on("dead_letters").column("time").execute();
}
