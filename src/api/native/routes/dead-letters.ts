/** `/v1/dead-letters`: work that was given up, to be looked at, run once more or thrown away. */
import { Elysia } from "elysia";
import { deadLetterJson } from "../../../dead-letters/json.ts";
import type { RetryOutcome } from "../../../dead-letters/retries.ts";
import { FacewireError } from "../../../errors.ts";
import { type Exchange, exchangeOf } from "../../exchange.ts";
import { readQuery } from "../../query.ts";
import type { NativeContext } from "../context.ts";
import { DISCARD_PARAMETERS, LIST_PARAMETERS } from "../dead-letter-options.ts";
import { DISCARD_DOC, DISCARD_MANY_DOC, INPUT_DOC, LETTER_DOC, LETTERS_DOC, RETRY_DOC } from "../docs/dead-letters.ts";
import { errorHeaders } from "../errors.ts";
import { itemJson } from "../run-answer.ts";

const DEFAULT_LIMIT = 50;

/** Lists, shows, retries and discards dead letters. Who may do which: see the dialect. */
export function deadLetterRoutes({ deadLetters: { desk, retry } }: NativeContext) {
  return new Elysia()
    .get(
      "/v1/dead-letters",
      async ({ request }) => {
        const { limit = DEFAULT_LIMIT, ...filter } = readQuery(request, LIST_PARAMETERS);
        const { letters, next } = await desk.list({ limit, ...filterOf(filter) });
        return {
          request: exchangeOf(request).id,
          dead_letters: letters.map(deadLetterJson),
          ...(next === undefined ? {} : { next }),
        };
      },
      { detail: LETTERS_DOC },
    )
    .delete(
      "/v1/dead-letters",
      async ({ request }) => {
        const { all, ...filter } = readQuery(request, DISCARD_PARAMETERS);
        if (all === undefined && filter.before === undefined && filter.request === undefined) {
          throw new FacewireError("request_invalid", "Say which: ?request=…, ?before=…, or ?all=1 for all of them.");
        }
        const discarded = await desk.discardMany(filterOf(filter));
        return { request: exchangeOf(request).id, discarded };
      },
      { parse: "none", detail: DISCARD_MANY_DOC },
    )
    .get(
      "/v1/dead-letters/:id",
      async ({ request, params }) => {
        readQuery(request, {});
        return { request: exchangeOf(request).id, dead_letter: deadLetterJson(await desk.show(params.id)) };
      },
      { detail: LETTER_DOC },
    )
    .get(
      "/v1/dead-letters/:id/input",
      async ({ request, params }) => {
        readQuery(request, {});
        const { name, bytes } = await desk.input(params.id);
        return new Response(bytes as Uint8Array<ArrayBuffer>, {
          headers: {
            // The content is whatever somebody once sent: nothing of it is to be shown or run by a browser.
            "content-type": "application/octet-stream",
            "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name.toWellFormed())}`,
          },
        });
      },
      { detail: INPUT_DOC },
    )
    .post(
      "/v1/dead-letters/:id/retry",
      async ({ request, params }) => {
        readQuery(request, {});
        const traceparent = request.headers.get("traceparent");
        const outcome = await retry(params.id, {
          signal: request.signal,
          ...(traceparent === null ? {} : { traceparent }),
        });
        const exchange = exchangeOf(request);
        exchange.pipeline = outcome.result.pipeline;
        return retryAnswer(exchange, params.id, outcome);
      },
      { parse: "none", detail: RETRY_DOC },
    )
    .delete(
      "/v1/dead-letters/:id",
      async ({ request, params }) => {
        readQuery(request, {});
        await desk.discard(params.id);
        return { request: exchangeOf(request).id, discarded: 1 };
      },
      { parse: "none", detail: DISCARD_DOC },
    );
}

function filterOf({ before, request }: { readonly before?: string; readonly request?: string }) {
  return { ...(before === undefined ? {} : { before }), ...(request === undefined ? {} : { requestId: request }) };
}

/** A retry that failed again has the status of its error, as a run has. */
function retryAnswer(exchange: Exchange, id: string, { result, error, attempts }: RetryOutcome): Response {
  const coded = error && FacewireError.fromPublic(error);
  if (coded) exchange.error = coded;
  const body = {
    request: exchange.id,
    ...(error ? { error } : {}),
    dead_letter: { id, removed: error === undefined, attempts },
    result: { ...result, items: result.items.map(itemJson) },
  };
  return Response.json(body, { status: coded?.status ?? 200, headers: coded ? errorHeaders(coded) : {} });
}
