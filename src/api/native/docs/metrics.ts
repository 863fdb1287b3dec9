/** The reference's text of `GET /metrics`. */
import { errorAnswers, operation } from "../openapi.ts";

const EXAMPLE = `# HELP facewire_items_total Pictures answered, by status and error code.
# TYPE facewire_items_total counter
facewire_items_total{pipeline="face-liveness",status="ok",code="ok"} 17
`;

export const METRICS_DOC = operation({
  operationId: "metrics",
  tag: "Server",
  summary: "Metrics for Prometheus",
  description:
    "Counters and timings of requests, pictures, stages, workers and the process, in Prometheus's text format.",
  responses: {
    "200": { description: "The metrics.", content: { "text/plain": { schema: { type: "string" }, example: EXAMPLE } } },
    ...errorAnswers(["unauthorized", "forbidden", "origin_refused"]),
  },
});
