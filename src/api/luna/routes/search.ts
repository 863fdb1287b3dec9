/** Search: a picture is stored like any other, and its one face matched. */
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { type ExtractedFace, readSentBody } from "../extraction.ts";
import { readExtractionWish } from "../extraction-parameters.ts";
import { storeExtraction } from "../keeping.ts";
import { extractProbe, findMatches, targetOf } from "../matching.ts";
import { readCandidates, readLimit } from "../matching-query.ts";
import { type AccountCall, json, type LunaOperation } from "../operation.ts";
import { tell } from "../tell.ts";

export function searchOperations(context: LunaContext): readonly LunaOperation[] {
  return [
    {
      method: "POST",
      path: "/4/matching/search",
      access: "account",
      handle: (call) => search(context, call),
    },
  ];
}

async function search(context: LunaContext, call: AccountCall): Promise<Response> {
  const query = call.url.searchParams;
  const wish = readExtractionWish(call);
  if (!wish.descriptor) throw new LunaError(36012, "Unsupported param 'extract_descriptor'");
  const limit = readLimit(query);
  const named = readCandidates(query, ["list_id", "person_ids", "descriptor_ids"]);
  // Before the picture is looked at: nothing is stored of a request that cannot succeed.
  const target = await targetOf(context, call, named);

  const { faces, exif } = await extractProbe(context, call, await readSentBody(context, call), wish);
  if (faces.length > 1) {
    await storeExtraction(context, call, faces);
    throw new LunaError(11012, {
      faces: faces.map(({ face: { id, score, rect, rectISO } }) => ({ id, score, rect, rectISO })),
    });
  }
  const [{ face, keep: descriptor }] = faces as readonly [ExtractedFace];
  if (face.id === undefined || descriptor === undefined) throw new LunaError(4003, "No faces found.");
  // Matched first: of a search that fails or runs out of time nothing is left behind. The new descriptor is no candidate
  // of anybody yet, so the order cannot be told from outside.
  const candidates = await findMatches(context, call, [descriptor], target, { limit });
  await storeExtraction(context, call, faces);
  const result = { candidates, face, ...(exif === undefined ? {} : { exif }) };
  await tell(context, call, {
    source: "search",
    template: { descriptor_id: face.id },
    candidate: target.told,
    result,
  });
  return json(result, 201);
}
