/** Opens the PostgreSQL database of one or more installations. */
import { Kysely, sql } from "kysely";
import type { ClientConfig } from "pg";
import { parse, toClientConfig } from "pg-connection-string";
import { FacewireError } from "../errors.ts";
import { postgresDialect, STORE_TYPES } from "./postgres-dialect.ts";
import { type Known, unavailable } from "./postgres-errors.ts";
import { StorePool } from "./postgres-pool.ts";
import type { Schema } from "./schema.ts";

/** Where it is and how it is used; times in milliseconds. As the settings under `database` have it. */
export interface PostgresOptions {
  /** postgresql://user:password@host:5432/name */
  readonly url: string;
  /** Most connections. */
  readonly pool: number;
  /** How long a connection may take, and how long one of the pool is waited for. */
  readonly connect_timeout: number;
  /** How long a statement may take. */
  readonly statement_timeout: number;
}

/** An open database. */
export interface PostgresDatabase {
  readonly db: Kysely<Schema>;
  /** Resolves when it can be read and may be written to; rejects with `store_unavailable`. */
  probe(): Promise<void>;
}

/** Milliseconds a statement waits for a row that another process writes; that takes a few, where nothing is wrong. */
const LOCK_MS = 2_000;
/** Milliseconds after which the server takes back what a process holds that stands still within a transaction. */
const STANDSTILL_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;
const WRONG_ENCODING: Known = ["wrong_encoding", "The database's encoding is not UTF8."];
/** `sslmode`s that mean here what they mean to PostgreSQL's own programs. */
const SSL_MODES = ["disable", "require", "verify-ca", "verify-full"];

/** Opens a pool; connects when it is first used. Throws `config_invalid` for a URL that cannot be read. */
export function openPostgres(options: PostgresOptions): PostgresDatabase {
  const timeouts = {
    statement_timeout: options.statement_timeout,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: STANDSTILL_MS,
  };
  const pool = new StorePool({ ...clientConfig(options), ...timeouts }, options.pool);
  return { db: new Kysely<Schema>({ dialect: postgresDialect(pool) }), probe: () => pool.probe() };
}

/** One connection whose statements may take as long as they do: for bringing tables up to date. */
export function openPatientPostgres(options: PostgresOptions): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: postgresDialect(new StorePool(clientConfig(options), 1)) });
}

/** Rejects with `store_unavailable`, reason `wrong_encoding`, for a database that cannot keep every text. */
export async function checkEncoding(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ encoding: string }>`select current_setting('server_encoding') as encoding`.execute(db);
  if (rows[0]?.encoding !== "UTF8") throw unavailable(WRONG_ENCODING);
}

function clientConfig({ url, connect_timeout }: PostgresOptions): ClientConfig {
  return {
    application_name: "facewire",
    ...readUrl(url),
    types: STORE_TYPES,
    connectionTimeoutMillis: connect_timeout,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
}

/** What a URL says. Nothing that is thrown has the URL in it: it has the password in it. */
function readUrl(url: string): ClientConfig {
  const invalid = (problem: string) =>
    new FacewireError("config_invalid", `database.url: ${problem}`, {
      details: { problems: [`database.url: ${problem}`] },
    });
  const mode = /[?&]sslmode=([^&]*)/.exec(url)?.[1];
  if (mode !== undefined && !SSL_MODES.includes(mode)) throw invalid(`sslmode is one of ${SSL_MODES.join(", ")}`);
  if (mode === "verify-ca" && !/[?&]sslrootcert=./.test(url))
    throw invalid("sslmode=verify-ca needs sslrootcert=<file>");
  try {
    const { uselibpqcompat: _, ...read } = parse(url, { useLibpqCompat: true });
    return toClientConfig(read as ReturnType<typeof parse>);
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    throw invalid(code === "ENOENT" || code === "EACCES" ? "a file that it names cannot be read" : "cannot be read");
  }
}
