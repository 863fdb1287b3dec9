/** `GET /metrics`: counters for Prometheus. */
import { Elysia } from "elysia";
import type { NativeContext } from "../context.ts";
import { METRICS_DOC } from "../docs/metrics.ts";

/** Gives the metrics out. Unknown query parameters are left alone: scrapers add theirs. */
export function metricsRoute({ metrics }: NativeContext) {
  return new Elysia().get(
    "/metrics",
    async () => {
      const { contentType, text } = await metrics();
      return new Response(text, { headers: { "content-type": contentType } });
    },
    { detail: METRICS_DOC },
  );
}
