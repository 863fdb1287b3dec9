/** Stage `attributes`: age, gender and whatever else a model's card offers to read off a face. */
import { type Static, Type } from "@sinclair/typebox";
import type { ModelOutputs } from "../inference/model.ts";
import { aggregateLabels, aggregateNumbers, unfitMethod } from "./aggregate.ts";
import type { Attribute } from "./item.ts";
import { outputOf, requireLabels, requireOutput, toLabelled } from "./model-outputs.ts";
import { modelName, stageOptions } from "./options.ts";
import { type AggregateInput, type AggregateMethod, defineStage } from "./stage.ts";
import { subjectOf } from "./subject.ts";

const METHODS: readonly AggregateMethod[] = [
  "mean",
  "minimum",
  "maximum",
  "majority",
  "best-quality",
  "quality-weighted-mean",
];

const options = stageOptions({
  model: modelName("attributes-default", "A model whose card describes the attributes as outputs."),
  want: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      uniqueItems: true,
      description: "Attributes to read, such as `[age, gender]`. All outputs of the card when absent.",
    }),
  ),
});
type Options = Static<typeof options>;

export default defineStage({
  kind: "attributes",
  summary: "Reads age, gender and other attributes off each face.",
  description:
    "Writes each output of the model's card that is wanted: a number, or a label with the probabilities it was chosen " +
    "from. An attribute that the card does not have is an error when the pipeline is checked, never an invented value. " +
    "Aggregated, numbers follow the method (`majority` is the median) and labels are chosen by their mean probability, by " +
    "`majority` or from the best picture.",
  example: "stages:\n  - detect: {}\n  - attributes: { want: [age, gender] }\naggregate: { attributes: mean }",
  options,
  reads: () => ["picture", "face.box"],
  writes: () => ["face.attributes"],
  drops: "Nothing.",
  cost: "1 µs a face beside the model, which takes 17 ms a face (one thread of a 2-core x86-64 machine with AVX-512).",
  models: ({ model, want }) => [{ name: model, task: "attributes", ...(want && { outputs: want }) }],
  aggregation: {
    key: "attributes",
    methods: METHODS,
    aggregate(inputs, method) {
      if (!METHODS.includes(method)) throw unfitMethod("attributes", method, METHODS);
      const names = [...new Set(inputs.flatMap(({ face }) => Object.keys(face.attributes!)))];
      return Object.fromEntries(names.map((name) => [name, aggregateAttribute(name, inputs, method)]));
    },
  },
  async create({ model: name, want }: Options, environment) {
    const model = await environment.model(name);
    const readers = (want ?? Object.keys(model.card.outputs)).map((output) => {
      const rule = requireOutput("attributes", model.card, output, ["number", "probabilities"]);
      const labels = "labels" in rule ? requireLabels("attributes", model.card, output) : null;
      return [output, labels] as const;
    });
    return {
      async run(item, faces, context) {
        context.checkpoint();
        const results = await model.run(item.picture, faces.map(subjectOf));
        faces.forEach((face, i) => {
          const read = readers.map(([output, labels]) => [output, attributeOf(results[i], output, labels)] as const);
          face.attributes = { ...face.attributes, ...Object.fromEntries(read) };
        });
      },
    };
  },
});

function attributeOf(outputs: ModelOutputs | undefined, name: string, labels: readonly string[] | null): Attribute {
  return labels === null
    ? { value: outputOf(outputs, name, "number").value }
    : toLabelled(outputOf(outputs, name, "probabilities").values, labels);
}

/** One attribute over the pictures that have it; what kind it is the first of them says. */
function aggregateAttribute(name: string, inputs: readonly AggregateInput[], method: AggregateMethod): Attribute {
  const having = inputs.filter(({ face }) => face.attributes?.[name] !== undefined);
  const values = having.map(({ face }) => face.attributes![name]!);
  const numbers = values.flatMap((value) => ("value" in value ? [value.value] : []));
  if (numbers.length === values.length) return { value: aggregateNumbers(numbers, having, method) };
  const labelled = values.flatMap((value) => ("label" in value ? [value] : []));
  return aggregateLabels(labelled, having, method);
}
