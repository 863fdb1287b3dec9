/** Rows of an account that are looked up by their ids. */
import { sql } from "kysely";

/**
 * Whether a row is the account's; said so that no index on the account serves it. SQLite, which knows little of how values
 * are spread, would otherwise read all rows of an account rather than find a hundred of them by their keys.
 */
export function ownedBy(account: string) {
  return sql<boolean>`account_id || '' = ${account}`;
}
