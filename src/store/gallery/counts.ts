/**
 * How many rows a collection has, kept up to date by whoever changes it, in the same transaction: counting 100,000 rows for
 * each page would make every page slow. The row also orders the creations of a collection: each gets a time that is later
 * than any before it, so new rows always come at the newest end, also when clocks go back or differ.
 */
import { type Kysely, sql } from "kysely";
import { prepared } from "../prepared.ts";
import type { Schema } from "../schema.ts";

/** `members` belong to a list, the others to an account. */
export type CountKind = "tokens" | "persons" | "descriptors" | "persons-lists" | "descriptors-lists" | "members";

/** A collection that is shown in pages. */
export interface Collection {
  /** An account or a list. */
  readonly owner: string;
  readonly kind: CountKind;
}

/** Adds to a count; the creation time of what is added, epoch milliseconds: `now`, or later if that was given out before. */
export async function grow(db: Kysely<Schema>, { owner, kind }: Collection, by: number, now: number): Promise<number> {
  const [row] = await grown(db, { owner, kind, by, now });
  return Number(row?.newest);
}

const grown = prepared<Collection & { readonly by: number; readonly now: number }, { newest: number }>(
  (db, { owner, kind, by, now }) =>
    db
      .insertInto("gallery_counts")
      .values({ owner, kind, count: by, edits: 0, newest: now })
      .onConflict((conflict) =>
        conflict.columns(["owner", "kind"]).doUpdateSet({
          count: sql<number>`gallery_counts.count + excluded.count`,
          newest: sql<number>`case when gallery_counts.newest >= excluded.newest then gallery_counts.newest + 1 else excluded.newest end`,
        }),
      )
      .returning("newest"),
);

/** Takes from a count. */
export async function shrink(db: Kysely<Schema>, { owner, kind }: Collection, by: number): Promise<void> {
  if (by === 0) return;
  await db
    .updateTable("gallery_counts")
    .set((row) => ({ count: row("count", "-", by), edits: row("edits", "+", 1) }))
    .where("owner", "=", owner)
    .where("kind", "=", kind)
    .execute();
}

/** Adds members to a list, the newest of which was made at `newest`, the oldest at `oldest`; epoch milliseconds. */
export async function growMembers(
  db: Kysely<Schema>,
  list: string,
  by: number,
  { oldest, newest }: { readonly oldest: number; readonly newest: number },
): Promise<void> {
  const known = sql`gallery_counts.newest`;
  await db
    .insertInto("gallery_counts")
    .values({ owner: list, kind: "members" satisfies CountKind, count: by, edits: 0, newest })
    .onConflict((conflict) =>
      conflict.columns(["owner", "kind"]).doUpdateSet({
        count: sql<number>`gallery_counts.count + excluded.count`,
        edits: sql<number>`gallery_counts.edits + case when ${known} >= ${oldest} then 1 else 0 end`,
        newest: sql<number>`case when ${known} > excluded.newest then ${known} else excluded.newest end`,
      }),
    )
    .execute();
}

/** Forgets the counts of an owner that goes. */
export async function dropCounts(db: Kysely<Schema>, owner: string): Promise<void> {
  await db.deleteFrom("gallery_counts").where("owner", "=", owner).execute();
}
