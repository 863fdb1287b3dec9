/** Turns the result of a run into an HTTP answer: JSON, or the drawn picture. */
import { nextTurn } from "../../bus/turn.ts";
import { FacewireError, type PublicError } from "../../errors.ts";
import type { ItemResult, RunResult } from "../../pipeline/results.ts";
import { runError } from "../../pipeline/run-error.ts";
import { errorHeaders } from "./errors.ts";

/** Milliseconds of turning results into text after which other requests are let in. */
const SLICE_MS = 4;

/** True when the client wants JSON rather than a picture: `application/json` in Accept, and no image type before it. */
function prefersJson(accept: string | null): boolean {
  const types = (accept ?? "")
    .toLowerCase()
    .split(",")
    .map((entry) => entry.split(";")[0]?.trim() ?? "");
  const json = types.indexOf("application/json");
  const image = types.findIndex((type) => type.startsWith("image/"));
  return json !== -1 && (image === -1 || json < image);
}

/**
 * The answer to a run. With `draw`, one picture that was worked on, and a client that does not ask for JSON, the drawn
 * JPEG; else the result as JSON, drawn pictures in base64. A video is always answered with JSON: how many of its frames are
 * drawn, one among them, is nobody's wish.
 */
export async function runAnswer(
  result: RunResult,
  options: { draw: boolean; accept: string | null },
): Promise<Response> {
  const error = runError(result.items);
  const only = result.items.length === 1 && !result.videos ? result.items[0] : undefined;
  if (options.draw && only?.drawn && !error && !prefersJson(options.accept)) {
    return new Response(only.drawn as Uint8Array<ArrayBuffer>, { headers: { "content-type": "image/jpeg" } });
  }
  const coded = error && FacewireError.fromPublic(error);
  return new Response(await resultJson(result, error), {
    status: coded?.status ?? 200,
    headers: { "content-type": "application/json;charset=utf-8", ...(coded ? errorHeaders(coded) : {}) },
  });
}

/**
 * The result's JSON. Made picture by picture with pauses: the answer to hundreds of pictures with traces takes longer
 * to write than other requests should wait.
 */
async function resultJson(result: RunResult, error: PublicError | undefined): Promise<Blob> {
  const { items, aggregate, elapsed_ms, ...rest } = result;
  const head = JSON.stringify(error ? { error, ...rest } : rest);
  const parts: Uint8Array<ArrayBuffer>[] = [encode(`${head.slice(0, -1)},"items":[`)];
  let sliceStart = performance.now();
  for (const [at, item] of items.entries()) {
    parts.push(encode((at === 0 ? "" : ",") + JSON.stringify(itemJson(item))));
    if (performance.now() - sliceStart > SLICE_MS) {
      await nextTurn();
      sliceStart = performance.now();
    }
  }
  parts.push(encode(`],${JSON.stringify({ aggregate, elapsed_ms }).slice(1)}`));
  return new Blob(parts);
}

/** An item as JSON: its drawn picture in base64. */
export function itemJson({ drawn, ...item }: ItemResult): object {
  if (!drawn) return item;
  const data = Buffer.from(drawn.buffer, drawn.byteOffset, drawn.byteLength).toString("base64");
  return { ...item, drawn: { content_type: "image/jpeg", data } };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
