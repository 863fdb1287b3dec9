/** Deletes within a transaction that is under way, with what hangs on it. Ids that the account does not have are passed over. */
import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";
import { chunksOf, WRITTEN_IDS } from "./chunks.ts";
import { dropCounts, shrink } from "./counts.ts";
import { ownedBy } from "./owned.ts";
import type { GalleryWrite } from "./writes.ts";

/** What `loose_since` is after something was detached at `time`: that, where the descriptor belongs to nothing any more. */
export function looseFrom(time: number) {
  return sql<number | null>`case
    when person_id is null and not exists (select 1 from list_members where member_id = descriptors.id)
    then cast(${time} as bigint)
  end`;
}

/** Deletes descriptors with their numbers and samples. How many. */
export async function removeDescriptors(write: GalleryWrite, account: string, ids: readonly string[]): Promise<number> {
  let removed = 0;
  for (const chunk of chunksOf(ids, WRITTEN_IDS)) {
    const gone = await write.db
      .deleteFrom("descriptors")
      .where("id", "in", chunk)
      .where(ownedBy(account))
      .returning("id")
      .execute();
    if (gone.length === 0) continue;
    await leaveLists(
      write.db,
      gone.map(({ id }) => id),
    );
    for (const { id } of gone) write.change("descriptor-removed", account, id);
    removed += gone.length;
  }
  await shrink(write.db, { owner: account, kind: "descriptors" }, removed);
  return removed;
}

/** Deletes persons; their descriptors stay without one. How many. */
export async function removePersons(write: GalleryWrite, account: string, ids: readonly string[]): Promise<number> {
  let removed = 0;
  for (const chunk of chunksOf(ids, WRITTEN_IDS)) {
    const known = await write.db
      .selectFrom("persons")
      .select("id")
      .where("id", "in", chunk)
      .where(ownedBy(account))
      .execute();
    if (known.length === 0) continue;
    const gone = known.map(({ id }) => id);
    await leaveLists(write.db, gone);
    const freed = await write.db.selectFrom("descriptors").select("id").where("person_id", "in", gone).execute();
    for (const some of chunksOf(freed, WRITTEN_IDS)) {
      const free = write.db.updateTable("descriptors").where(
        "id",
        "in",
        some.map(({ id }) => id),
      );
      await free.set({ person_id: null, last_update: write.time }).execute();
      await free.set({ loose_since: looseFrom(write.time) }).execute();
    }
    await write.db.deleteFrom("persons").where("id", "in", gone).execute();
    for (const id of gone) write.change("person-removed", account, id);
    removed += gone.length;
  }
  await shrink(write.db, { owner: account, kind: "persons" }, removed);
  return removed;
}

/** Deletes lists that are few, or have few members left. The ids of those that were there. */
export async function removeListRows(
  write: GalleryWrite,
  account: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const chunk of chunksOf(ids, WRITTEN_IDS)) {
    const known = await write.db
      .selectFrom("lists")
      .select(["id", "type"])
      .where("id", "in", chunk)
      .where(ownedBy(account))
      .execute();
    for (const { id, type } of known) {
      const members = await write.db
        .deleteFrom("list_members")
        .where("list_id", "=", id)
        .returning("member_id")
        .execute();
      if (type === "descriptors") await detached(write, members);
      // One by one: galleries find by a list only those of its members that lead to descriptors.
      for (const { member_id } of members) write.change("member-removed", account, member_id, id);
      await write.db.deleteFrom("lists").where("id", "=", id).execute();
      await dropCounts(write.db, id);
      await shrink(write.db, { owner: account, kind: type === "persons" ? "persons-lists" : "descriptors-lists" }, 1);
      write.change("list-removed", account, id);
      removed.push(id);
    }
  }
  return removed;
}

/** Notes on descriptors that they left a list. */
export async function detached(write: GalleryWrite, members: readonly { readonly member_id: string }[]): Promise<void> {
  for (const chunk of chunksOf(members, WRITTEN_IDS)) {
    await write.db
      .updateTable("descriptors")
      .set({ last_update: write.time, loose_since: looseFrom(write.time) })
      .where(
        "id",
        "in",
        chunk.map(({ member_id }) => member_id),
      )
      .execute();
  }
}

/** Takes what goes off all lists. */
async function leaveLists(db: Kysely<Schema>, members: readonly string[]): Promise<void> {
  const left = await db.deleteFrom("list_members").where("member_id", "in", members).returning("list_id").execute();
  const byList = new Map<string, number>();
  for (const { list_id } of left) byList.set(list_id, (byList.get(list_id) ?? 0) + 1);
  for (const [owner, by] of byList) await shrink(db, { owner, kind: "members" }, by);
}
