/** Compares descriptors that are sent along. Nothing is stored, nobody is told. */
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { admitHandlers, handlerOf } from "../handlers.ts";
import { json, type LunaOperation } from "../operation.ts";
import { readFlag } from "../query.ts";
import { type RawRequest, readRawRequest } from "../raw-request.ts";

export function rawOperations(context: LunaContext): readonly LunaOperation[] {
  return [
    {
      method: "POST",
      path: "/4/handlers/verify/raw",
      access: "account",
      admit: () => admitHandlers(context),
      async handle(call) {
        readFlag(call.url.searchParams, "no_cache");
        const request = await readRawRequest(context, call);
        const { verify_threshold } = (await handlerOf(context, call, "verify")).policies;
        const similarities = await context.gallery.compare(
          request.references.map(({ vector }) => vector),
          request.candidates.map(({ vector }) => vector),
        );
        return json({ matches: matchesOf(request, similarities, verify_threshold) });
      },
    },
  ];
}

/** Every reference with all candidates that it can be compared with, the most alike first, equal ones as they were sent. */
function matchesOf({ references, candidates }: RawRequest, similarities: Float64Array, threshold: number) {
  return references.map(({ id }, row) => {
    const matches = candidates
      .map((candidate, column) => {
        const similarity = similarities[row * candidates.length + column]!;
        return { candidate_id: candidate.id, similarity, status: similarity >= threshold };
      })
      // What another model made is no candidate.
      .filter(({ similarity }) => !Number.isNaN(similarity))
      .sort((a, b) => b.similarity - a.similarity);
    if (matches.length === 0) throw new LunaError(31001, "No candidate has the descriptor version of a reference");
    return { reference_id: id, matches };
  });
}
