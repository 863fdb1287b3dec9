/** Who is on which list, within a transaction that is under way. */
import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";
import { chunksOf, WRITTEN_IDS } from "./chunks.ts";
import { growMembers, shrink } from "./counts.ts";
import { ownedBy } from "./owned.ts";
import type { ListType } from "./records.ts";
import { detached } from "./unlinking.ts";
import type { GalleryWrite } from "./writes.ts";

/** The lists of those of the members that are on any. */
export async function listsOf(
  db: Kysely<Schema>,
  members: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const lists = new Map<string, string[]>();
  for (const chunk of chunksOf([...new Set(members)])) {
    const rows = await db
      .selectFrom("list_members")
      .select(["member_id", "list_id"])
      .where("member_id", "in", chunk)
      .orderBy("list_id")
      .execute();
    for (const { member_id, list_id } of rows) {
      const known = lists.get(member_id);
      if (known) known.push(list_id);
      else lists.set(member_id, [list_id]);
    }
  }
  return lists;
}

/** A list and who joins or leaves it. */
export interface Joining {
  readonly account: string;
  readonly list: string;
  readonly type: ListType;
  /** All of them the account's. */
  readonly members: readonly string[];
}

/** Puts members on a list; those that are on it stay as they are. */
export async function join(write: GalleryWrite, { account, list, type, members }: Joining): Promise<void> {
  for (const chunk of chunksOf(members, WRITTEN_IDS)) {
    const joined = await write.db
      .insertInto("list_members")
      .columns(["list_id", "member_id", "created_at"])
      .expression((query) =>
        query
          .selectFrom(type)
          .select((row) => [row.val(list).as("list_id"), "id", "created_at"])
          .where("id", "in", chunk)
          .where(ownedBy(account)),
      )
      .onConflict((conflict) => conflict.columns(["list_id", "member_id"]).doNothing())
      .returning(["member_id", "created_at"])
      .execute();
    if (joined.length === 0) continue;
    const ids = joined.map(({ member_id }) => member_id);
    const times = joined.map(({ created_at }) => Number(created_at));
    await growMembers(write.db, list, joined.length, { oldest: Math.min(...times), newest: Math.max(...times) });
    if (type === "descriptors") {
      await write.db
        .updateTable("descriptors")
        .set({ last_update: write.time, loose_since: null })
        .where("id", "in", ids)
        .execute();
    }
    for (const id of ids) write.change("member-added", account, id, list);
  }
}

/** Takes members off a list. */
export async function leave(write: GalleryWrite, { account, list, type, members }: Joining): Promise<void> {
  let gone = 0;
  for (const chunk of chunksOf(members, WRITTEN_IDS)) {
    const left = await write.db
      .deleteFrom("list_members")
      // As with `ownedBy`: a thousand keys are looked up rather than all members of the list read.
      .where(sql<boolean>`list_id || '' = ${list}`)
      .where("member_id", "in", chunk)
      .returning("member_id")
      .execute();
    if (type === "descriptors") await detached(write, left);
    for (const { member_id } of left) write.change("member-removed", account, member_id, list);
    gone += left.length;
  }
  await shrink(write.db, { owner: list, kind: "members" }, gone);
}
