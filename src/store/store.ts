/** Everything that is kept on disk, behind one repository a table. */
import { type Kysely, sql } from "kysely";
import { DeadLetters } from "./dead-letters.ts";
import { migrateToLatest } from "./migrate.ts";
import type { Schema } from "./schema.ts";
import { databaseFile, openSqlite, type SqliteOptions } from "./sqlite.ts";
import { sqliteProbe } from "./sqlite-probe.ts";
import { Tokens } from "./tokens.ts";

/** An open store. What its methods acknowledge is committed. They reject with `store_unavailable`. */
export interface Store {
  readonly deadLetters: DeadLetters;
  readonly tokens: Tokens;
  /** Resolves when the database can be read and written. */
  ping(): Promise<void>;
  /** Closes the database; nothing may be asked of the store afterwards. */
  close(): Promise<void>;
}

/** Opens the store of a data folder, creating it or bringing its tables up to date. Several processes may have it open. */
export async function openStore(dataDir: string, options: SqliteOptions = {}): Promise<Store> {
  const db = await openSqlite(dataDir, options);
  return { ...(await createStore(db)), ping: await sqliteProbe(databaseFile(dataDir)) };
}

/** A store over an open database of any dialect; brings its tables up to date. Closes it when that fails. */
export async function createStore(db: Kysely<Schema>): Promise<Store> {
  try {
    await migrateToLatest(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    deadLetters: new DeadLetters(db),
    tokens: new Tokens(db),
    async ping() {
      await sql`select 1 from tokens limit 1`.execute(db);
    },
    close: () => db.destroy(),
  };
}
