/** Stage `descriptor`: the embedding of each face, by which faces are compared. */
import { bestQuality, unfitMethod, weightsFor } from "./aggregate.ts";
import type { Descriptor } from "./item.ts";
import { outputOf, requireOutput } from "./model-outputs.ts";
import { modelName, stageOptions } from "./options.ts";
import { type AggregateInput, type AggregateMethod, defineStage } from "./stage.ts";
import { subjectOf } from "./subject.ts";

const OUTPUT = "descriptor";
const METHODS: readonly AggregateMethod[] = ["quality-weighted-mean", "mean", "best-quality"];

const options = stageOptions({
  model: modelName("descriptor-default", "The descriptor model. Only descriptors of the same model can be compared."),
});

export default defineStage({
  kind: "descriptor",
  summary: "Extracts the descriptor of each face.",
  description:
    "Lays the five alignment points onto the template of the model's card and reads the embedding off that crop. The " +
    "descriptor names its model and version, because others cannot be compared with it. Aggregated, the values are meant " +
    "and brought back to length 1.",
  example:
    "stages:\n  - detect: { faces: largest }\n  - landmarks: {}\n  - descriptor: {}\naggregate: { descriptor: mean }",
  options,
  reads: () => ["picture", "face.box", "face.landmarks"],
  writes: () => ["face.descriptor"],
  drops: "Nothing.",
  cost: "Under 1 µs a face beside the model, which takes 7 ms a face (one thread of a 2-core x86-64 machine with AVX2).",
  models: ({ model }) => [{ name: model, task: "descriptor" }],
  aggregation: { key: "descriptor", methods: METHODS, aggregate: aggregateDescriptors },
  async create({ model: name }, environment) {
    const model = await environment.model(name);
    requireOutput("descriptor", model.card, OUTPUT, ["vector"]);
    const { name: card, version } = model.card;
    return {
      async run(item, faces, context) {
        context.checkpoint();
        const results = await model.run(item.picture, faces.map(subjectOf));
        faces.forEach((face, i) => {
          face.descriptor = { model: card, version, values: outputOf(results[i], OUTPUT, "vector").values };
        });
      },
    };
  },
});

/** One descriptor for all pictures: the best picture's, or the mean (weighed by quality or not) of length 1. */
function aggregateDescriptors(inputs: readonly AggregateInput[], method: AggregateMethod): Descriptor {
  if (!METHODS.includes(method)) throw unfitMethod("descriptor", method, METHODS);
  if (method === "best-quality") return bestQuality(inputs).face.descriptor!;
  const weights = weightsFor(inputs, method);
  const { model, version, values: first } = inputs[0]!.face.descriptor!;
  const sum = new Float64Array(first.length);
  inputs.forEach(({ face }, i) => {
    const { values } = face.descriptor!;
    for (let k = 0; k < sum.length; k++) sum[k]! += weights[i]! * values[k]!;
  });
  // Values that cancel out exactly have no direction; zeros say so better than a division by zero.
  const length = Math.hypot(...sum) || 1;
  return { model, version, values: Float32Array.from(sum, (value) => value / length) };
}
