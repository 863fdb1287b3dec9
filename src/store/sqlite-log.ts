/** The write-ahead log of SQLite, through which everything goes that is stored. */
import { type Kysely, SqliteAdapter, sql } from "kysely";
import type { Schema } from "./schema.ts";

/**
 * Merges the log into the database and empties it, so that what was deleted is nowhere on the disk; other databases look
 * after themselves. While another process reads or writes the log stays as it is until it is merged in due course. Never rejects.
 */
export async function mergeLog(db: Kysely<Schema>): Promise<void> {
  if (!(db.getExecutor().adapter instanceof SqliteAdapter)) return;
  await sql`pragma wal_checkpoint(truncate)`.execute(db).catch(() => undefined);
}
