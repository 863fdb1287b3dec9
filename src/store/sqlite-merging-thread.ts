/**
 * Merges SQLite's log into its database through a connection of its own, for as long as the disk takes. Where it dies or is
 * killed nothing is lost: what it did not finish stays in the log.
 */
import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

/** `passive`: what can be merged without holding up anybody. `truncate`: all of it, for which writers wait. */
export type MergeMode = "passive" | "truncate";
export type ToMergingThread = MergeMode | "stop";
/** Whether all of the log is in the database now. */
export type FromMergingThread = boolean;

/** The database, and what the file system knew it by when it was opened. */
export interface MergingSetup {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

/** Milliseconds it waits for others: for a transaction to end, and then, with the lock that writers need, for readers. */
const PATIENCE_MS = 500;

interface Outcome {
  readonly busy: number;
  /** Pages in the log, and how many of them are merged. */
  readonly log: number;
  readonly checkpointed: number;
}

let database: Database | undefined;

function opened(): Database {
  const { path, dev, ino } = workerData as MergingSetup;
  const found = statSync(path);
  // Another file in its place has nothing to do with this log, which would ruin it.
  if (found.dev !== dev || found.ino !== ino) throw new Error("the database was replaced");
  const opened = new Database(path, { create: false, readwrite: true, strict: true });
  opened.run(`pragma busy_timeout = ${PATIENCE_MS}`);
  opened.run("pragma synchronous = full");
  return opened;
}

function merge(mode: MergeMode): boolean {
  database ??= opened();
  // Most of it without holding up anybody, so that writers wait for the rest only.
  let outcome = checkpoint(database, "passive");
  if (mode === "passive" && !isWhole(outcome)) return false;
  outcome = checkpoint(database, "truncate");
  if (!isWhole(outcome)) return false;
  begin(database);
  return true;
}

function isWhole({ busy, log, checkpointed }: Outcome): boolean {
  return busy === 0 && log === checkpointed;
}

/**
 * Begins the log anew by writing what is there already: whoever does that waits for the disk, which would else be the thread
 * that answers requests.
 */
function begin(database: Database): void {
  try {
    database.run("begin immediate");
    const { user_version } = database.query<{ user_version: number }, []>("pragma user_version").get()!;
    database.run(`pragma user_version = ${user_version}`);
    database.run("commit");
  } catch {
    if (database.inTransaction) database.run("rollback");
  }
}

function checkpoint(database: Database, mode: MergeMode): Outcome {
  return database.query<Outcome, []>(`pragma wal_checkpoint(${mode})`).get()!;
}

const port = parentPort!;
port.on("message", (message: ToMergingThread) => {
  if (message === "stop") {
    database?.close();
    port.close();
    return;
  }
  let answer: FromMergingThread = false;
  try {
    answer = merge(message);
  } catch {
    // Such as a full disk: SQLite says so to who writes next.
  }
  port.postMessage(answer);
});
