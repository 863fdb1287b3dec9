/** Puts persons and descriptors on lists and takes them off. */
import type { MembershipOutcome } from "../../store/gallery/links.ts";
import type { ListType } from "../../store/gallery/records.ts";
import type { LunaContext } from "./context.ts";
import { descriptorNotFound, LunaError, listNotFound, personNotFound, wrongListType } from "./errors.ts";
import { type AccountCall, noContent } from "./operation.ts";
import { readUuid, readWord, required } from "./query.ts";

/** What `do` and `action` take. */
export const ACTIONS = ["attach", "detach"] as const;
export type Action = (typeof ACTIONS)[number];

/** A change of many members. */
export interface ManyMembers {
  readonly list: string;
  readonly action: Action;
  readonly type: ListType;
  readonly members: readonly string[];
}

/** `do` of the query; 12014 and 12012. */
export function readAction(query: URLSearchParams): Action {
  return required(readWord(query, "do", ACTIONS), "do");
}

/**
 * `PATCH …/linked_lists?list_id=&do=` of one person or descriptor: 404 with 22007 or 11018 for an unknown member, else 400
 * with 22003 or 36001 for the list.
 */
export async function patchLinkedLists(
  { store }: LunaContext,
  call: AccountCall,
  type: ListType,
  member: string,
): Promise<Response> {
  const query = call.url.searchParams;
  const list = required(readUuid(query, "list_id"), "list_id");
  const action = readAction(query);
  const { account } = call.caller;
  const outcome = await store.links.setMembership(account, { list, action, type, members: [member] });
  if (outcome === "done") return noContent();
  // What the path names comes first, whatever else is wrong.
  const repository = type === "persons" ? store.persons : store.descriptors;
  const unknown = await repository.unknown(account, [member]);
  if (outcome === "member_unknown" || unknown.length > 0) {
    throw type === "persons" ? personNotFound(member, 404) : descriptorNotFound(member, 404);
  }
  throw listProblem(outcome, list, type);
}

/** `PATCH /4/storage/linker`: all members or none. 400 with 22003, 36001 or 11020. */
export async function linkMembers({ store }: LunaContext, call: AccountCall, change: ManyMembers): Promise<Response> {
  const outcome = await store.links.setMembership(call.caller.account, change);
  if (outcome === "done") return noContent();
  if (outcome === "member_unknown") {
    throw new LunaError(11020, `One or more ${change.type === "persons" ? "person" : "descriptor"} not found`);
  }
  throw listProblem(outcome, change.list, change.type);
}

function listProblem(outcome: Extract<MembershipOutcome, "list_unknown" | "wrong_type">, id: string, type: ListType) {
  return outcome === "list_unknown" ? listNotFound(id, 400) : wrongListType(id, type);
}
