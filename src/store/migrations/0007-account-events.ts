/** Whose events are: see `../events.ts`. */
import type { Kysely } from "kysely";

/** Adds the column; events from before belong to no account. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("events").addColumn("account", "text").execute();
  await db.schema.createIndex("events_account").on("events").columns(["account", "id"]).execute();
}
