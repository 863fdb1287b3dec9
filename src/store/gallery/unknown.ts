/** Which ids an account does not have. */
import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { chunksOf } from "./chunks.ts";
import { ownedBy } from "./owned.ts";

/** Those of the ids that the account does not have, each once, in their order. */
export async function unknownOf(
  db: Kysely<Schema>,
  table: "persons" | "descriptors",
  account: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const unknown = new Set(ids);
  for (const chunk of chunksOf([...unknown])) {
    const rows = await db.selectFrom(table).select("id").where("id", "in", chunk).where(ownedBy(account)).execute();
    for (const { id } of rows) unknown.delete(id);
  }
  return [...unknown];
}
