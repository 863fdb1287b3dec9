/** Matches what is stored: verify, identify, match. */
import type { ListType } from "../../../store/gallery/records.ts";
import type { LunaContext } from "../context.ts";
import {
  descriptorReference,
  findMatches,
  personTarget,
  type Reference,
  referenceOf,
  type Target,
  targetOf,
} from "../matching.ts";
import { type NamedCandidates, readCandidates, readLimit, readReference } from "../matching-query.ts";
import { type AccountCall, json, type LunaOperation } from "../operation.ts";
import { readUuid, required } from "../query.ts";
import { tell } from "../tell.ts";

export function matchingOperations(context: LunaContext): readonly LunaOperation[] {
  const answer = async (
    call: AccountCall,
    source: "verify" | "identify" | "match",
    reference: Reference,
    target: Target,
    limit: number,
  ): Promise<Response> => {
    const result = { candidates: await findMatches(context, call, reference.probes, target, { limit }) };
    await tell(context, call, { source, template: reference.told, candidate: target.told, result });
    return json(result, 201);
  };
  const oneToMany = (
    source: "identify" | "match",
    among: ListType,
    alternatives: readonly NamedCandidates["name"][],
  ): LunaOperation => ({
    method: "POST",
    path: `/4/matching/${source}`,
    access: "account",
    async handle(call) {
      const query = call.url.searchParams;
      const limit = readLimit(query);
      const named = readReference(query);
      const candidates = readCandidates(query, alternatives);
      const reference = await referenceOf(context, call, named);
      return answer(call, source, reference, await targetOf(context, call, candidates, among), limit);
    },
  });
  return [
    {
      method: "POST",
      path: "/4/matching/verify",
      access: "account",
      async handle(call) {
        const query = call.url.searchParams;
        const descriptor = required(readUuid(query, "descriptor_id"), "descriptor_id");
        const person = required(readUuid(query, "person_id"), "person_id");
        const reference = await descriptorReference(context, call, descriptor);
        return answer(call, "verify", reference, await personTarget(context, call, person), 1);
      },
    },
    oneToMany("identify", "persons", ["list_id", "person_ids"]),
    oneToMany("match", "descriptors", ["list_id", "descriptor_ids"]),
  ];
}
