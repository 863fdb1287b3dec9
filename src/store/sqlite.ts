/** Opens the SQLite database of an installation. */
import { Database } from "bun:sqlite";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { Kysely } from "kysely";
import { FacewireError } from "../errors.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { storeError } from "./sqlite-errors.ts";
import { fileCheck } from "./sqlite-file.ts";

/** How a database is opened. */
export interface SqliteOptions {
  /**
   * Milliseconds queries wait for another process that writes. Once the database is open the wait leaves the thread
   * free, but other queries queue behind it. So it is short, and who stood behind it hardly waits once more: another
   * writer (a `facewire tokens` command) holds the lock for a few milliseconds.
   */
  readonly busyTimeoutMs?: number;
}

/** File in the data folder. */
const DATABASE_FILE = "facewire.sqlite";
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens `facewire.sqlite` in a folder, creating both for this user only. Rejects with `store_unavailable`.
 *
 * WAL, so that readers and a writer of other processes do not wait for each other; `synchronous = FULL`, so that a
 * commit is on the disk when it returns, also when the power fails: what was acknowledged is kept. The price is one
 * fsync for each write, and writes are rare.
 */
export async function openSqlite(dataDir: string, options: SqliteOptions = {}): Promise<Kysely<Schema>> {
  const file = databaseFile(dataDir);
  const { busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // SQLite gives its side files the mode of the database, but would create that readable for everybody.
    await (await open(file, "a", 0o600)).close();
  } catch (cause) {
    const message = "The data folder cannot be written to (data_dir).";
    throw new FacewireError("store_unavailable", message, { details: { reason: "cannot_open" }, cause });
  }
  let database: Database | undefined;
  try {
    database = new Database(file, { create: false, readwrite: true, strict: true });
    database.run(`pragma busy_timeout = ${busyTimeoutMs}`);
    database.run("pragma journal_mode = wal");
    database.run("pragma synchronous = full");
    database.run("pragma foreign_keys = on");
    // What is deleted, such as faces, is overwritten; so is the log that it went through, when it is merged.
    database.run("pragma secure_delete = on");
    database.run("pragma journal_size_limit = 0");
    // From here on the dialect waits: SQLite's own wait would hold up the thread that answers requests.
    database.run("pragma busy_timeout = 0");
  } catch (error) {
    database?.close();
    throw storeError(error);
  }
  const db = new Kysely<Schema>({ dialect: sqliteDialect(database, busyTimeoutMs, fileCheck(file)) });
  // kysely closes on `destroy` only what was used before; a connection that stays open keeps the log from being merged.
  await db.connection().execute(async () => undefined);
  return db;
}

/** Opens an empty database that is nowhere but in memory, and gone when it is closed. */
export function openMemorySqlite(): Kysely<Schema> {
  const database = new Database(":memory:", { strict: true });
  database.run("pragma foreign_keys = on");
  return new Kysely<Schema>({ dialect: sqliteDialect(database, 0) });
}

/** Path of the database in a data folder. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, DATABASE_FILE);
}
