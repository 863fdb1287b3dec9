/** Everything that is kept on disk, behind one repository a table. */
import { type Kysely, sql } from "kysely";
import { DeadLetters } from "./dead-letters.ts";
import { Events } from "./events.ts";
import { type GalleryStore, galleryStore } from "./gallery/gallery-store.ts";
import { JobContent } from "./job-content.ts";
import { JobWork } from "./job-work.ts";
import { Jobs } from "./jobs.ts";
import { migrateToLatest } from "./migrate.ts";
import { checkEncoding, openPatientPostgres, openPostgres, type PostgresOptions } from "./postgres.ts";
import type { Schema } from "./schema.ts";
import { databaseFile, openMemorySqlite, openSqlite, openSqliteReader, type SqliteOptions } from "./sqlite.ts";
import { sqliteProbe } from "./sqlite-probe.ts";
import { Tokens } from "./tokens.ts";

/** Milliseconds: whoever stores events tries again by itself, and requests wait for it. */
const EVENTS_BUSY_TIMEOUT_MS = 500;

/** An open store. What its methods acknowledge is committed. They reject with `store_unavailable`. */
export interface Store {
  readonly deadLetters: DeadLetters;
  readonly events: Events;
  readonly tokens: Tokens;
  readonly jobs: Jobs;
  readonly jobWork: JobWork;
  readonly jobContent: JobContent;
  readonly gallery: GalleryStore;
  /** Resolves when the database can be read and written. */
  ping(): Promise<void>;
  /** Closes the database; nothing may be asked of the store afterwards. */
  close(): Promise<void>;
}

/** Which database, as the settings have it. */
export interface StoreSettings {
  /** Where SQLite's file lies when no PostgreSQL is named. */
  readonly data_dir: string;
  readonly database: PostgresOptions;
}

/**
 * Opens the store of an installation, on PostgreSQL where `database.url` names one, else as {@link openStore}. Rejects with
 * `store_unavailable`, or `config_invalid` for a URL that cannot be read. `now`: epoch milliseconds.
 */
export function openStoreOf({ data_dir, database }: StoreSettings, now: () => number = Date.now): Promise<Store> {
  return database.url === "" ? openStore(data_dir, {}, now) : openPostgresStore(database, now);
}

async function openPostgresStore(options: PostgresOptions, now: () => number): Promise<Store> {
  const { db, probe } = openPostgres(options);
  const patient = openPatientPostgres(options);
  try {
    await checkEncoding(patient);
    await migrateToLatest(patient);
  } finally {
    await patient.destroy();
  }
  return { ...repositories(db, now), ping: probe };
}

/**
 * Opens the store of a data folder, creating it or bringing its tables up to date. Several processes may have it open.
 * `now`: epoch milliseconds.
 */
export async function openStore(
  dataDir: string,
  options: SqliteOptions = {},
  now: () => number = Date.now,
): Promise<Store> {
  const db = await openSqlite(dataDir, options);
  const others: Kysely<Schema>[] = [];
  const close = async () => {
    for (const other of others) await other.destroy();
    await db.destroy();
  };
  try {
    await migrateToLatest(db);
    // Events and results of jobs are written all the time: while they wait for a lock, tokens must not wait behind them.
    const events = await openSqlite(dataDir, { busyTimeoutMs: EVENTS_BUSY_TIMEOUT_MS, ...options });
    others.push(events);
    const jobs = await openSqlite(dataDir, options);
    others.push(jobs);
    // Every search reads: it must not wait until others have written a list.
    const reads = await openSqliteReader(dataDir, options);
    others.push(reads);
    return {
      ...repositories(db, now, reads),
      events: new Events(events),
      ...jobRepositories(jobs, now),
      ping: sqliteProbe(databaseFile(dataDir)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A store that leaves nothing behind: what tests and trials keep. `now`: epoch milliseconds. */
export function openMemoryStore(now: () => number = Date.now): Promise<Store> {
  return createStore(openMemorySqlite(), now);
}

/**
 * A store over an open database of any dialect; brings its tables up to date. Closes it when that fails. `now`: epoch
 * milliseconds.
 */
export async function createStore(db: Kysely<Schema>, now: () => number = Date.now): Promise<Store> {
  try {
    await migrateToLatest(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return repositories(db, now);
}

/** `reads`: where what needs no transaction may be read, so that it does not wait for one. */
function repositories(db: Kysely<Schema>, now: () => number, reads = db): Store {
  return {
    deadLetters: new DeadLetters(db, now),
    events: new Events(db),
    tokens: new Tokens(db, now),
    ...jobRepositories(db, now),
    gallery: galleryStore(db, now, reads),
    async ping() {
      await sql`select 1 from tokens limit 1`.execute(db);
    },
    close: () => db.destroy(),
  };
}

function jobRepositories(db: Kysely<Schema>, now: () => number): Pick<Store, "jobs" | "jobWork" | "jobContent"> {
  return { jobs: new Jobs(db, now), jobWork: new JobWork(db, now), jobContent: new JobContent(db) };
}
