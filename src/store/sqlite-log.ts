/**
 * The write-ahead log of a SQLite database, through which everything goes that is stored. A disk takes milliseconds, at
 * times a hundred, to say that it has something: so the thread that answers requests neither brings the log to the disk
 * nor merges it into the database itself, but waits until others have done it. One for each file, for all connections of
 * the process.
 */
import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import type { Kysely } from "kysely";
import { FacewireError } from "../errors.ts";
import type { Schema } from "./schema.ts";
import { FlushingThread } from "./sqlite-flushing.ts";
import { MergingThread } from "./sqlite-merging.ts";

/** What tests may want otherwise. */
export interface LogOptions {
  /** Brings what was written to an open file to the disk. */
  readonly flush?: (file: number) => Promise<void>;
  /** Modules of the threads that flush and merge. */
  readonly flushEntry?: URL;
  readonly mergeEntry?: URL;
  /** Milliseconds that a flush may take. */
  readonly longestFlushMs?: number;
  /** By how many bytes the log grows until it is merged. */
  readonly mergeBytes?: number;
}

/** Bytes: four times what SQLite merges by itself, since a page that was changed several times is then written once. */
const MERGE_BYTES = 16 * 1024 ** 2;
/** Log of that many times the size is emptied: while it is written without a pause, merging alone never reaches its end. */
const EMPTY_AT = 5;
/** And at that many times the size SQLite merges it with a commit, whatever that takes: the thread is of no help then. */
const FORCE_AT = 16;

/** The logs of the files that are open, by what the file system knows these by. */
const logs = new Map<string, SqliteLog>();

/** See the file's head. */
export class SqliteLog {
  readonly #key: string;
  readonly #file: number;
  readonly #mergeBytes: number;
  readonly #flush: (file: number) => Promise<void>;
  readonly #flushing: FlushingThread;
  readonly #merging: MergingThread;
  #users = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Its size when it was last merged, or that was tried. */
  #tended = 0;
  #isMerging = false;
  /** The last flush that failed, if any, after which nobody knows yet whether what was committed is on the disk. */
  #doubt: FacewireError | undefined;

  private constructor(
    path: string,
    key: string,
    { flush, flushEntry, mergeEntry, longestFlushMs, mergeBytes = MERGE_BYTES }: LogOptions,
  ) {
    this.#key = key;
    // SQLite's locks are on the other two files: closing this one lets go of none.
    this.#file = openSync(`${path}-wal`, "r");
    this.#flushing = new FlushingThread(flushEntry, longestFlushMs);
    this.#flush = flush ?? ((file) => this.#flushing.flush(file));
    this.#mergeBytes = mergeBytes;
    this.#merging = new MergingThread(path, mergeEntry);
  }

  /** The log of a database that the caller has open, and has read; {@link release} it. `options` count for the first. */
  static of(path: string, options: LogOptions = {}): SqliteLog {
    const { dev, ino } = statSync(path);
    const key = `${dev}:${ino}`;
    const log = logs.get(key) ?? new SqliteLog(path, key, options);
    logs.set(key, log);
    log.#users++;
    return log;
  }

  /** Bytes at which SQLite has to merge it itself. */
  get forceBytes(): number {
    return this.#mergeBytes * FORCE_AT;
  }

  /**
   * Resolves when all that was committed before the call is on the disk. Rejects with `store_unavailable`, reason
   * `disk_failed`.
   */
  async settle(): Promise<void> {
    // One that runs has begun before the commit, perhaps; the next one surely begins after it, for all who wait.
    this.#next ??= (this.#running ?? Promise.resolve()).then(() => this.#startNext());
    await this.#next;
    // One before it may have failed since the transaction began, and this one lies behind what that lost.
    await this.assertSound();
    this.#tend();
  }

  /** Rejects as {@link settle} while it is in doubt whether what was committed is on the disk. */
  async assertSound(): Promise<void> {
    // Merging writes it all to the database itself, and that to the disk. A second flush would tell nothing: the system
    // has given up what it could not write.
    while (this.#doubt) {
      const doubt = this.#doubt;
      if (!(await this.empty())) throw doubt;
      // Another flush may have failed meanwhile, of what was written after that.
      if (this.#doubt === doubt) this.#doubt = undefined;
    }
  }

  /** Merges all of it and empties it; false where that cannot be done now, such as when others read. Never rejects. */
  empty(): Promise<boolean> {
    return this.#merging.merge("truncate");
  }

  /** Said by each user before it closes its connection: the last one leaves an empty log behind. Never rejects. */
  async release(): Promise<void> {
    if (--this.#users > 0) return;
    logs.delete(this.#key);
    await this.#merging.close();
    // Of who did not wait for it: the file is somebody else's soon.
    await (this.#next ?? this.#running)?.catch(() => undefined);
    await this.#flushing.close();
    closeSync(this.#file);
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    const running = this.#flush(this.#file).catch((cause) => {
      this.#doubt = diskFailed(cause);
      throw this.#doubt;
    });
    // Whoever comes next starts behind it, whatever became of it.
    this.#running = running.catch(() => undefined);
    return running;
  }

  /** Has the log merged when it has grown. */
  #tend(): void {
    if (this.#isMerging || this.#users === 0) return;
    const { size } = fstatSync(this.#file);
    // SQLite began it anew.
    if (size < this.#tended) this.#tended = 0;
    // While somebody reads for long nothing comes of it, and each try to empty it holds up writers: the more there is, the
    // longer until the next one.
    if (size - this.#tended < Math.max(this.#mergeBytes, this.#tended / 4)) return;
    this.#tended = size;
    this.#isMerging = true;
    void this.#merging.merge(size < this.#mergeBytes * EMPTY_AT ? "passive" : "truncate").then(() => {
      this.#isMerging = false;
    });
  }
}

/** The log of a database on the disk; undefined for all others. */
export function logOf(db: Kysely<Schema>): SqliteLog | undefined {
  const { adapter } = db.getExecutor();
  return "log" in adapter && adapter.log instanceof SqliteLog ? adapter.log : undefined;
}

/**
 * Merges the log into the database and empties it, so that what was deleted is nowhere on the disk; other databases look
 * after themselves. While another process reads or writes the log stays as it is until it is merged in due course. Never rejects.
 */
export async function mergeLog(db: Kysely<Schema>): Promise<void> {
  await logOf(db)?.empty();
}

function diskFailed(cause: unknown): FacewireError {
  const message = "The disk of the database failed.";
  return new FacewireError("store_unavailable", message, { details: { reason: "disk_failed" }, cause });
}
