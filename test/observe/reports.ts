/** Reports as the engine makes them. */
import type { ItemReport, RequestReport } from "../../src/observe/reports.ts";

/** Milliseconds since the epoch at which the reported request began. */
export const START = Date.UTC(2026, 0, 1);

/** A picture that waited 10 ms, was decoded in 5 and went through two stages of 20 and 7 ms. */
export function itemReport(changes: Partial<ItemReport> = {}): ItemReport {
  return {
    requestId: "r1",
    pipeline: "face-liveness",
    index: 0,
    status: "ok",
    code: undefined,
    internal: undefined,
    queuedAt: START + 1,
    startedAt: START + 11,
    finishedAt: START + 45,
    decodeMs: 5,
    stages: [
      { id: "1. detect", kind: "detect", startedAt: START + 16, elapsedMs: 20, waitedMs: 0 },
      { id: "2. liveness", kind: "liveness", startedAt: START + 36, elapsedMs: 7, waitedMs: 2 },
    ],
    attempts: 1,
    ...changes,
  };
}

/** The end of the request of {@link itemReport}. */
export function requestReport(changes: Partial<RequestReport> = {}): RequestReport {
  return {
    requestId: "r1",
    pipeline: "face-liveness",
    items: 1,
    startedAt: START,
    finishedAt: START + 50,
    code: undefined,
    traceparent: undefined,
    ...changes,
  };
}
