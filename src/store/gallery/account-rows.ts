/** What the repositories of accounts and of their tokens share. */
import { createHash } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../schema.ts";
import { grow } from "./counts.ts";
import type { Account, AccountToken } from "./records.ts";
import type { AccountsTable } from "./schema.ts";

/** The account of a row, or of the columns of a join. */
export function accountOf(row: Omit<Selectable<AccountsTable>, "email_key" | "password_hash">): Account {
  return {
    id: row.id,
    organizationName: row.organization_name,
    email: row.email,
    suspended: Number(row.suspended) === 1,
    createdAt: Number(row.created_at),
  };
}

/** Makes a token within a transaction. */
export async function addToken(
  db: Kysely<Schema>,
  account: string,
  data: string,
  now: number,
): Promise<AccountToken & { readonly secret: string }> {
  const secret = crypto.randomUUID();
  const id = crypto.randomUUID();
  const createdAt = await grow(db, { owner: account, kind: "tokens" }, 1, now);
  await db
    .insertInto("account_tokens")
    .values({ id, account_id: account, hash: hashOf(secret), data, created_at: createdAt })
    .execute();
  return { id, data, secret };
}

/** What is kept of a secret, a UUID in any letter case. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret.toLowerCase()).digest("hex");
}
