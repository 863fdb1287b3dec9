/** `GET /v1/models`: the model cards and whether their files are there. */
import { Elysia } from "elysia";
import { exchangeOf } from "../../exchange.ts";
import { readQuery } from "../../query.ts";
import type { ModelListing, NativeContext } from "../context.ts";
import { MODELS_DOC } from "../docs/models.ts";

/** Lists the models. */
export function modelRoutes({ models }: NativeContext) {
  return new Elysia().get(
    "/v1/models",
    async ({ request }) => {
      readQuery(request, {});
      return { request: exchangeOf(request).id, models: (await models()).map(modelJson) };
    },
    { detail: MODELS_DOC },
  );
}

/** The parts of a card that concern those who use the model; how it is prepared and read stays in the file. */
function modelJson({ card, state }: ModelListing) {
  return {
    name: card.name,
    task: card.task,
    aliases: card.aliases ?? [],
    version: card.version,
    state: state === "ok" ? "ready" : state,
    description: card.description,
    input: { width: card.input.width, height: card.input.height, color: card.input.color },
    outputs: Object.fromEntries(Object.entries(card.outputs).map(([name, { decode }]) => [name, decode])),
    ...(card.liveness ? { calibrations: card.liveness.thresholds } : {}),
    ...(card.similarity ? { similarity: card.similarity } : {}),
    license: card.license,
    provenance: card.provenance,
    accuracy: card.accuracy,
    sha256: card.sha256,
  };
}
