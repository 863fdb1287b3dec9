/** Accounts: who owns descriptors, persons, lists and handlers. */
import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { removeAccount } from "./account-removal.ts";
import { accountOf, addToken } from "./account-rows.ts";
import { chunksOf } from "./chunks.ts";
import type { Account } from "./records.ts";
import type { GalleryWrites } from "./writes.ts";

/** An account to make. */
export interface NewAccount {
  readonly organizationName: string;
  readonly email: string;
  /** As the hash function writes it (argon2id); the password itself never comes here. */
  readonly passwordHash: string;
  /** What its first token is called. */
  readonly tokenData: string;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Accounts {
  readonly #db: Kysely<Schema>;
  readonly #writes: GalleryWrites;
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, writes: GalleryWrites, now: () => number = Date.now) {
    this.#db = db;
    this.#writes = writes;
    this.#now = now;
  }

  /** Makes an account with its first token; undefined when the e-mail is taken, whatever its letter case. */
  async create(wish: NewAccount): Promise<{ readonly account: Account; readonly token: string } | undefined> {
    const row = {
      id: crypto.randomUUID(),
      organization_name: wish.organizationName,
      email: wish.email,
      email_key: keyOf(wish.email),
      password_hash: wish.passwordHash,
      suspended: 0,
      created_at: this.#now(),
    };
    return transact(this.#db, async (db) => {
      const made = await db
        .insertInto("accounts")
        .values(row)
        .onConflict((conflict) => conflict.column("email_key").doNothing())
        .returning("id")
        .executeTakeFirst();
      if (!made) return undefined;
      const { secret } = await addToken(db, row.id, wish.tokenData, this.#now());
      return { account: accountOf(row), token: secret };
    });
  }

  /** The account of an e-mail address, compared without regard to letter case. */
  async byEmail(email: string): Promise<(Account & { readonly passwordHash: string }) | undefined> {
    const row = await this.#db
      .selectFrom("accounts")
      .selectAll()
      .where("email_key", "=", keyOf(email))
      .executeTakeFirst();
    return row && { ...accountOf(row), passwordHash: row.password_hash };
  }

  async get(id: string): Promise<Account | undefined> {
    const row = await this.#db.selectFrom("accounts").selectAll().where("id", "=", id).executeTakeFirst();
    return row && accountOf(row);
  }

  /** All, oldest first. */
  async list(): Promise<readonly Account[]> {
    const rows = await this.#db.selectFrom("accounts").selectAll().orderBy("created_at").orderBy("id").execute();
    return rows.map(accountOf);
  }

  /** Those ids whose accounts are there and not suspended. */
  async usable(ids: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (const chunk of chunksOf(ids)) {
      const rows = await this.#db
        .selectFrom("accounts")
        .select("id")
        .where("id", "in", chunk)
        .where("suspended", "=", 0)
        .execute();
      found.push(...rows.map(({ id }) => id));
    }
    return found;
  }

  /** Suspends or resumes; false for an unknown account. */
  async setSuspended(id: string, suspended: boolean): Promise<boolean> {
    const result = await this.#db
      .updateTable("accounts")
      .set({ suspended: suspended ? 1 : 0 })
      .where("id", "=", id)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /**
   * Deletes an account with everything it owns; false for an unknown one. It is suspended first, then what it owns goes in
   * many short transactions: where that is broken off, a suspended account is left, and can be deleted again.
   */
  async remove(id: string): Promise<boolean> {
    if (!(await this.setSuspended(id, true))) return false;
    return removeAccount(this.#db, this.#writes, id);
  }
}

/** How an address is compared. */
function keyOf(email: string): string {
  return email.normalize("NFC").toLowerCase();
}
