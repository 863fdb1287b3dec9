/** Descriptors with their samples. */
import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";
import { mergeLog } from "../sqlite-log.ts";
import { chunksOf } from "./chunks.ts";
import { Creations } from "./creations.ts";
import { descriptorRecords, sampleOf } from "./descriptor-rows.ts";
import { addDescriptors, addPerson } from "./enrolling.ts";
import { join } from "./membership.ts";
import { ownedBy } from "./owned.ts";
import type { Pages } from "./pages.ts";
import type { Page, PageOf } from "./paging.ts";
import type { DescriptorRecord, NewDescriptor, NewPerson, Sample, Vector } from "./records.ts";
import { unknownOf } from "./unknown.ts";
import { removeDescriptors } from "./unlinking.ts";
import { vectorOfBytes } from "./vector-bytes.ts";
import type { GalleryWrites } from "./writes.ts";

/** A person that is made together with a descriptor. */
export interface Enrolment {
  readonly person: NewPerson;
  /** A list of persons that the person joins. */
  readonly list?: string;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Descriptors {
  readonly #db: Kysely<Schema>;
  readonly #writes: GalleryWrites;
  readonly #pages: Pages;
  readonly #creations: Creations;
  /** Whether something was collected that the log may still hold. */
  #hasToMerge = false;

  constructor(db: Kysely<Schema>, writes: GalleryWrites, pages: Pages) {
    this.#db = db;
    this.#writes = writes;
    this.#pages = pages;
    this.#creations = new Creations(writes);
  }

  /**
   * Keeps descriptors, all or none; with an enrolment they are the new person's. False, and nothing is kept, when the list
   * is none of the account's lists of persons.
   */
  async create(account: string, descriptors: readonly NewDescriptor[], enrolment?: Enrolment): Promise<boolean> {
    if (!enrolment) {
      await this.#creations.create(account, descriptors);
      return true;
    }
    const { person, list } = enrolment;
    return this.#writes.run(async (write) => {
      if (list !== undefined) {
        const known = await write.db
          .selectFrom("lists")
          .select("id")
          .where("id", "=", list)
          .where(ownedBy(account))
          .where("type", "=", "persons")
          .executeTakeFirst();
        if (!known) return false;
      }
      await addPerson(write.db, account, person, write.time);
      if (list !== undefined) await join(write, { account, list, type: "persons", members: [person.id] });
      await addDescriptors(write, account, descriptors, person.id);
      return true;
    });
  }

  async get(account: string, id: string): Promise<DescriptorRecord | undefined> {
    return (await descriptorRecords(this.#db, account, [id]))[0];
  }

  /** Newest first. */
  async page(account: string, page: Page): Promise<PageOf<DescriptorRecord>> {
    const { ids, count } = await this.#pages.read(
      {
        owner: account,
        kind: "descriptors",
        table: "descriptors",
        id: "id",
        where: sql`account_id = ${account}`,
        order: "newest",
      },
      page,
    );
    return { items: await descriptorRecords(this.#db, account, ids), count };
  }

  /** Numbers by id; those that the account does not have are missing. */
  async vectors(account: string, ids: readonly string[]): Promise<ReadonlyMap<string, Vector>> {
    const vectors = new Map<string, Vector>();
    for (const chunk of chunksOf(ids)) {
      const rows = await this.#vectors(account).where("descriptors.id", "in", chunk).execute();
      for (const row of rows) vectors.set(row.id, vectorOf(row));
    }
    return vectors;
  }

  /** Numbers of all descriptors of a person by their ids; undefined for an unknown person. */
  async ofPerson(account: string, person: string): Promise<ReadonlyMap<string, Vector> | undefined> {
    const rows = await this.#vectors(account).where("person_id", "=", person).execute();
    if (rows.length === 0 && (await unknownOf(this.#db, "persons", account, [person])).length > 0) return undefined;
    return new Map(rows.map((row) => [row.id, vectorOf(row)]));
  }

  /** Those of the ids that the account does not have. */
  async unknown(account: string, ids: readonly string[]): Promise<readonly string[]> {
    return unknownOf(this.#db, "descriptors", account, ids);
  }

  async sample(account: string, id: string): Promise<Sample | undefined> {
    const row = await this.#db
      .selectFrom("descriptor_samples")
      .innerJoin("descriptors", "descriptors.id", "descriptor_samples.descriptor_id")
      .select(["kind", "width", "height", "content"])
      .where("descriptors.id", "=", id)
      .where(ownedBy(account))
      .executeTakeFirst();
    return row && sampleOf(row);
  }

  /**
   * Deletes up to `limit` descriptors that belong to neither a person nor a list since before `olderThan` (epoch ms). With
   * the last of them they are gone from the disk too.
   *
   * @returns how many
   */
  async collect(olderThan: number, limit: number): Promise<number> {
    const collected = await this.#writes.run(async (write) => {
      const loose = await write.db
        .selectFrom("descriptors")
        .select(["id", "account_id"])
        .where("loose_since", "<", olderThan)
        .orderBy("loose_since")
        .limit(limit)
        .execute();
      const byAccount = new Map<string, string[]>();
      for (const { id, account_id } of loose) {
        const ids = byAccount.get(account_id) ?? [];
        ids.push(id);
        byAccount.set(account_id, ids);
      }
      for (const [account, ids] of byAccount) await removeDescriptors(write, account, ids);
      return loose.length;
    });
    this.#hasToMerge ||= collected > 0;
    if (this.#hasToMerge && collected < limit) {
      this.#hasToMerge = false;
      await mergeLog(this.#db);
    }
    return collected;
  }

  #vectors(account: string) {
    return this.#db
      .selectFrom("descriptors")
      .innerJoin("descriptor_vectors", "descriptor_vectors.number", "descriptors.number")
      .select(["descriptors.id", "model", "version", "content"])
      .where(ownedBy(account));
  }
}

function vectorOf(row: { readonly model: string; readonly version: string; readonly content: Uint8Array }): Vector {
  return { model: row.model, version: row.version, values: vectorOfBytes(row.content) };
}
