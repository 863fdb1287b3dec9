/** What belongs to what: descriptors to persons, persons and descriptors to lists. */

import { join, leave } from "./membership.ts";
import { ownedBy } from "./owned.ts";
import type { ListType } from "./records.ts";
import { unknownOf } from "./unknown.ts";
import { looseFrom } from "./unlinking.ts";
import type { GalleryWrite, GalleryWrites } from "./writes.ts";

/** `taken`: it belongs to this or another person already. */
export type AttachOutcome = "attached" | "person_unknown" | "descriptor_unknown" | "taken";
export type DetachOutcome = "detached" | "person_unknown" | "descriptor_unknown" | "not_attached";
/** `wrong_type`: the list holds the other kind. `member_unknown`: nothing was changed. */
export type MembershipOutcome = "done" | "list_unknown" | "wrong_type" | "member_unknown";

/** A change of who is on a list. */
export interface MembershipChange {
  readonly list: string;
  readonly action: "attach" | "detach";
  /** What the ids are of. */
  readonly type: ListType;
  readonly members: readonly string[];
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Links {
  readonly #writes: GalleryWrites;

  constructor(writes: GalleryWrites) {
    this.#writes = writes;
  }

  /** Of several attachings of one descriptor at once exactly one is `attached`. */
  async attach(account: string, person: string, descriptor: string): Promise<AttachOutcome> {
    return this.#writes.run(async (write) => {
      const found = await findBoth(write, account, person, descriptor);
      if (typeof found === "string") return found;
      if (found.person_id !== null) return "taken";
      await write.db
        .updateTable("descriptors")
        .set({ person_id: person, last_update: write.time, loose_since: null })
        .where("id", "=", descriptor)
        .execute();
      write.change("person", account, descriptor, person);
      return "attached";
    });
  }

  async detach(account: string, person: string, descriptor: string): Promise<DetachOutcome> {
    return this.#writes.run(async (write) => {
      const found = await findBoth(write, account, person, descriptor);
      if (typeof found === "string") return found;
      if (found.person_id !== person) return "not_attached";
      await write.db
        .updateTable("descriptors")
        .set({ person_id: null, last_update: write.time })
        .where("id", "=", descriptor)
        .execute();
      await write.db
        .updateTable("descriptors")
        .set({ loose_since: looseFrom(write.time) })
        .where("id", "=", descriptor)
        .execute();
      write.change("person", account, descriptor, null);
      return "detached";
    });
  }

  /** All members or none. Attaching a member again and detaching one that is none changes nothing and is `done`. */
  async setMembership(account: string, change: MembershipChange): Promise<MembershipOutcome> {
    const { list, type, action } = change;
    return this.#writes.run(async (write) => {
      const known = await write.db
        .selectFrom("lists")
        .select("type")
        .where("id", "=", list)
        .where(ownedBy(account))
        .executeTakeFirst();
      if (!known) return "list_unknown";
      if (known.type !== type) return "wrong_type";
      const members = [...new Set(change.members)];
      if ((await unknownOf(write.db, type, account, members)).length > 0) return "member_unknown";
      await (action === "attach" ? join : leave)(write, { account, list, type, members });
      return "done";
    });
  }
}

/** The person of a descriptor, where the account has both the person and the descriptor; else which it has not. */
async function findBoth(write: GalleryWrite, account: string, person: string, descriptor: string) {
  if ((await unknownOf(write.db, "persons", account, [person])).length > 0) return "person_unknown";
  const found = await write.db
    .selectFrom("descriptors")
    .select("person_id")
    .where("id", "=", descriptor)
    .where(ownedBy(account))
    .executeTakeFirst();
  return found ?? "descriptor_unknown";
}
