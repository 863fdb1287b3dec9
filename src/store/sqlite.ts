/** Opens the SQLite database of an installation. */
import { Database } from "bun:sqlite";
import { closeSync, constants, openSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Kysely } from "kysely";
import { FacewireError } from "../errors.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { storeError } from "./sqlite-errors.ts";
import { fileCheck } from "./sqlite-file.ts";
import { type LogOptions, SqliteLog } from "./sqlite-log.ts";

/** How a database is opened. */
export interface SqliteOptions {
  /**
   * Milliseconds queries wait for another process that writes. Once the database is open the wait leaves the thread
   * free, but other queries queue behind it. So it is short, and who stood behind it hardly waits once more: another
   * writer (a `facewire tokens` command) holds the lock for a few milliseconds.
   */
  readonly busyTimeoutMs?: number;
  /** For tests. */
  readonly log?: LogOptions;
}

/** File in the data folder. */
const DATABASE_FILE = "facewire.sqlite";
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens `facewire.sqlite` in a folder, creating both for this user only. Rejects with `store_unavailable`.
 *
 * WAL, so that readers and a writer of other processes do not wait for each other. A write is acknowledged when it is on
 * the disk, also when the power fails: see {@link SqliteLog}. The price is one flush for what is written at once.
 */
export async function openSqlite(dataDir: string, options: SqliteOptions = {}): Promise<Kysely<Schema>> {
  const file = databaseFile(dataDir);
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    createFile(file);
    await access(file, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const message = "The data folder cannot be written to (data_dir).";
    throw new FacewireError("store_unavailable", message, { details: { reason: "cannot_open" }, cause });
  }
  return connected(file, options, (database) => {
    // Commits only write the log, which the dialect then has flushed; what merges the log flushes both by itself.
    database.run("pragma synchronous = normal");
    database.run("pragma foreign_keys = on");
    // What is deleted, such as faces, is overwritten; so is the log that it went through, when it is merged.
    database.run("pragma secure_delete = on");
    database.run("pragma journal_size_limit = 0");
    const { page_size } = database.query<{ page_size: number }, []>("pragma page_size").get()!;
    const log = SqliteLog.of(file, options.log);
    database.run(`pragma wal_autocheckpoint = ${Math.ceil(log.forceBytes / page_size)}`);
    return log;
  });
}

/**
 * Creates the file when it is missing: SQLite gives its side files the mode of the database, but would create that readable for
 * everybody. A file that is there is not opened, as closing it would let go of the locks that SQLite holds on it for this
 * process. Whoever opened the database then, such as the program `sqlite3`, would find nobody there, and delete the log on leaving.
 */
function createFile(file: string): void {
  try {
    // At once, so that nobody here opens the database before the new file is closed.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (!isThere(error)) throw error;
  }
}

function isThere(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}

/**
 * Opens a database that {@link openSqlite} has open, to read from it while that one is in a transaction: it sees all that
 * was acknowledged, by whatever process, and perhaps what is about to be. Rejects with `store_unavailable`.
 */
export function openSqliteReader(dataDir: string, options: SqliteOptions = {}): Promise<Kysely<Schema>> {
  return connected(databaseFile(dataDir), options, (database) => {
    database.run("pragma query_only = on");
    return undefined;
  });
}

/** Opens a connection to a file that is there. `prepare` gives the log that the connection settles its writes with. */
async function connected(
  file: string,
  { busyTimeoutMs = BUSY_TIMEOUT_MS }: SqliteOptions,
  prepare: (database: Database) => SqliteLog | undefined,
): Promise<Kysely<Schema>> {
  let database: Database | undefined;
  let log: SqliteLog | undefined;
  try {
    database = new Database(file, { create: false, readwrite: true, strict: true });
    database.run(`pragma busy_timeout = ${busyTimeoutMs}`);
    database.run("pragma journal_mode = wal");
    // The first read is what opens the log.
    database.run("select 1 from sqlite_schema limit 1");
    log = prepare(database);
    // From here on the dialect waits: SQLite's own wait would hold up the thread that answers requests.
    database.run("pragma busy_timeout = 0");
  } catch (error) {
    await log?.release();
    database?.close();
    throw storeError(error);
  }
  const check = fileCheck(file);
  const db = new Kysely<Schema>({ dialect: sqliteDialect({ database, busyTimeoutMs, check, ...(log && { log }) }) });
  // kysely closes on `destroy` only what was used before; a connection that stays open keeps the log from being merged.
  await db.connection().execute(async () => undefined);
  return db;
}

/** Opens an empty database that is nowhere but in memory, and gone when it is closed. */
export function openMemorySqlite(): Kysely<Schema> {
  const database = new Database(":memory:", { strict: true });
  database.run("pragma foreign_keys = on");
  return new Kysely<Schema>({ dialect: sqliteDialect({ database, busyTimeoutMs: 0 }) });
}

/** Path of the database in a data folder. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, DATABASE_FILE);
}
