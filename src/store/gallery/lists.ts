/** Lists of persons and lists of descriptors. */
import { type Kysely, sql } from "kysely";
import { preparedForEach } from "../prepared.ts";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { chunksOf } from "./chunks.ts";
import { grow } from "./counts.ts";
import { descriptorRecords } from "./descriptor-rows.ts";
import { leave } from "./membership.ts";
import { ownedBy } from "./owned.ts";
import { inOrder, type PageOfIds, type Pages } from "./pages.ts";
import type { Page, PageOf } from "./paging.ts";
import { personRecords } from "./person-rows.ts";
import type { DescriptorRecord, ListRecord, ListType, PersonRecord } from "./records.ts";
import { removeListRows } from "./unlinking.ts";
import type { GalleryWrites } from "./writes.ts";

/** Members that one transaction takes off lists that are deleted. */
const LEAVE_CHUNK = 500;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Lists {
  readonly #db: Kysely<Schema>;
  readonly #writes: GalleryWrites;
  readonly #pages: Pages;
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, writes: GalleryWrites, pages: Pages, now: () => number = Date.now) {
    this.#db = db;
    this.#writes = writes;
    this.#pages = pages;
    this.#now = now;
  }

  /** Makes a list; its id. No search sees an empty list, so this is no change of the galleries. */
  async create(account: string, type: ListType, data: string): Promise<string> {
    const id = crypto.randomUUID();
    await transact(this.#db, async (db) => {
      const createdAt = await grow(db, { owner: account, kind: `${type}-lists` }, 1, this.#now());
      await db.insertInto("lists").values({ id, account_id: account, type, data, created_at: createdAt }).execute();
    });
    return id;
  }

  async get(account: string, id: string): Promise<ListRecord | undefined> {
    return (await this.#records(account, [id]))[0];
  }

  /** Newest first. */
  async page(account: string, type: ListType, page: Page): Promise<PageOf<ListRecord>> {
    const { ids, count } = await this.#pages.read(
      {
        owner: account,
        kind: `${type}-lists`,
        table: "lists",
        id: "id",
        where: sql`account_id = ${account} and type = ${type}`,
        order: "newest",
      },
      page,
    );
    return { items: await this.#records(account, ids), count };
  }

  /** Members of a list of persons, newest first. */
  async persons(account: string, id: string, page: Page): Promise<PageOf<PersonRecord>> {
    const { ids, count } = await this.#members(id, page);
    return { items: await personRecords(this.#db, account, ids), count };
  }

  /** Members of a list of descriptors, newest first. */
  async descriptors(account: string, id: string, page: Page): Promise<PageOf<DescriptorRecord>> {
    const { ids, count } = await this.#members(id, page);
    return { items: await descriptorRecords(this.#db, account, ids), count };
  }

  /** False for an unknown list. */
  async update(account: string, id: string, data: string): Promise<boolean> {
    const result = await this.#db
      .updateTable("lists")
      .set({ data })
      .where("id", "=", id)
      .where(ownedBy(account))
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /**
   * Deletes lists; their members stay. The ids of those that were there. Many lists go in several transactions, and a long
   * one is emptied in many before it goes: where that is broken off, a part of the lists or of its members is left.
   */
  async remove(account: string, ids: readonly string[]): Promise<readonly string[]> {
    const removed: string[] = [];
    let some: string[] = [];
    let members = 0;
    const removeSome = async () => {
      removed.push(...(await this.#writes.run((write) => removeListRows(write, account, some))));
      some = [];
      members = 0;
    };
    for (const { id, type, count } of await this.#records(account, ids)) {
      let left = count;
      for (; left > LEAVE_CHUNK; left -= LEAVE_CHUNK) await this.#leaveSome(account, id, type);
      if (members + left > LEAVE_CHUNK) await removeSome();
      some.push(id);
      members += left;
    }
    if (some.length > 0) await removeSome();
    return removed;
  }

  async #leaveSome(account: string, list: string, type: ListType): Promise<void> {
    await this.#writes.run(async (write) => {
      const some = await write.db
        .selectFrom("list_members")
        .select("member_id")
        .where("list_id", "=", list)
        // As they were made, and so as the tables and most of their indexes hold them: fewer pages to change.
        .orderBy("created_at", "desc")
        .orderBy("member_id")
        .limit(LEAVE_CHUNK)
        .execute();
      await leave(write, { account, list, type, members: some.map(({ member_id }) => member_id) });
    });
  }

  #members(list: string, page: Page): Promise<PageOfIds> {
    return this.#pages.read(
      {
        owner: list,
        kind: "members",
        table: "list_members",
        id: "member_id",
        where: sql`list_id = ${list}`,
        order: "newest",
      },
      page,
    );
  }

  async #records(account: string, ids: readonly string[]): Promise<readonly ListRecord[]> {
    const records: ListRecord[] = [];
    for (const chunk of chunksOf(ids)) {
      const rows = await listRows(
        this.#db,
        { account },
        chunk.map((id) => ({ id })),
      );
      for (const { id, type, data, count } of inOrder(chunk, rows)) {
        // Only this file writes the column.
        records.push({ id, type: type as ListType, data, count: Number(count ?? 0) });
      }
    }
    return records;
  }
}

const listRows = preparedForEach(
  (db, { account }: { readonly account: string }, rows: readonly { readonly id: string }[]) =>
    db
      .selectFrom("lists")
      .leftJoin("gallery_counts", (on) => on.onRef("owner", "=", "id").on("kind", "=", "members"))
      .select(["id", "type", "data", "count"])
      .where(
        "id",
        "in",
        rows.map(({ id }) => id),
      )
      .where(ownedBy(account)),
);
