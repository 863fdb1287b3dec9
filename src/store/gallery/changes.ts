/**
 * The feed of changes by which every process keeps its copy of the galleries exact. Each writing transaction takes the next
 * position under the lock of a single row, held until the commit: positions become visible in order and without gaps.
 * Changes say how something is now, not what was done to it, so applying one twice changes nothing.
 */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { Vector } from "./records.ts";

/** A change, at its position. */
export type GalleryChange = { readonly position: number } & (
  | {
      /** The descriptor is there, with these numbers and this person. */
      readonly kind: "descriptor";
      readonly account: string;
      readonly descriptor: string;
      readonly person: string | null;
      readonly vector: Vector;
    }
  | { readonly kind: "descriptor-removed"; readonly descriptor: string }
  | { readonly kind: "person"; readonly descriptor: string; readonly person: string | null }
  | { readonly kind: "person-removed"; readonly person: string }
  | {
      /** `member`: a person or a descriptor, by the list's type. */
      readonly kind: "member";
      readonly account: string;
      readonly list: string;
      readonly member: string;
      readonly present: boolean;
    }
  | { readonly kind: "list-removed"; readonly list: string }
);

/** A descriptor of a {@link GalleryChanges.descriptors} page. */
export interface LoadedDescriptor {
  readonly account: string;
  readonly descriptor: string;
  readonly person: string | null;
  readonly vector: Vector;
}

/** A membership of a {@link GalleryChanges.members} page. */
export interface LoadedMember {
  readonly account: string;
  readonly list: string;
  readonly member: string;
}

/** A part of everything; `next` undefined at the end. */
export interface LoadedPage<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class GalleryChanges {
  constructor(_db: Kysely<Schema>) {}

  /** The position of the last committed change; 0 before the first. One row by its key: cheap enough for every search. */
  async position(): Promise<number> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /**
   * Changes behind a position in their order, at most about `limit` but always whole positions; undefined when changes
   * behind it were deleted already, so that everything has to be loaded again.
   */
  async after(_position: number, _limit: number): Promise<readonly GalleryChange[] | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** All descriptors, a page at a time in any fixed order. Read {@link position} first, then the changes behind it. */
  async descriptors(_next: string | undefined, _limit: number): Promise<LoadedPage<LoadedDescriptor>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** All memberships, likewise. */
  async members(_next: string | undefined, _limit: number): Promise<LoadedPage<LoadedMember>> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Calls the listener after each commit of this process that changed galleries; the answer ends that. */
  onCommitted(_listener: () => void): () => void {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Deletes changes that are older than `olderThan` (epoch ms), all but the `keep` newest. */
  async prune(_limits: { readonly olderThan: number; readonly keep: number }): Promise<number> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
