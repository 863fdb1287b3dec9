/**
 * Transactions that are as good on PostgreSQL as on SQLite. SQLite has one writer at a time; PostgreSQL has many, which see
 * what was committed when each of their statements began.
 */
import { type Kysely, PostgresAdapter, sql, type Transaction } from "kysely";
import { isConflict } from "./postgres-errors.ts";
import type { Schema } from "./schema.ts";

/** What only one transaction at a time may do, in all processes: it decides by what it has read. */
export type Turn = keyof typeof TURNS;

/** Numbers of PostgreSQL's advisory locks; every version has to mean the same by them. */
const TURNS = { events: 1, jobs: 2, "dead-letter-inputs": 3 } as const;
/** Sets the locks apart from those of others in the same database. */
const LOCKS_OF_FACEWIRE = 0x66_77;
/** Tries of a transaction that stood in another's way. */
const TRIES = 4;

/**
 * Runs a transaction; it is committed when this resolves, and when `work` throws, nothing happened. `turn`: it waits until
 * no other has this turn, before it reads anything. `work` runs again where PostgreSQL gave it up for another's sake.
 */
export async function transact<T>(
  db: Kysely<Schema>,
  work: (db: Transaction<Schema>) => Promise<T>,
  turn?: Turn,
): Promise<T> {
  const takesTurn = turn !== undefined && db.getExecutor().adapter instanceof PostgresAdapter;
  for (let left = TRIES - 1; ; left--) {
    try {
      return await db.transaction().execute(async (open) => {
        if (takesTurn) await sql`select pg_advisory_xact_lock(${LOCKS_OF_FACEWIRE}, ${TURNS[turn]})`.execute(open);
        return work(open);
      });
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error;
    }
  }
}
