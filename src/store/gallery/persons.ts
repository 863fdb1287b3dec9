/** Persons. */
import { type Kysely, PostgresAdapter, type RawBuilder, sql } from "kysely";
import { preparedForEach } from "../prepared.ts";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { chunksOf } from "./chunks.ts";
import { addPerson } from "./enrolling.ts";
import { ownedBy } from "./owned.ts";
import type { Pages } from "./pages.ts";
import type { Page, PageOf } from "./paging.ts";
import { personRecords } from "./person-rows.ts";
import type { NewPerson, PersonRecord } from "./records.ts";
import { unknownOf } from "./unknown.ts";
import { removePersons } from "./unlinking.ts";
import type { GalleryWrites } from "./writes.ts";

/** Which persons: both must hold where both are given. */
export interface PersonFilter {
  /** Part of the user data, letter case as it is; no character has a special meaning. */
  readonly userData?: string;
  /** The whole external id. */
  readonly externalId?: string;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Persons {
  readonly #db: Kysely<Schema>;
  readonly #writes: GalleryWrites;
  readonly #pages: Pages;
  readonly #now: () => number;
  /** What the database calls the function that tells where a text has another in it. */
  readonly #position: RawBuilder<unknown>;

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, writes: GalleryWrites, pages: Pages, now: () => number = Date.now) {
    this.#db = db;
    this.#position = sql.raw(db.getExecutor().adapter instanceof PostgresAdapter ? "strpos" : "instr");
    this.#writes = writes;
    this.#pages = pages;
    this.#now = now;
  }

  /** No search sees a person without descriptors, so this is no change of the galleries. */
  async create(account: string, person: NewPerson): Promise<void> {
    await transact(this.#db, (db) => addPerson(db, account, person, this.#now()));
  }

  async get(account: string, id: string): Promise<PersonRecord | undefined> {
    return (await personRecords(this.#db, account, [id]))[0];
  }

  /** Newest first. */
  async page(account: string, filter: PersonFilter, page: Page): Promise<PageOf<PersonRecord>> {
    const { userData = "", externalId } = filter;
    const conditions = [sql`account_id = ${account}`];
    if (externalId !== undefined) conditions.push(sql`external_id = ${externalId}`);
    // Unlike `like` it knows no wildcards, and minds letter case.
    if (userData !== "") conditions.push(sql`${this.#position}(user_data, ${userData}) > 0`);
    const filtered = conditions.length > 1;
    const { ids, count } = await this.#pages.read(
      {
        owner: account,
        kind: "persons",
        table: "persons",
        id: "id",
        where: sql.join(conditions, sql` and `),
        filtered,
        order: "newest",
      },
      page,
    );
    return { items: await personRecords(this.#db, account, ids), count };
  }

  /** What matches show of persons, by id; those that the account does not have are missing. */
  async named(account: string, ids: readonly string[]): Promise<ReadonlyMap<string, NewPerson>> {
    const persons = new Map<string, NewPerson>();
    for (const chunk of chunksOf(ids)) {
      const rows = chunk.map((id) => ({ id }));
      for (const { id, user_data, external_id } of await namesOf(this.#db, { account }, rows)) {
        persons.set(id, { id, userData: user_data, externalId: external_id });
      }
    }
    return persons;
  }

  /** Those of the ids that the account does not have. */
  async unknown(account: string, ids: readonly string[]): Promise<readonly string[]> {
    return unknownOf(this.#db, "persons", account, ids);
  }

  /** Changes what is given; false for an unknown person. */
  async update(
    account: string,
    id: string,
    { userData, externalId }: { readonly userData?: string; readonly externalId?: string },
  ): Promise<boolean> {
    const set = {
      ...(userData === undefined ? {} : { user_data: userData }),
      ...(externalId === undefined ? {} : { external_id: externalId }),
    };
    if (Object.keys(set).length === 0) return (await this.unknown(account, [id])).length === 0;
    const result = await this.#db
      .updateTable("persons")
      .set(set)
      .where("id", "=", id)
      .where(ownedBy(account))
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Deletes a person: it leaves its lists, its descriptors stay without a person. False for an unknown one. */
  async remove(account: string, id: string): Promise<boolean> {
    return this.#writes.run(async (write) => (await removePersons(write, account, [id])) > 0);
  }
}

const namesOf = preparedForEach(
  (db, { account }: { readonly account: string }, rows: readonly { readonly id: string }[]) =>
    db
      .selectFrom("persons")
      .select(["id", "user_data", "external_id"])
      .where(
        "id",
        "in",
        rows.map(({ id }) => id),
      )
      .where(ownedBy(account)),
);
