/** What belongs to what: descriptors to persons, persons and descriptors to lists. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { ListType } from "./records.ts";

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
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  async attach(_account: string, _person: string, _descriptor: string): Promise<AttachOutcome> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async detach(_account: string, _person: string, _descriptor: string): Promise<DetachOutcome> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** All members or none. Attaching a member again and detaching one that is none changes nothing and is `done`. */
  async setMembership(_account: string, _change: MembershipChange): Promise<MembershipOutcome> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
