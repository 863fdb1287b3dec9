/** What a request names to be matched, and against what; read from its query. Nothing is looked up here. */
import { alternative, readInteger, readUuid, readUuids } from "./query.ts";

/** Ids that a request may name. The listener takes addresses that are long enough for them, and not for many more. */
const MOST_IDS = 1000;

/** A reference by its id. */
export interface NamedReference {
  readonly name: "person_id" | "descriptor_id";
  readonly id: string;
}

/** Candidates by their list's id, or by their own. */
export type NamedCandidates =
  | { readonly name: "list_id"; readonly id: string }
  | { readonly name: "person_ids" | "descriptor_ids"; readonly ids: readonly string[] };

type CandidateName = NamedCandidates["name"];

/** `limit`: 1 to 5, 3 when absent. */
export function readLimit(query: URLSearchParams): number {
  return readInteger(query, "limit", { least: 1, most: 5 }) ?? 3;
}

/** A person, or else a descriptor. Throws 12012, and 12016 where neither is named. */
export function readReference(query: URLSearchParams): NamedReference {
  const ids = { person_id: readUuid(query, "person_id"), descriptor_id: readUuid(query, "descriptor_id") };
  const name = alternative(query, ["person_id", "descriptor_id"]);
  return { name, id: ids[name]! };
}

/** The first of the sources that is named; all that are given must be well-formed. Throws 12012, and 12016 for none. */
export function readCandidates(query: URLSearchParams, sources: readonly CandidateName[]): NamedCandidates {
  const given = new Map(sources.map((name) => [name, namedIn(query, name)]));
  return given.get(alternative(query, sources))!;
}

function namedIn(query: URLSearchParams, name: CandidateName): NamedCandidates | undefined {
  if (name === "list_id") {
    const id = readUuid(query, name);
    return id === undefined ? undefined : { name, id };
  }
  const ids = readUuids(query, name, MOST_IDS);
  return ids && { name, ids };
}
