/** Descriptors as they are listed. */
import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../schema.ts";
import { listsOf } from "./membership.ts";
import { ownedBy } from "./owned.ts";
import { inOrder } from "./pages.ts";
import type { DescriptorRecord, Sample } from "./records.ts";
import type { DescriptorSamplesTable } from "./schema.ts";

/** Those of up to 1,000 ids that the account has, in the order of the ids. */
export async function descriptorRecords(
  db: Kysely<Schema>,
  account: string,
  ids: readonly string[],
): Promise<readonly DescriptorRecord[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom("descriptors")
    .select(["id", "model", "version", "last_update", "person_id"])
    .where("id", "in", ids)
    .where(ownedBy(account))
    .execute();
  const lists = await listsOf(
    db,
    rows.map(({ id }) => id),
  );
  return inOrder(ids, rows).map((row) => ({
    id: row.id,
    model: row.model,
    version: row.version,
    lastUpdate: Number(row.last_update),
    personId: row.person_id,
    lists: lists.get(row.id) ?? [],
  }));
}

export function sampleOf(row: Omit<Selectable<DescriptorSamplesTable>, "descriptor_id">): Sample {
  return {
    // Only this folder writes the table.
    kind: row.kind as Sample["kind"],
    width: Number(row.width),
    height: Number(row.height),
    bytes: row.content,
  };
}
