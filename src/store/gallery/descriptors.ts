/** Descriptors with their samples. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { Page, PageOf } from "./paging.ts";
import type { DescriptorRecord, NewDescriptor, NewPerson, Sample, Vector } from "./records.ts";

/** A person that is made together with a descriptor. */
export interface Enrolment {
  readonly person: NewPerson;
  /** A list of persons that the person joins. */
  readonly list?: string;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Descriptors {
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  /**
   * Keeps descriptors, all or none; with an enrolment they are the new person's. False, and nothing is kept, when the list
   * is none of the account's lists of persons.
   */
  async create(_account: string, _descriptors: readonly NewDescriptor[], _enrolment?: Enrolment): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async get(_account: string, _id: string): Promise<DescriptorRecord | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Newest first. */
  async page(_account: string, _page: Page): Promise<PageOf<DescriptorRecord>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Numbers by id; those that the account does not have are missing. */
  async vectors(_account: string, _ids: readonly string[]): Promise<ReadonlyMap<string, Vector>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Numbers of all descriptors of a person by their ids; undefined for an unknown person. */
  async ofPerson(_account: string, _person: string): Promise<ReadonlyMap<string, Vector> | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Those of the ids that the account does not have. */
  async unknown(_account: string, _ids: readonly string[]): Promise<readonly string[]> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async sample(_account: string, _id: string): Promise<Sample | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /**
   * Deletes up to `limit` descriptors that belong to neither a person nor a list since before `olderThan` (epoch ms).
   *
   * @returns how many
   */
  async collect(_olderThan: number, _limit: number): Promise<number> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
