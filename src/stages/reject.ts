/** Stage `reject`: a gate by condition. What its `when` lets through is turned away. */
import { Type } from "@sinclair/typebox";
import { stageOptions } from "./options.ts";
import { defineStage } from "./stage.ts";

const options = stageOptions({
  reason: Type.String({
    pattern: "^[a-z][a-z0-9_]{0,63}$",
    expects: "lower-case words joined by underscores",
    default: "condition",
    description: "Name of the reason, for programs.",
  }),
  message: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: "What people are told; made of the reason when absent." }),
  ),
});

export default defineStage({
  kind: "reject",
  summary: "Turns away the faces that its condition names.",
  description:
    "Rejects every face it is given, so it is written with `when`: what the condition is true of is turned away. A face " +
    "that lacks a part which the condition reads is not (see `when` in pipelines.md). Rejected faces stay in the answer " +
    "with the reason, and later stages pass them by. Without `when` it rejects all faces.",
  example:
    "stages:\n  - detect: {}\n  - reject: { reason: small, message: The face is lower than 80 pixels. }\n    when: face.box.height < 80.0",
  options,
  reads: () => ["face.box"],
  writes: () => [],
  drops: "Rejects every face it handles, with the reason of its options.",
  cost: "Under 1 µs a face beside the condition; no model.",
  models: () => [],
  async create({ reason, message = `The face was turned away: ${reason.replaceAll("_", " ")}.` }) {
    return {
      run(_item, faces, context) {
        for (const face of faces) {
          context.explain(() => message, face);
          face.rejected = { stage: "reject", reason, message };
        }
      },
    };
  },
});
