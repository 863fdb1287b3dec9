/** The reference's text of `GET /metrics`. */
import { errorAnswers, operation } from "../openapi.ts";

export const METRICS_DOC = operation({
  operationId: "metrics",
  tag: "Server",
  summary: "Metrics for Prometheus",
  description:
    "Counters and timings of requests, pictures, stages, workers and the process, in Prometheus's text format.",
  responses: {
    "200": { description: "The metrics.", content: { "text/plain": { schema: { type: "string" } } } },
    ...errorAnswers(["unauthorized", "forbidden", "origin_refused"]),
  },
});
