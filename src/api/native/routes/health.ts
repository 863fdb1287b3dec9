/** `/health`: whether the process lives, whether it can work, and how each of its parts is. */
import { Elysia } from "elysia";
import type { PartHealth } from "../../../pipeline/results.ts";
import { exchangeOf } from "../../exchange.ts";
import type { NativeContext } from "../context.ts";
import { HEALTH_DOC, LIVE_DOC, READY_DOC } from "../docs/health.ts";

/** Tells about health. Unknown query parameters are left alone: probes like to add some. */
export function healthRoutes({ health }: NativeContext) {
  return new Elysia()
    .get("/health/live", ({ request }) => ({ request: exchangeOf(request).id, status: "ok" }), { detail: LIVE_DOC })
    .get(
      "/health/ready",
      async ({ request, set }) => {
        const status = worst(await health());
        if (status === "failed") set.status = 503;
        return { request: exchangeOf(request).id, status };
      },
      { detail: READY_DOC },
    )
    .get(
      "/health",
      async ({ request, set }) => {
        const parts = await health();
        const status = worst(parts);
        if (status === "failed") set.status = 503;
        return { request: exchangeOf(request).id, status, parts };
      },
      { detail: HEALTH_DOC },
    );
}

/** A failed part fails the whole; a degraded one leaves the rest working. */
function worst(parts: Readonly<Record<string, PartHealth>>): PartHealth["status"] {
  const statuses = new Set(Object.values(parts).map(({ status }) => status));
  return statuses.has("failed") ? "failed" : statuses.has("degraded") ? "degraded" : "ok";
}
