/** Handlers: an account's rules, one set a type. */
import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import type { HandlerRecord } from "./records.ts";
import type { HandlersTable } from "./schema.ts";

/** Plain JSON. */
export type Policies = Readonly<Record<string, unknown>>;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Handlers {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, now: () => number = Date.now) {
    this.#db = db;
    this.#now = now;
  }

  /**
   * The account's handler of a type; made anew with the defaults where there is none. Of several callers at once one makes
   * it, though each may have asked for the defaults.
   */
  async ensure(account: string, type: string, defaults: () => Policies | Promise<Policies>): Promise<HandlerRecord> {
    const known = await this.#find(account, type);
    if (known) return known;
    const policies = JSON.stringify(await defaults());
    const now = this.#now();
    const row = { id: crypto.randomUUID(), account_id: account, type, policies, version: 1 };
    const made = await this.#db
      .insertInto("handlers")
      .values({ ...row, created_at: now, updated_at: now })
      .onConflict((conflict) => conflict.columns(["account_id", "type"]).doNothing())
      .returningAll()
      .executeTakeFirst();
    return made ? handlerOf(made) : this.ensure(account, type, defaults);
  }

  /** Changes some policies; the handler afterwards, or undefined where there is none. */
  async change(account: string, type: string, policies: Policies): Promise<HandlerRecord | undefined> {
    return transact(this.#db, async (db) => {
      // Written first: that locks the row, so that two changes of different policies keep both.
      const before = await db
        .updateTable("handlers")
        .set((row) => ({ version: row("version", "+", 1), updated_at: this.#now() }))
        .where("account_id", "=", account)
        .where("type", "=", type)
        .returning(["id", "policies"])
        .executeTakeFirst();
      if (!before) return undefined;
      const merged = { ...(JSON.parse(before.policies) as Policies), ...policies };
      const after = await db
        .updateTable("handlers")
        .set({ policies: JSON.stringify(merged) })
        .where("id", "=", before.id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return handlerOf(after);
    });
  }

  async #find(account: string, type: string): Promise<HandlerRecord | undefined> {
    const row = await this.#db
      .selectFrom("handlers")
      .selectAll()
      .where("account_id", "=", account)
      .where("type", "=", type)
      .executeTakeFirst();
    return row && handlerOf(row);
  }
}

function handlerOf(row: Selectable<HandlersTable>): HandlerRecord {
  return {
    id: row.id,
    type: row.type,
    // Only this file writes the column.
    policies: JSON.parse(row.policies) as Policies,
    version: Number(row.version),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}
