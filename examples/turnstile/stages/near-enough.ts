/** A stage of this project's own: turns away faces that are too far from the camera. */
import { defineStage, Type } from "facewire/stage";

export default defineStage({
  kind: "near-enough",
  summary: "Turns away people who stand too far away.",
  description: "Compares the height of the face's box with the picture's.",
  example: "stages:\n  - detect: {}\n  - near-enough: { min_share: 0.3 }",
  options: Type.Object(
    { min_share: Type.Number({ default: 0.3, minimum: 0, maximum: 1, description: "Least share of the height." }) },
    { additionalProperties: false },
  ),
  reads: () => ["picture", "face.box"],
  writes: () => ["face.extra.share"],
  drops: "Rejects faces that take a smaller share of the picture's height, with the reason `too_far`.",
  cost: "Nothing to speak of.",
  models: () => [],
  create: async ({ min_share }) => ({
    run(item, faces) {
      for (const face of faces) {
        const share = face.box.height / item.picture.height;
        face.extra = { ...face.extra, share };
        if (share >= min_share) continue;
        const message = `the face takes ${share.toFixed(2)} of the height, less than ${min_share}`;
        face.rejected = { stage: "near-enough", reason: "too_far", message };
      }
    },
  }),
});
