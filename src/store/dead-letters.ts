/** Work that was given up, kept until somebody looked at it. */
import { type Kysely, type Selectable, sql } from "kysely";
import { monotonicFactory, ulid } from "ulid";
import type { ErrorCode, ErrorDetails, PublicError } from "../errors.ts";
import { addInput, type DeadLetterInput, type InputFacts, readInput } from "./dead-letter-inputs.ts";
import type { DeadLettersTable, Schema } from "./schema.ts";
import { transact } from "./transactions.ts";

/** A dead letter as it is handed in. */
export interface NewDeadLetter {
  /** Address of the actor or stage that gave up. */
  readonly address: string;
  readonly kind: string;
  /** The pipeline the work was for; undefined for work of another kind. */
  readonly pipeline: string | undefined;
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

/** What is kept of the work itself (a picture, a face), and how much of that in all. */
export interface KeptInput extends DeadLetterInput {
  /** Most bytes of all inputs together; the oldest give way. */
  readonly mostInAll: number;
}

/** A dead letter as it is kept. */
export interface StoredDeadLetter extends NewDeadLetter {
  /** A ULID; larger ids were recorded later. */
  readonly id: string;
  /** Its input, where one was kept; the content comes with {@link DeadLetters.input}. */
  readonly input: InputFacts | undefined;
  /** The last retry; epoch milliseconds. */
  readonly retriedAt: number | undefined;
  /** It is being retried, at most until then; epoch milliseconds. */
  readonly claimedUntil: number | undefined;
}

/** Which letters. */
export interface DeadLetterFilter {
  /** Only those recorded before the letter of this id: `next` of the page before. */
  readonly before?: string;
  /** Only those of one request. */
  readonly requestId?: string;
}

/** What to list. */
export interface DeadLetterPage extends DeadLetterFilter {
  /** Most letters, 1 to 1000. */
  readonly limit: number;
}

/** What a retry that did not help learned. */
export interface FailedRetry {
  readonly cause: PublicError;
  /** As {@link NewDeadLetter.internal}; undefined leaves what was known. */
  readonly internal: string | undefined;
  /** Tries it took; added to those before. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly time: number;
}

const LONGEST_INTERNAL = 16_000;
const MOST_ON_A_PAGE = 1_000;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class DeadLetters {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;
  readonly #nextId = monotonicFactory();

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, now: () => number = Date.now) {
    this.#db = db;
    this.#now = now;
  }

  /** Keeps a letter, and with it the input where one is given; both are committed when this resolves with the id. */
  async record(letter: NewDeadLetter, input?: KeptInput): Promise<string> {
    const { cause } = letter;
    const id = this.#nextId();
    const row = {
      id,
      time: iso(letter.time),
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
      pipeline: letter.pipeline ?? null,
    };
    if (input === undefined) {
      await this.#db.insertInto("dead_letters").values(row).execute();
      return id;
    }
    await transact(
      this.#db,
      async (db) => {
        await db.insertInto("dead_letters").values(row).execute();
        await addInput(db, id, input, input.mostInAll);
      },
      "dead-letter-inputs",
    );
    return id;
  }

  /** A page, newest first. `next` is there when more follow; letters that come meanwhile do not shift the pages. */
  async list(page: DeadLetterPage): Promise<{ readonly letters: readonly StoredDeadLetter[]; readonly next?: string }> {
    const limit = Math.max(1, Math.min(MOST_ON_A_PAGE, Math.trunc(page.limit)));
    let query = this.#letters().orderBy("id", "desc");
    if (page.before !== undefined) query = query.where("id", "<", page.before);
    if (page.requestId !== undefined) query = query.where("request_id", "=", page.requestId);
    const rows = await query.limit(limit + 1).execute();
    const letters = rows.slice(0, limit).map((row) => this.#letterOf(row));
    const last = letters.at(-1);
    return rows.length > limit && last ? { letters, next: last.id } : { letters };
  }

  /** One letter, or undefined. */
  async get(id: string): Promise<StoredDeadLetter | undefined> {
    const row = await this.#letters().where("id", "=", id).executeTakeFirst();
    return row && this.#letterOf(row);
  }

  /** The input of a letter, or undefined where there is none. */
  input(id: string): Promise<DeadLetterInput | undefined> {
    return readInput(this.#db, id);
  }

  /** How many there are. */
  async count(): Promise<number> {
    const count = sql<number>`count(*)`.as("count");
    const row = await this.#db.selectFrom("dead_letters").select(count).executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /**
   * Takes a letter for one retry, of all processes, for at most `forMs`: a claim that outlives its process ends by itself.
   *
   * @returns the claim, or undefined when there is no such letter or another has it
   */
  async claim(id: string, forMs: number): Promise<string | undefined> {
    const claim = ulid();
    const result = await this.#db
      .updateTable("dead_letters")
      .set({ claim, claimed_until: iso(this.#now() + forMs) })
      .where("id", "=", id)
      .where(this.#free())
      .executeTakeFirst();
    return result.numUpdatedRows > 0n ? claim : undefined;
  }

  /** Ends a claim without anything having been tried. */
  async release(claim: string): Promise<void> {
    await this.#db
      .updateTable("dead_letters")
      .set({ claim: null, claimed_until: null })
      .where("claim", "=", claim)
      .execute();
  }

  /** Ends a claim whose retry failed: the letter stays and says so. */
  async retryFailed(claim: string, failed: FailedRetry): Promise<void> {
    const { cause, internal } = failed;
    await this.#db
      .updateTable("dead_letters")
      .set((row) => ({
        claim: null,
        claimed_until: null,
        retried_at: iso(failed.time),
        attempts: row("attempts", "+", failed.attempts),
        code: cause.code,
        message: cause.message,
        details: cause.details === undefined ? null : JSON.stringify(cause.details),
        ...(internal === undefined ? {} : { internal: internal.slice(0, LONGEST_INTERNAL) }),
      }))
      .where("claim", "=", claim)
      .execute();
  }

  /** Ends a claim whose retry succeeded: the letter goes, its input with it. */
  async retrySucceeded(claim: string): Promise<void> {
    await this.#db.deleteFrom("dead_letters").where("claim", "=", claim).execute();
  }

  /** Deletes one letter; false when there was none, or it is being retried. */
  async delete(id: string): Promise<boolean> {
    const result = await this.#db
      .deleteFrom("dead_letters")
      .where("id", "=", id)
      .where(this.#free())
      .executeTakeFirst();
    return result.numDeletedRows > 0n;
  }

  /** Deletes many letters; those that are being retried stay. Returns how many were deleted. */
  async deleteMany(filter: DeadLetterFilter): Promise<number> {
    let query = this.#db.deleteFrom("dead_letters").where(this.#free());
    if (filter.before !== undefined) query = query.where("id", "<", filter.before);
    if (filter.requestId !== undefined) query = query.where("request_id", "=", filter.requestId);
    return Number((await query.executeTakeFirst()).numDeletedRows);
  }

  /**
   * Deletes the letters from before `olderThan` (epoch milliseconds) and all but the `keep` newest.
   *
   * @returns how many were deleted
   */
  async prune(limits: { readonly olderThan: number; readonly keep: number }): Promise<number> {
    return transact(this.#db, async (db) => {
      const cutoff = iso(limits.olderThan);
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

  /** Letters with what is known of their inputs. */
  #letters() {
    return this.#db
      .selectFrom("dead_letters")
      .leftJoin("dead_letter_inputs", "letter_id", "id")
      .selectAll("dead_letters")
      .select(["dead_letter_inputs.name as input_name", "dead_letter_inputs.size as input_size"]);
  }

  #free() {
    return sql<boolean>`(claimed_until is null or claimed_until <= ${iso(this.#now())})`;
  }

  #letterOf(row: LetterRow): StoredDeadLetter {
    // Codes are never removed, and only this file writes the table.
    const told = { code: row.code as ErrorCode, message: row.message };
    const claimedUntil = row.claimed_until === null ? 0 : Date.parse(row.claimed_until);
    return {
      id: row.id,
      time: Date.parse(row.time),
      address: row.address,
      kind: row.kind,
      pipeline: row.pipeline ?? undefined,
      cause: row.details === null ? told : { ...told, details: JSON.parse(row.details) as ErrorDetails },
      internal: row.internal,
      attempts: row.attempts,
      messageId: row.message_id,
      requestId: row.request_id ?? undefined,
      sequence: row.sequence ?? undefined,
      traceparent: row.traceparent ?? undefined,
      summary: row.summary,
      input: row.input_name === null ? undefined : { name: row.input_name, size: Number(row.input_size) },
      retriedAt: row.retried_at === null ? undefined : Date.parse(row.retried_at),
      claimedUntil: claimedUntil > this.#now() ? claimedUntil : undefined,
    };
  }
}

type LetterRow = Selectable<DeadLettersTable> & {
  readonly input_name: string | null;
  readonly input_size: number | null;
};

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
