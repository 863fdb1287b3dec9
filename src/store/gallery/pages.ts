/**
 * Pages of collections by number. Every page is exactly that part of the collection as it was at one moment, with the number
 * of all at that moment: rows that come or go between two pages shift what follows, as page numbers do.
 *
 * A page beside one that was read before is found at once, however deep it lies (see `page-anchors.ts`); others take a walk
 * over an index from the nearest that is known, which for 100,000 rows is a matter of milliseconds.
 */
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "../schema.ts";
import type { Collection } from "./counts.ts";
import { type Anchor, PageAnchors, type Way } from "./page-anchors.ts";
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

/** Reads by a remembered way before one that needs nothing remembered: only for collections that change all the time. */
const TRIES = 3;

/** Reads pages. */
export class Pages {
  readonly #db: Kysely<Schema>;
  readonly #anchors = new PageAnchors();

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async read(collection: PagedCollection, { page, pageSize }: Page): Promise<PageOfIds> {
    const skip = (page - 1) * pageSize;
    if (collection.filtered || collection.order === "oldest") return this.#plain(collection, skip, pageSize);
    const key = `${collection.owner} ${collection.kind}`;
    for (let tries = 0; tries < TRIES; tries++) {
      const known = this.#anchors.known(key);
      if (!known) break;
      const newest = known.count - skip;
      const ranks = { oldest: Math.max(1, newest - pageSize + 1), newest };
      // Behind the end there is only the number of all to be read.
      const way = newest > 0 ? this.#anchors.wayTo(key, ranks) : undefined;
      const read = await this.#select(collection, way ? along(way, newest - ranks.oldest + 1) : NO_ROWS);
      const fits = read.count === known.count && read.edits === known.edits;
      this.#anchors.remember(key, read, fits ? anchorsOf(read, newest) : []);
      if (fits) return pageOf(read);
    }
    const read = await this.#select(collection, { order: "older", limit: pageSize, offset: skip });
    this.#anchors.remember(key, read, anchorsOf(read, read.count - skip));
    return pageOf(read);
  }

  async #plain(collection: PagedCollection, offset: number, limit: number): Promise<PageOfIds> {
    return pageOf(await this.#select(collection, { order: "older", limit, offset }));
  }

  /** One statement, so that the counts and the rows are of one moment. */
  async #select(collection: PagedCollection, { from, order, limit, offset }: Slice): Promise<Read> {
    const { table, where, owner, kind, filtered } = collection;
    const id = sql.ref(collection.id);
    // What a filter finds is gone through once: finding it is the slow part.
    const found = sql`with found as materialized (select created_at, ${id} from ${sql.table(table)} where ${where})`;
    const counts = filtered
      ? sql`select count(*) as count, 0 as edits from found`
      : sql`select max(count) as count, max(edits) as edits from gallery_counts where owner = ${owner} and kind = ${kind}`;
    const rowsOf = filtered ? sql`found where 1 = 1` : sql`${sql.table(table)} where ${where}`;
    const begin = from === undefined ? sql`` : beginning(from, order, id);
    const { rows } = await sql<Row>`
      ${filtered ? found : sql``}
      select counts.count, counts.edits, keys.created_at, keys.id
      from (${counts}) as counts
      left join (
        select created_at, ${id} as id from ${rowsOf} ${begin}
        order by ${ordering(collection, order, id)} limit ${limit} offset ${offset}
      ) as keys on 1 = 1
      order by ${ordering(collection, "older", sql.ref("keys.id"))}`.execute(this.#db);
    return {
      count: Number(rows[0]?.count ?? 0),
      edits: Number(rows[0]?.edits ?? 0),
      keys: rows.flatMap(({ created_at, id }) => (id === null ? [] : { id, createdAt: Number(created_at) })),
    };
  }
}

/** What is to be read of a collection. */
interface Slice {
  readonly from?: Anchor | undefined;
  readonly order: Way["towards"];
  readonly limit: number;
  readonly offset: number;
}

const NO_ROWS: Slice = { order: "older", limit: 0, offset: 0 };

interface Row {
  readonly count: number | string | null;
  readonly edits: number | string | null;
  readonly created_at: number | string | null;
  readonly id: string | null;
}

interface Read {
  readonly count: number;
  readonly edits: number;
  readonly keys: readonly Pick<Anchor, "id" | "createdAt">[];
}

function along({ from, towards, skip }: Way, limit: number): Slice {
  return { from, order: towards, limit, offset: skip };
}

/** The row itself and all that lie in the direction. Written so that an index on both columns leads there. */
function beginning({ createdAt, id }: Anchor, order: Way["towards"], column: RawBuilder<unknown>) {
  return order === "older"
    ? sql`and created_at <= ${createdAt} and (created_at < ${createdAt} or ${column} >= ${id})`
    : sql`and created_at >= ${createdAt} and (created_at > ${createdAt} or ${column} <= ${id})`;
}

/** As on the page, or the other way round. */
function ordering({ order }: PagedCollection, towards: Way["towards"], id: RawBuilder<unknown>) {
  if (order === "oldest") return sql`created_at, ${id}`;
  return towards === "older" ? sql`created_at desc, ${id}` : sql`created_at, ${id} desc`;
}

/** Both ends of a page whose first row has the rank `newest`. */
function anchorsOf({ keys }: Read, newest: number): readonly Anchor[] {
  const [first, last] = [keys[0], keys.at(-1)];
  if (!first || !last) return [];
  return [
    { ...first, rank: newest },
    { ...last, rank: newest - keys.length + 1 },
  ];
}

function pageOf({ keys, count }: Read): PageOfIds {
  return { ids: keys.map(({ id }) => id), count };
}

/** Rows in the order of their ids; ids without a row, deleted meanwhile, are left out. */
export function inOrder<T extends { readonly id: string }>(ids: readonly string[], rows: readonly T[]): readonly T[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
