/**
 * The feed of changes by which every process keeps its copy of the galleries exact. Each writing transaction takes the next
 * position under the lock of a single row, held until the commit: positions become visible in order and without gaps.
 * Changes say how something is now, not what was done to it, so applying one twice changes nothing.
 */

import { type Kysely, type Selectable, sql } from "kysely";
import { nextTurn } from "../../bus/turn.ts";
import { prepared } from "../prepared.ts";
import type { Schema } from "../schema.ts";
import { transact } from "../transactions.ts";
import { chunksOf } from "./chunks.ts";
import { listsOf } from "./membership.ts";
import type { Vector } from "./records.ts";
import type { GalleryChangesTable } from "./schema.ts";
import { vectorOfBytes } from "./vector-bytes.ts";
import type { ChangeKind, GalleryWrites } from "./writes.ts";

/** A change, at its position. */
export type GalleryChange = { readonly position: number } & (
  | {
      /** The descriptor is there, with these numbers and this person. */
      readonly kind: "descriptor";
      readonly account: string;
      readonly descriptor: string;
      readonly person: string | null;
      /** Those its person is on. */
      readonly lists: readonly string[];
      readonly vector: Vector;
    }
  | {
      /** It is on no list any more either. */
      readonly kind: "descriptor-removed";
      readonly descriptor: string;
    }
  | {
      /** The descriptor belongs to the person, or to none. */
      readonly kind: "person";
      readonly account: string;
      readonly descriptor: string;
      readonly person: string | null;
      /** Those the person is on: whoever keeps a share of the descriptors knows no other persons than theirs. */
      readonly lists: readonly string[];
    }
  | {
      /** It is on no list any more, its descriptors have no person. */
      readonly kind: "person-removed";
      readonly person: string;
    }
  | {
      /** `member`: a person or a descriptor, by the list's type. */
      readonly kind: "member";
      readonly account: string;
      readonly list: string;
      readonly member: string;
      readonly present: boolean;
    }
  | {
      /** Nothing is on it any more. */
      readonly kind: "list-removed";
      readonly list: string;
    }
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

/** Changes that one statement deletes. */
const PRUNE_CHUNK = 1_000;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class GalleryChanges {
  readonly #db: Kysely<Schema>;
  readonly #writes: GalleryWrites;
  readonly #reads: Kysely<Schema>;

  /** @param reads the same database, where nobody holds a transaction open */
  constructor(db: Kysely<Schema>, writes: GalleryWrites, reads = db) {
    this.#db = db;
    this.#writes = writes;
    this.#reads = reads;
  }

  /** The position of the last committed change; 0 before the first. One row by its key: cheap enough for every search. */
  async position(): Promise<number> {
    const [row] = await lastPosition(this.#reads, {});
    return Number(row?.last);
  }

  /**
   * Changes behind a position in their order, at most about `limit` but always whole positions; undefined when changes
   * behind it were deleted already, so that everything has to be loaded again.
   */
  async after(position: number, limit: number): Promise<readonly GalleryChange[] | undefined> {
    const changes = () =>
      this.#reads
        .selectFrom("gallery_changes")
        .selectAll()
        .orderBy("position")
        .orderBy("part")
        .where("position", ">", position);
    let rows = await changes()
      .limit(limit + 1)
      .execute();
    const cut = rows.length > limit ? rows.at(-1)?.position : undefined;
    if (cut !== undefined) {
      const whole = rows.filter((row) => row.position !== cut);
      rows = whole.length > 0 ? whole : await changes().where("position", "<=", cut).execute();
    }
    const told = await this.#told(rows);
    // Read last: what was deleted meanwhile may be missing above.
    const { pruned } = await this.#reads.selectFrom("gallery_position").select("pruned").executeTakeFirstOrThrow();
    return Number(pruned) > position ? undefined : told;
  }

  /** All descriptors, a page at a time in any fixed order. Read {@link position} first, then the changes behind it. */
  async descriptors(next: string | undefined, limit: number): Promise<LoadedPage<LoadedDescriptor>> {
    const rows = await this.#descriptors()
      .select("descriptor_vectors.number")
      .where("descriptor_vectors.number", ">", next === undefined ? 0 : Number(next))
      .orderBy("descriptor_vectors.number")
      .limit(limit)
      .execute();
    const last = rows.length < limit ? undefined : rows.at(-1);
    return { items: rows.map(loadedOf), next: last && String(last.number) };
  }

  /** All memberships, likewise. */
  async members(next: string | undefined, limit: number): Promise<LoadedPage<LoadedMember>> {
    const [list = "", member = ""] = next?.split(" ") ?? [];
    const rows = await this.#reads
      .selectFrom("list_members")
      .innerJoin("lists", "lists.id", "list_id")
      .select(["account_id", "list_id", "member_id"])
      // As one row: databases then go on where the page before ended, instead of at the start of its list.
      .where(sql<boolean>`(list_id, member_id) > (${list}, ${member})`)
      .orderBy("list_id")
      .orderBy("member_id")
      .limit(limit)
      .execute();
    const last = rows.length < limit ? undefined : rows.at(-1);
    return {
      items: rows.map(({ account_id, list_id, member_id }) => ({
        account: account_id,
        list: list_id,
        member: member_id,
      })),
      next: last && `${last.list_id} ${last.member_id}`,
    };
  }

  /** Calls the listener after each commit of this process that changed galleries; the answer ends that. */
  onCommitted(listener: () => void): () => void {
    return this.#writes.onCommitted(listener);
  }

  /**
   * Deletes the oldest changes: those from before `olderThan` (epoch ms) up to the first younger one, and those that are
   * `keep` positions or more behind the newest. Whoever has not seen them loads everything again.
   *
   * @returns how many were deleted
   */
  async prune({ olderThan, keep }: { readonly olderThan: number; readonly keep: number }): Promise<number> {
    let deleted = 0;
    for (;;) {
      const last = await this.position();
      const rows = await this.#reads
        .selectFrom("gallery_changes")
        .select(["position", "time"])
        .orderBy("position")
        .orderBy("part")
        .limit(PRUNE_CHUNK)
        .execute();
      const kept = rows.findIndex((row) => Number(row.time) >= olderThan && Number(row.position) > last - keep);
      const end = kept === -1 ? rows.at(-1) : rows[kept - 1];
      if (!end) return deleted;
      deleted += await this.#forget(Number(end.position));
      if (kept !== -1) return deleted;
      await nextTurn();
    }
  }

  /** Deletes all changes up to a position, and notes that in the same transaction. */
  async #forget(position: number): Promise<number> {
    return transact(this.#db, async (db) => {
      await db.updateTable("gallery_position").set({ pruned: position }).where("pruned", "<", position).execute();
      const result = await db.deleteFrom("gallery_changes").where("position", "<=", position).executeTakeFirst();
      return Number(result.numDeletedRows);
    });
  }

  /** Changes as they are told: with what their descriptors are now. */
  async #told(rows: readonly Selectable<GalleryChangesTable>[]): Promise<readonly GalleryChange[]> {
    const wanted = new Set(rows.filter(({ kind }) => kind === "descriptor").map(({ subject }) => subject));
    const loaded = new Map<string, LoadedDescriptor>();
    for (const chunk of chunksOf([...wanted])) {
      const found = await this.#descriptors().where("id", "in", chunk).execute();
      for (const row of found) loaded.set(row.id, loadedOf(row));
    }
    const persons = rows.map((row) => (row.kind === "person" ? row.other : loaded.get(row.subject)?.person));
    const lists = await listsOf(
      this.#reads,
      persons.filter((person) => typeof person === "string"),
    );
    return rows.map((row) => toldOf(row, loaded.get(row.subject), lists));
  }

  #descriptors() {
    return this.#reads
      .selectFrom("descriptor_vectors")
      .innerJoin("descriptors", "descriptors.number", "descriptor_vectors.number")
      .select(["id", "account_id", "person_id", "model", "version", "content"]);
  }
}

interface DescriptorRow {
  readonly id: string;
  readonly account_id: string;
  readonly person_id: string | null;
  readonly model: string;
  readonly version: string;
  readonly content: Uint8Array;
}

function loadedOf(row: DescriptorRow): LoadedDescriptor {
  return {
    account: row.account_id,
    descriptor: row.id,
    person: row.person_id,
    vector: { model: row.model, version: row.version, values: vectorOfBytes(row.content) },
  };
}

function toldOf(
  row: Selectable<GalleryChangesTable>,
  descriptor: LoadedDescriptor | undefined,
  lists: ReadonlyMap<string, readonly string[]>,
): GalleryChange {
  const position = Number(row.position);
  const { subject, other } = row;
  const listsOf = (person: string | null) => (person === null ? undefined : lists.get(person)) ?? [];
  // Only writes.ts writes the column.
  switch (row.kind as ChangeKind) {
    case "descriptor":
      // Deleted since: the change that says so follows, but this position has to be told too.
      if (!descriptor) return { position, kind: "descriptor-removed", descriptor: subject };
      return { position, kind: "descriptor", ...descriptor, lists: listsOf(descriptor.person) };
    case "descriptor-removed":
      return { position, kind: "descriptor-removed", descriptor: subject };
    case "person":
      return {
        position,
        kind: "person",
        account: row.account_id,
        descriptor: subject,
        person: other,
        lists: listsOf(other),
      };
    case "person-removed":
      return { position, kind: "person-removed", person: subject };
    case "member-added":
    case "member-removed": {
      const present = row.kind === "member-added";
      return { position, kind: "member", account: row.account_id, list: other ?? "", member: subject, present };
    }
    case "list-removed":
      return { position, kind: "list-removed", list: subject };
  }
}

const lastPosition = prepared((db) => db.selectFrom("gallery_position").select("last"));
