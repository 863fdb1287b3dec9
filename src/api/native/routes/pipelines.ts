/** `/v1/pipelines`: what can be run, how it is built, and whether a definition would work. */
import { Elysia } from "elysia";
import { FacewireError } from "../../../errors.ts";
import { readWhole } from "../../body.ts";
import { exchangeOf } from "../../exchange.ts";
import { readQuery } from "../../query.ts";
import type { NativeContext } from "../context.ts";
import { PIPELINE_DOC, PIPELINES_DOC, VALIDATE_DOC } from "../docs/pipelines.ts";

/** Bytes; definitions are a few kilobytes, and checking one holds the main thread. */
const MAX_DEFINITION_BYTES = 16 * 1024;

/** Lists and shows pipelines and checks definitions. */
export function pipelineRoutes({ engine, limits }: NativeContext) {
  return new Elysia()
    .get(
      "/v1/pipelines",
      ({ request }) => {
        readQuery(request, {});
        return { request: exchangeOf(request).id, pipelines: engine.pipelines() };
      },
      { detail: PIPELINES_DOC },
    )
    .get(
      "/v1/pipelines/:name",
      ({ request, params }) => {
        readQuery(request, {});
        exchangeOf(request).pipeline = params.name;
        return { request: exchangeOf(request).id, ...engine.pipeline(params.name) };
      },
      { detail: PIPELINE_DOC },
    )
    .post(
      "/v1/pipelines/validate",
      async ({ request }) => {
        readQuery(request, {});
        const exchange = exchangeOf(request);
        const bytes = await readWhole(request, {
          maxBytes: MAX_DEFINITION_BYTES,
          timeoutMs: limits.bodyTimeoutMs,
          share: exchange.body,
        });
        return { request: exchange.id, ...engine.validate(definitionText(bytes)) };
      },
      { parse: "none", detail: VALIDATE_DOC },
    );
}

function definitionText(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) throw new FacewireError("request_invalid", "Send the definition as body, YAML or JSON.");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FacewireError("request_invalid", "The definition is not UTF-8 text.", { cause });
  }
}
