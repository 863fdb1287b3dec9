/** Events: see `../events.ts`. */
import type { Kysely } from "kysely";

/** Creates the tables. A migration that has shipped is never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("events")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("key", "text", (column) => column.unique())
    .addColumn("time", "text", (column) => column.notNull())
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("pipeline", "text")
    .addColumn("request", "text")
    .addColumn("job", "text")
    .addColumn("item", "integer")
    .addColumn("frame", "text")
    .addColumn("verdict", "text")
    .addColumn("data", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("events_request").on("events").column("request").execute();
  await db.schema
    .createTable("event_position")
    .addColumn("last", "integer", (column) => column.notNull())
    .execute();
  const seed = db as Kysely<{ event_position: { last: number } }>;
  await seed.insertInto("event_position").values({ last: 0 }).execute();
}
