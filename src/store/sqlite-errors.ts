/** Turns what SQLite reports into coded errors. */
import { SQLiteError } from "bun:sqlite";
import { FacewireError } from "../errors.ts";

/** By the primary result code's name; extended codes begin with it. */
const REASONS: Readonly<Record<string, readonly [reason: string, message: string]>> = {
  SQLITE_FULL: ["disk_full", "The disk of the database is full."],
  SQLITE_BUSY: ["locked", "The database is locked by another process."],
  SQLITE_LOCKED: ["locked", "The database is locked."],
  SQLITE_CORRUPT: ["damaged", "The database file is damaged."],
  SQLITE_NOTADB: ["damaged", "The database file is not a database."],
  SQLITE_READONLY: ["read_only", "The database cannot be written to."],
  SQLITE_PERM: ["read_only", "The database cannot be written to."],
  SQLITE_CANTOPEN: ["cannot_open", "The database file cannot be opened."],
  SQLITE_IOERR: ["disk_failed", "The disk of the database failed."],
  SQLITE_NOMEM: ["memory", "There is no memory left for the database."],
};

/** Whether the failure is another process's lock, so that trying again helps. */
export function isBusy(thrown: unknown): boolean {
  return thrown instanceof SQLiteError && thrown.code?.startsWith("SQLITE_BUSY") === true;
}

/**
 * `store_unavailable` with `details.reason` (`disk_full`, `locked`, `damaged`, `read_only`, `cannot_open`, `disk_failed`,
 * `memory`) for a database that cannot be used now; anything else, such as a broken constraint, as it was thrown.
 */
export function storeError(thrown: unknown): unknown {
  if (!(thrown instanceof SQLiteError) || thrown.code === undefined) return thrown;
  const name = Object.keys(REASONS).find((prefix) => thrown.code?.startsWith(prefix));
  const known = name === undefined ? undefined : REASONS[name];
  if (!known) return thrown;
  const [reason, message] = known;
  return new FacewireError("store_unavailable", message, { details: { reason }, cause: thrown });
}
