/** Work that was given up, kept until somebody looked at it. */
import { type Kysely, type Selectable, sql } from "kysely";
import { monotonicFactory } from "ulid";
import type { ErrorCode, ErrorDetails, PublicError } from "../errors.ts";
import type { DeadLettersTable, Schema } from "./schema.ts";

/** A dead letter as it is handed in. What the work was about (a picture, a face) is not kept: only its summary. */
export interface NewDeadLetter {
  /** Address of the actor or stage that gave up. */
  readonly address: string;
  readonly kind: string;
  /** What the asker was told. */
  readonly cause: PublicError;
  /** The cause with its stack, for operators only; cut after 16,000 characters. */
  readonly internal: string;
  readonly attempts: number;
  readonly messageId: string;
  readonly requestId: string | undefined;
  /** Number of the item in its request or stream. */
  readonly sequence: number | undefined;
  readonly traceparent: string | undefined;
  /** Epoch milliseconds. */
  readonly time: number;
  /** The shape of the work, without its content. */
  readonly summary: string;
}

/** A dead letter as it is kept. */
export interface StoredDeadLetter extends NewDeadLetter {
  /** A ULID; larger ids were recorded later. */
  readonly id: string;
}

/** What to list. */
export interface DeadLetterPage {
  /** Most letters, 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before; from the newest when absent. */
  readonly before?: string;
  /** Only those of one request. */
  readonly requestId?: string;
}

const LONGEST_INTERNAL = 16_000;
const MOST_ON_A_PAGE = 1_000;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class DeadLetters {
  readonly #db: Kysely<Schema>;
  readonly #nextId = monotonicFactory();

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Keeps a letter; it is committed when this resolves. */
  async record(letter: NewDeadLetter): Promise<void> {
    const { cause } = letter;
    await this.#db
      .insertInto("dead_letters")
      .values({
        id: this.#nextId(),
        time: new Date(letter.time).toISOString(),
        address: letter.address,
        kind: letter.kind,
        code: cause.code,
        message: cause.message,
        details: cause.details === undefined ? null : JSON.stringify(cause.details),
        internal: letter.internal.slice(0, LONGEST_INTERNAL),
        attempts: letter.attempts,
        message_id: letter.messageId,
        request_id: letter.requestId ?? null,
        sequence: letter.sequence ?? null,
        traceparent: letter.traceparent ?? null,
        summary: letter.summary,
      })
      .execute();
  }

  /** A page, newest first. `next` is there when more follow; letters that come meanwhile do not shift the pages. */
  async list(page: DeadLetterPage): Promise<{ readonly letters: readonly StoredDeadLetter[]; readonly next?: string }> {
    const limit = Math.max(1, Math.min(MOST_ON_A_PAGE, Math.trunc(page.limit)));
    let query = this.#db.selectFrom("dead_letters").selectAll().orderBy("id", "desc");
    if (page.before !== undefined) query = query.where("id", "<", page.before);
    if (page.requestId !== undefined) query = query.where("request_id", "=", page.requestId);
    const rows = await query.limit(limit + 1).execute();
    const letters = rows.slice(0, limit).map(letterOf);
    const last = letters.at(-1);
    return rows.length > limit && last ? { letters, next: last.id } : { letters };
  }

  /** One letter, or undefined. */
  async get(id: string): Promise<StoredDeadLetter | undefined> {
    const row = await this.#db.selectFrom("dead_letters").selectAll().where("id", "=", id).executeTakeFirst();
    return row && letterOf(row);
  }

  /** How many there are. */
  async count(): Promise<number> {
    const count = sql<number>`count(*)`.as("count");
    const row = await this.#db.selectFrom("dead_letters").select(count).executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** Deletes one letter; false when there was none. */
  async delete(id: string): Promise<boolean> {
    const result = await this.#db.deleteFrom("dead_letters").where("id", "=", id).executeTakeFirst();
    return result.numDeletedRows > 0n;
  }

  /**
   * Deletes the letters from before `olderThan` (epoch milliseconds) and all but the `keep` newest.
   *
   * @returns how many were deleted
   */
  async prune(limits: { readonly olderThan: number; readonly keep: number }): Promise<number> {
    return this.#db.transaction().execute(async (db) => {
      const cutoff = new Date(limits.olderThan).toISOString();
      const old = await db.deleteFrom("dead_letters").where("time", "<", cutoff).executeTakeFirst();
      const first = await db
        .selectFrom("dead_letters")
        .select("id")
        .orderBy("id", "desc")
        .limit(1)
        .offset(limits.keep)
        .executeTakeFirst();
      if (!first) return Number(old.numDeletedRows);
      const surplus = await db.deleteFrom("dead_letters").where("id", "<=", first.id).executeTakeFirst();
      return Number(old.numDeletedRows + surplus.numDeletedRows);
    });
  }
}

function letterOf(row: Selectable<DeadLettersTable>): StoredDeadLetter {
  // Codes are never removed, and only this file writes the table.
  const told = { code: row.code as ErrorCode, message: row.message };
  return {
    id: row.id,
    time: Date.parse(row.time),
    address: row.address,
    kind: row.kind,
    cause: row.details === null ? told : { ...told, details: JSON.parse(row.details) as ErrorDetails },
    internal: row.internal,
    attempts: row.attempts,
    messageId: row.message_id,
    requestId: row.request_id ?? undefined,
    sequence: row.sequence ?? undefined,
    traceparent: row.traceparent ?? undefined,
    summary: row.summary,
  };
}
