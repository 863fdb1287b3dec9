/** Tokens of accounts. Only their hashes are kept; where an id is taken, the token itself will do as well. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { Page, PageOf } from "./paging.ts";
import type { Account, AccountToken } from "./records.ts";

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class AccountTokens {
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  /** Makes a token (a UUID of version 4) that can be used at once. It is in the answer and nowhere else. */
  async create(_account: string, _data: string): Promise<AccountToken & { readonly secret: string }> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** The token of a secret with its account (which may be suspended), or undefined. */
  async verify(_secret: string): Promise<{ readonly token: AccountToken; readonly account: Account } | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Oldest first. */
  async page(_account: string, _page: Page): Promise<PageOf<AccountToken>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async get(_account: string, _idOrSecret: string): Promise<AccountToken | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** False for an unknown token. */
  async update(_account: string, _idOrSecret: string, _data: string): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Deletes tokens; the ids of those that were there. They are refused from now on. */
  async remove(_account: string, _idsOrSecrets: readonly string[]): Promise<readonly string[]> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
