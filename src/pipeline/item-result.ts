/** One picture's answer from what a worker made of it. */
import { faceJson } from "../stages/face-json.ts";
import type { ItemOutcome } from "./protocol.ts";
import type { ItemResult, ItemStatus } from "./results.ts";
import type { SettledItem } from "./scheduler.ts";

/** The public result of an item. */
export function itemResult(index: number, name: string, settled: SettledItem): ItemResult {
  const { outcome, queuedAt, startedAt } = settled;
  const stagesMs = outcome.times.reduce((sum, time) => sum + time.elapsedMs, 0);
  return {
    index,
    name,
    status: itemStatus(outcome),
    ...(outcome.picture ? { picture: outcome.picture } : {}),
    faces: outcome.faces.map(faceJson),
    ...(outcome.error ? { error: outcome.error } : {}),
    ...(startedAt === undefined
      ? {}
      : { timing: { queue_ms: startedAt - queuedAt, decode_ms: round(outcome.decodeMs), stages_ms: round(stagesMs) } }),
    ...(outcome.traces.length > 0 ? { explain: outcome.traces } : {}),
    ...(outcome.drawn ? { drawn: outcome.drawn } : {}),
  };
}

function itemStatus(outcome: ItemOutcome): ItemStatus {
  if (outcome.error) return "failed";
  if (outcome.faces.length === 0) return "no_face";
  return outcome.faces.every((face) => face.rejected) ? "rejected" : "ok";
}

/** Microseconds are as fine as anybody reads. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
