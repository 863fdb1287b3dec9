/** The rules of matching that all operations share: what a reference is, among what is searched, how matches are shown. */
import type { Candidates, GalleryMatch } from "../../gallery/gallery.ts";
import type { ListType, Vector } from "../../store/gallery/records.ts";
import type { LunaContext } from "./context.ts";
import { descriptorNotFound, LunaError, listNotFound, personNotFound, wrongListType } from "./errors.ts";
import { type Extraction, extract } from "./extraction.ts";
import type { NamedCandidates, NamedReference } from "./matching-query.ts";
import type { AccountCall } from "./operation.ts";
import type { ToldCandidate, ToldFact } from "./tell.ts";

/** What is looked for: all vectors of a person, or that of one descriptor. */
export interface Reference {
  readonly probes: readonly Vector[];
  readonly told: NonNullable<ToldFact["template"]>;
}

/** Among what is searched; all of it existed when it was looked up. */
export interface Target {
  readonly candidates: Candidates;
  /** What matches are: persons, or descriptors. */
  readonly by: "person" | "descriptor";
  readonly told: ToldCandidate;
}

/** A person with its most alike descriptor. */
export interface PersonMatch {
  readonly person_id: string;
  readonly descriptor_id: string;
  readonly user_data: string;
  readonly external_id: string;
  readonly similarity: number;
}

/** A descriptor. */
export interface DescriptorMatch {
  readonly id: string;
  readonly similarity: number;
}

export type Match = PersonMatch | DescriptorMatch;

/** How a target is searched. */
export interface MatchWish {
  readonly limit: number;
  /** Least similarity; 0 when absent. */
  readonly atLeast?: number;
}

/** What is named; 22007 or 11018 when it is not there. */
export function referenceOf(context: LunaContext, call: AccountCall, named: NamedReference): Promise<Reference> {
  return named.name === "person_id"
    ? personReference(context, call, named.id)
    : descriptorReference(context, call, named.id);
}

/** What is named, all of it; 22003 or 11020 when something is not there, 36001 for a list that is not of the `expected` type. */
export function targetOf(
  context: LunaContext,
  call: AccountCall,
  named: NamedCandidates,
  expected?: ListType,
): Promise<Target> {
  if (named.name === "list_id") return listTarget(context, call, named.id, expected);
  return named.name === "person_ids"
    ? personsTarget(context, call, named.ids)
    : descriptorsTarget(context, call, named.ids);
}

/** All descriptors of a person; 22007 for an unknown one. */
async function personReference(context: LunaContext, call: AccountCall, id: string): Promise<Reference> {
  const vectors = await context.store.descriptors.ofPerson(call.caller.account, id);
  if (vectors === undefined) throw personNotFound(id, 400);
  return { probes: [...vectors.values()], told: { person_id: id } };
}

/** One descriptor; 11018 for an unknown one. */
export async function descriptorReference(context: LunaContext, call: AccountCall, id: string): Promise<Reference> {
  const vector = (await context.store.descriptors.vectors(call.caller.account, [id])).get(id);
  if (vector === undefined) throw descriptorNotFound(id, 400);
  return { probes: [vector], told: { descriptor_id: id } };
}

/** The members of a list; 22003 for an unknown one, 36001 where only the other kind is taken. */
export async function listTarget(
  context: LunaContext,
  call: AccountCall,
  id: string,
  expected?: ListType,
): Promise<Target> {
  const list = await context.store.lists.get(call.caller.account, id);
  if (list === undefined) throw listNotFound(id, 400);
  if (expected !== undefined && list.type !== expected) throw wrongListType(id, expected);
  return {
    candidates: { list: id },
    by: list.type === "persons" ? "person" : "descriptor",
    told: { list_id: id, list_data: list.data, list_type: list.type === "persons" ? 1 : 0 },
  };
}

/** One person; 22007 for an unknown one. */
export async function personTarget(context: LunaContext, call: AccountCall, id: string): Promise<Target> {
  const unknown = await context.store.persons.unknown(call.caller.account, [id]);
  if (unknown.length > 0) throw personNotFound(id, 400);
  return { candidates: { persons: [id] }, by: "person", told: { person_id: id } };
}

/** Persons by their ids; 11020 when one is unknown. */
async function personsTarget(context: LunaContext, call: AccountCall, ids: readonly string[]): Promise<Target> {
  const unknown = await context.store.persons.unknown(call.caller.account, ids);
  if (unknown.length > 0) throw new LunaError(11020, "One or more person not found");
  return { candidates: { persons: ids }, by: "person", told: { person_ids: ids } };
}

/** Descriptors by their ids; 11020 when one is unknown. */
async function descriptorsTarget(context: LunaContext, call: AccountCall, ids: readonly string[]): Promise<Target> {
  const unknown = await context.store.descriptors.unknown(call.caller.account, ids);
  if (unknown.length > 0) throw new LunaError(11020, "One or more descriptor not found");
  return { candidates: { descriptors: ids }, by: "descriptor", told: { descriptor_ids: ids } };
}

/** Extracts what is matched then, as `extract` does; meanwhile the gallery knows that a search will come. */
export async function extractProbe(...[context, ...rest]: Parameters<typeof extract>): Promise<Extraction> {
  using _coming = context.gallery.expect();
  return await extract(context, ...rest);
}

/** Matches as answers show them, by falling similarity. */
export async function findMatches(
  context: LunaContext,
  call: AccountCall,
  probes: readonly Vector[],
  target: Target,
  wish: MatchWish,
): Promise<readonly Match[]> {
  const found = await context.gallery.search({
    account: call.caller.account,
    probes,
    candidates: target.candidates,
    by: target.by,
    limit: wish.limit,
    ...(wish.atLeast === undefined ? {} : { atLeast: wish.atLeast }),
    deadline: call.deadline,
    signal: call.signal,
  });
  return target.by === "person" ? named(context, call.caller.account, found) : found.map(descriptorMatch);
}

function descriptorMatch({ descriptor, similarity }: GalleryMatch): DescriptorMatch {
  return { id: descriptor, similarity };
}

/** With what the database says of the persons now. One that was deleted since the search is no match any more. */
async function named(
  context: LunaContext,
  account: string,
  found: readonly GalleryMatch[],
): Promise<readonly PersonMatch[]> {
  const ids = found.flatMap(({ person }) => (person === null ? [] : [person]));
  const persons = await context.store.persons.named(account, ids);
  return found.flatMap(({ person: id, descriptor, similarity }) => {
    const person = id === null ? undefined : persons.get(id);
    if (person === undefined) return [];
    return {
      person_id: person.id,
      descriptor_id: descriptor,
      user_data: person.userData,
      external_id: person.externalId,
      similarity,
    };
  });
}
