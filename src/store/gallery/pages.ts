/** Pages of collections by number. */
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "../schema.ts";
import type { Collection } from "./counts.ts";
import type { Page } from "./paging.ts";

/** A collection and where its rows are; the rows have a column `created_at`. */
export interface PagedCollection extends Collection {
  readonly table: "account_tokens" | "persons" | "descriptors" | "lists" | "list_members";
  /** The column of the ids that a page consists of. */
  readonly id: "id" | "member_id";
  /** Which rows. */
  readonly where: RawBuilder<unknown>;
  /** `where` takes only some of the rows that are counted. */
  readonly filtered?: boolean;
  readonly order: "newest" | "oldest";
}

/** The ids of a page in their order, and how many there are in all. */
export interface PageOfIds {
  readonly ids: readonly string[];
  readonly count: number;
}

/** Reads pages. */
export class Pages {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async read(collection: PagedCollection, { page, pageSize }: Page): Promise<PageOfIds> {
    const { table, where, owner, kind } = collection;
    const direction = sql.raw(collection.order === "newest" ? "desc" : "asc");
    const id = sql.ref(collection.id);
    const count = collection.filtered
      ? sql`(select count(*) from ${sql.table(table)} where ${where})`
      : sql`(select count from gallery_counts where owner = ${owner} and kind = ${kind})`;
    // One statement, so that the count and the rows are of one moment.
    const { rows } = await sql<{ count: number | null; id: string | null }>`
      select counted.count, keys.id
      from (select ${count} as count) as counted
      left join (
        select created_at, ${id} as id from ${sql.table(table)} where ${where}
        order by created_at ${direction}, ${id} limit ${pageSize} offset ${(page - 1) * pageSize}
      ) as keys on 1 = 1
      order by keys.created_at ${direction}, keys.id`.execute(this.#db);
    return { ids: rows.flatMap(({ id }) => id ?? []), count: Number(rows[0]?.count ?? 0) };
  }
}

/** Rows in the order of their ids; ids without a row, deleted meanwhile, are left out. */
export function inOrder<T extends { readonly id: string }>(ids: readonly string[], rows: readonly T[]): readonly T[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
