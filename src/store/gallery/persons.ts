/** Persons. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { Page, PageOf } from "./paging.ts";
import type { NewPerson, PersonRecord } from "./records.ts";

/** Which persons: both must hold where both are given. */
export interface PersonFilter {
  /** Part of the user data, letter case as it is; no character has a special meaning. */
  readonly userData?: string;
  /** The whole external id. */
  readonly externalId?: string;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Persons {
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  async create(_account: string, _person: NewPerson): Promise<void> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async get(_account: string, _id: string): Promise<PersonRecord | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Newest first. */
  async page(_account: string, _filter: PersonFilter, _page: Page): Promise<PageOf<PersonRecord>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** What matches show of persons, by id; those that the account does not have are missing. */
  async named(_account: string, _ids: readonly string[]): Promise<ReadonlyMap<string, NewPerson>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Those of the ids that the account does not have. */
  async unknown(_account: string, _ids: readonly string[]): Promise<readonly string[]> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Changes what is given; false for an unknown person. */
  async update(
    _account: string,
    _id: string,
    _change: { readonly userData?: string; readonly externalId?: string },
  ): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Deletes a person: it leaves its lists, its descriptors stay without a person. False for an unknown one. */
  async remove(_account: string, _id: string): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
