/** Tokens of accounts. Only their hashes are kept; where an id is taken, the token itself will do as well. */
import { type ExpressionBuilder, type Kysely, sql } from "kysely";
import { prepared } from "../prepared.ts";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { accountOf, addToken, hashOf } from "./account-rows.ts";
import { chunksOf } from "./chunks.ts";
import { shrink } from "./counts.ts";
import { inOrder, type Pages } from "./pages.ts";
import type { Page, PageOf } from "./paging.ts";
import type { Account, AccountToken } from "./records.ts";

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class AccountTokens {
  readonly #db: Kysely<Schema>;
  readonly #pages: Pages;
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, pages: Pages, now: () => number = Date.now) {
    this.#db = db;
    this.#pages = pages;
    this.#now = now;
  }

  /** Makes a token (a UUID of version 4) that can be used at once. It is in the answer and nowhere else. */
  async create(account: string, data: string): Promise<AccountToken & { readonly secret: string }> {
    return transact(this.#db, (db) => addToken(db, account, data, this.#now()));
  }

  /**
   * The token of a secret with its account (which may be suspended), or undefined. The secret is only ever compared by its
   * hash, so that the time taken tells nothing about stored secrets; no salt or slow hash is needed for 122 random bits.
   */
  async verify(secret: string): Promise<{ readonly token: AccountToken; readonly account: Account } | undefined> {
    const [row] = await byHash(this.#db, { hash: hashOf(secret) });
    return row && { token: { id: row.token_id, data: row.token_data }, account: accountOf(row) };
  }

  /** Oldest first. */
  async page(account: string, page: Page): Promise<PageOf<AccountToken>> {
    const { ids, count } = await this.#pages.read(
      {
        table: "account_tokens",
        id: "id",
        where: sql`account_id = ${account}`,
        order: "oldest",
        owner: account,
        kind: "tokens",
      },
      page,
    );
    const rows = ids.length === 0 ? [] : await this.#tokens(account).where("id", "in", ids).execute();
    return { items: inOrder(ids, rows), count };
  }

  async get(account: string, idOrSecret: string): Promise<AccountToken | undefined> {
    return this.#tokens(account)
      .where(named([idOrSecret]))
      .executeTakeFirst();
  }

  /** The ids of those of the account's tokens that are named. */
  async find(account: string, idsOrSecrets: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (const chunk of chunksOf(idsOrSecrets)) {
      const rows = await this.#tokens(account).where(named(chunk)).execute();
      found.push(...rows.map(({ id }) => id));
    }
    return found;
  }

  /** Those ids whose tokens are there and whose accounts are not suspended. */
  async usable(ids: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (const chunk of chunksOf(ids)) {
      const rows = await this.#db
        .selectFrom("account_tokens")
        .innerJoin("accounts", "accounts.id", "account_tokens.account_id")
        .select("account_tokens.id")
        .where("account_tokens.id", "in", chunk)
        .where("accounts.suspended", "=", 0)
        .execute();
      found.push(...rows.map(({ id }) => id));
    }
    return found;
  }

  /** False for an unknown token. */
  async update(account: string, idOrSecret: string, data: string): Promise<boolean> {
    const result = await this.#db
      .updateTable("account_tokens")
      .set({ data })
      .where("account_id", "=", account)
      .where(named([idOrSecret]))
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Deletes tokens; the ids of those that were there. They are refused from now on. */
  async remove(account: string, idsOrSecrets: readonly string[]): Promise<readonly string[]> {
    return transact(this.#db, async (db) => {
      const removed: string[] = [];
      for (const chunk of chunksOf(idsOrSecrets)) {
        const gone = await db
          .deleteFrom("account_tokens")
          .where("account_id", "=", account)
          .where(named(chunk))
          .returning("id")
          .execute();
        removed.push(...gone.map(({ id }) => id));
      }
      await shrink(db, { owner: account, kind: "tokens" }, removed.length);
      return removed;
    });
  }

  #tokens(account: string) {
    return this.#db.selectFrom("account_tokens").select(["id", "data"]).where("account_id", "=", account);
  }
}

/** Tokens by their ids or by themselves. */
function named(idsOrSecrets: readonly string[]) {
  return (row: ExpressionBuilder<Schema, "account_tokens">) =>
    row.or([row("id", "in", idsOrSecrets), row("hash", "in", idsOrSecrets.map(hashOf))]);
}

const byHash = prepared((db, { hash }: { readonly hash: string }) =>
  db
    .selectFrom("account_tokens")
    .innerJoin("accounts", "accounts.id", "account_tokens.account_id")
    .selectAll("accounts")
    .select(["account_tokens.id as token_id", "account_tokens.data as token_data"])
    .where("hash", "=", hash),
);
