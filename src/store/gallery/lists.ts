/** Lists of persons and lists of descriptors. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { Page, PageOf } from "./paging.ts";
import type { DescriptorRecord, ListRecord, ListType, PersonRecord } from "./records.ts";

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Lists {
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  /** Makes a list; its id. */
  async create(_account: string, _type: ListType, _data: string): Promise<string> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async get(_account: string, _id: string): Promise<ListRecord | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Newest first. */
  async page(_account: string, _type: ListType, _page: Page): Promise<PageOf<ListRecord>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Members of a list of persons, newest first. */
  async persons(_account: string, _id: string, _page: Page): Promise<PageOf<PersonRecord>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Members of a list of descriptors, newest first. */
  async descriptors(_account: string, _id: string, _page: Page): Promise<PageOf<DescriptorRecord>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** False for an unknown list. */
  async update(_account: string, _id: string, _data: string): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Deletes lists; their members stay. The ids of those that were there. */
  async remove(_account: string, _ids: readonly string[]): Promise<readonly string[]> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
