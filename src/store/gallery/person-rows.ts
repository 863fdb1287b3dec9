/** Persons as they are listed. */
import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { listsOf } from "./membership.ts";
import { ownedBy } from "./owned.ts";
import { inOrder } from "./pages.ts";
import type { PersonRecord } from "./records.ts";

/** Those of up to 1,000 ids that the account has, in the order of the ids. */
export async function personRecords(
  db: Kysely<Schema>,
  account: string,
  ids: readonly string[],
): Promise<readonly PersonRecord[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom("persons")
    .select(["id", "user_data", "external_id", "created_at"])
    .where("id", "in", ids)
    .where(ownedBy(account))
    .execute();
  const known = rows.map(({ id }) => id);
  const lists = await listsOf(db, known);
  const descriptors = await descriptorsOf(db, known);
  return inOrder(ids, rows).map((row) => ({
    id: row.id,
    userData: row.user_data,
    externalId: row.external_id,
    createdAt: Number(row.created_at),
    descriptors: descriptors.get(row.id) ?? [],
    lists: lists.get(row.id) ?? [],
  }));
}

/** The descriptors of persons, newest first. */
async function descriptorsOf(
  db: Kysely<Schema>,
  persons: readonly string[],
): Promise<ReadonlyMap<string | null, readonly string[]>> {
  const descriptors = new Map<string | null, string[]>();
  if (persons.length === 0) return descriptors;
  const rows = await db
    .selectFrom("descriptors")
    .select(["id", "person_id"])
    .where("person_id", "in", persons)
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
  for (const { id, person_id } of rows) {
    const known = descriptors.get(person_id);
    if (known) known.push(id);
    else descriptors.set(person_id, [id]);
  }
  return descriptors;
}
