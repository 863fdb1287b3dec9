/** Matches what is stored: verify, identify, match. */
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
import { readCandidates, readLimit, readReference } from "../matching-query.ts";
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
    {
      method: "POST",
      path: "/4/matching/identify",
      access: "account",
      async handle(call) {
        const query = call.url.searchParams;
        const limit = readLimit(query);
        const named = readReference(query);
        const candidates = readCandidates(query, ["list_id", "person_ids"]);
        const reference = await referenceOf(context, call, named);
        return answer(call, "identify", reference, await targetOf(context, call, candidates, "persons"), limit);
      },
    },
    {
      method: "POST",
      path: "/4/matching/match",
      access: "account",
      async handle(call) {
        const query = call.url.searchParams;
        const limit = readLimit(query);
        const named = readReference(query);
        const candidates = readCandidates(query, ["list_id", "descriptor_ids"]);
        const reference = await referenceOf(context, call, named);
        return answer(call, "match", reference, await targetOf(context, call, candidates, "descriptors"), limit);
      },
    },
  ];
}
