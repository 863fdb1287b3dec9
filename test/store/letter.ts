/** Dead letters for tests. */
import type { NewDeadLetter } from "../../src/store/dead-letters.ts";

/** A letter as an engine would write it. */
export function letter(changes: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    address: "stage.liveness",
    kind: "stage",
    pipeline: "face-liveness",
    cause: { code: "stage_failed", message: "A stage failed.", details: { stage: "3. liveness", tries: [1, 2] } },
    internal: "Error: no\n    at run (liveness.ts:1:1)",
    attempts: 3,
    messageId: "m1",
    requestId: "r1",
    sequence: 0,
    traceparent: undefined,
    time: Date.UTC(2026, 0, 1),
    summary: "{name: text(5)}",
    ...changes,
  };
}
