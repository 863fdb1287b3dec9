/**
 * Transactions that change what searches see. Each begins by taking the next position under the lock of a single row, which
 * it holds until its commit: so they run one after another in all processes, and positions become visible in order and
 * without gaps. Whoever waits for the lock sees afterwards what the one before has committed.
 */
import type { Kysely, Transaction } from "kysely";
import { prepared, preparedForEach } from "../prepared.ts";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { chunksOf } from "./chunks.ts";
import type { GalleryChangesTable } from "./schema.ts";

/** The words of the change table; {@link GalleryChanges} tells them to the galleries. */
export type ChangeKind =
  | "descriptor"
  | "descriptor-removed"
  | "person"
  | "person-removed"
  | "member-added"
  | "member-removed"
  | "list-removed";

/** Rows that one statement inserts. */
const ROWS = 500;

/** A transaction that is under way. */
export class GalleryWrite {
  readonly db: Transaction<Schema>;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly #position: number;
  readonly #changes: GalleryChangesTable[] = [];

  constructor(db: Transaction<Schema>, position: number, time: number) {
    this.db = db;
    this.#position = position;
    this.time = time;
  }

  get changed(): boolean {
    return this.#changes.length > 0;
  }

  /** Notes a change. `other`: the person of a descriptor, the list of a member. */
  change(kind: ChangeKind, account: string, subject: string, other: string | null = null): void {
    const part = this.#changes.length;
    this.#changes.push({
      position: this.#position,
      part,
      time: this.time,
      kind,
      account_id: account,
      subject,
      other,
    });
  }

  /** Writes what was noted. */
  async flush(): Promise<void> {
    for (const rows of chunksOf(this.#changes, ROWS)) await insertChanges(this.db, {}, rows);
  }
}

const takePosition = prepared<object, { last: number }>((db) =>
  db
    .updateTable("gallery_position")
    .set((row) => ({ last: row("last", "+", 1) }))
    .returning("last"),
);

const insertChanges = preparedForEach<object, GalleryChangesTable, unknown>((db, _, rows) =>
  db.insertInto("gallery_changes").values(
    rows.map(({ position, part, time, kind, account_id, subject, other }) => ({
      position,
      part,
      time,
      kind,
      account_id,
      subject,
      other,
    })),
  ),
);

/** Takes a transaction back that changed nothing, so that it costs no position and no write to the disk. */
class NothingChanged {
  readonly result: unknown;
  constructor(result: unknown) {
    this.result = result;
  }
}

/** What all repositories of galleries write through. */
export class GalleryWrites {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();

  constructor(db: Kysely<Schema>, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /**
   * Runs a writing transaction; what it did is committed when this resolves. One that notes no change is taken back,
   * whatever it wrote.
   */
  async run<T>(work: (write: GalleryWrite) => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await transact(this.#db, async (db) => {
        const [position] = await takePosition(db, {});
        const write = new GalleryWrite(db, Number(position?.last), this.#now());
        const result = await work(write);
        if (!write.changed) throw new NothingChanged(result);
        await write.flush();
        return result;
      });
    } catch (thrown) {
      // Only the line above throws it.
      if (thrown instanceof NothingChanged) return thrown.result as T;
      throw thrown;
    }
    for (const listener of this.#listeners) listener();
    return result;
  }

  /** Calls the listener after each commit; the answer ends that. */
  onCommitted(listener: () => void): () => void {
    // Wrapped, so that one listener given twice is two.
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}
