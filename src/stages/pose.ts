/** Stage `pose`: how each head is turned. */
import { bestQuality, unfitMethod, weightedMean, weightsFor } from "./aggregate.ts";
import type { Landmarks, Pose } from "./item.ts";
import { outputOf, requireOutput } from "./model-outputs.ts";
import { modelName, stageOptions } from "./options.ts";
import { type AggregateMethod, defineStage } from "./stage.ts";
import { subjectOf } from "./subject.ts";

const METHODS: readonly AggregateMethod[] = ["best-quality", "mean", "quality-weighted-mean"];
const DEGREES = 180 / Math.PI;

const options = stageOptions({
  model: modelName("pose-default", "A model that gives yaw and pitch in degrees."),
});

export default defineStage({
  kind: "pose",
  summary: "Measures yaw, pitch and roll of each head.",
  description:
    "Yaw (positive: turned towards the picture's left) and pitch (positive: looking up) come from the model. Roll " +
    "(positive: tilted clockwise as seen in the picture) is the angle of the line through the eyes, which is more exact.",
  example: "stages:\n  - detect: {}\n  - landmarks: {}\n  - pose: {}\n  - quality: { max_yaw: 30 }",
  options,
  reads: () => ["picture", "face.box", "face.landmarks"],
  writes: () => ["face.pose"],
  drops: "Nothing; the gates `max_yaw`, `max_pitch` and `max_roll` are options of stage quality.",
  cost: "Under 1 µs a face beside the model, which takes 6 ms a face (one thread of a 2-core x86-64 machine with AVX-512).",
  models: ({ model }) => [{ name: model, task: "pose" }],
  aggregation: {
    key: "pose",
    methods: METHODS,
    aggregate(inputs, method) {
      if (!METHODS.includes(method)) throw unfitMethod("pose", method, METHODS);
      if (method === "best-quality") return bestQuality(inputs).face.pose;
      const weights = weightsFor(inputs, method);
      const mean = (key: keyof Pose) =>
        weightedMean(
          inputs.map(({ face }) => face.pose![key]),
          weights,
        );
      return { yaw: mean("yaw"), pitch: mean("pitch"), roll: mean("roll") };
    },
  },
  async create({ model: name }, environment) {
    const model = await environment.model(name);
    requireOutput("pose", model.card, "yaw", ["number"]);
    requireOutput("pose", model.card, "pitch", ["number"]);
    return {
      async run(item, faces, context) {
        context.checkpoint();
        const results = await model.run(item.picture, faces.map(subjectOf));
        faces.forEach((face, i) => {
          face.pose = {
            yaw: outputOf(results[i], "yaw", "number").value,
            pitch: outputOf(results[i], "pitch", "number").value,
            roll: rollOf(face.landmarks!),
          };
        });
      },
    };
  },
});

/** Angle in degrees of the line through the eyes; positive where the picture's right eye is lower. */
function rollOf({ five: [left, right] }: Landmarks): number {
  return Math.atan2(right[1] - left[1], right[0] - left[0]) * DEGREES;
}
