/** Stage `detect`: finds the faces of a picture. */
import { type Static, Type } from "@sinclair/typebox";
import type { ModelCard } from "../inference/card.ts";
import { suppress } from "../inference/decode/ultraface.ts";
import type { Detection, Model } from "../inference/model.ts";
import type { Box } from "../media/picture.ts";
import type { Item } from "./item.ts";
import { outputOf, requireOutput } from "./model-outputs.ts";
import { modelName, oneOf, pixels, share, stageOptions, toPixels } from "./options.ts";
import { defineStage, type StageContext } from "./stage.ts";

const OUTPUT = "faces";

const options = stageOptions({
  model: modelName("detector-default", "The detector."),
  faces: Type.Union(
    [
      Type.Literal("all"),
      Type.Literal("largest"),
      Type.Object(
        { at_most: Type.Integer({ minimum: 1, maximum: 1000, description: "Number of faces with the best scores." }) },
        { additionalProperties: false },
      ),
    ],
    {
      default: "all",
      description: "Which of the faces found go on: all, the largest by area, or the n best by score.",
    },
  ),
  min_face: pixels({ default: 0, description: "Least height of a face's box; smaller faces are dropped." }),
  threshold: Type.Optional(
    share({
      description: "Least score of a face; nothing below the threshold of the model's card, which counts when absent.",
    }),
  ),
  small_faces: oneOf(["auto", "always", "never"], {
    default: "auto",
    description: "Use of the second detector: when the first finds nothing, on every picture with both merged, or not.",
  }),
  small_faces_model: modelName("detector-small-faces", "The second detector, for small faces."),
  small_faces_threshold: share({ default: 0.8, description: "The same for the second detector." }),
});
type Options = Static<typeof options>;

export default defineStage({
  kind: "detect",
  summary: "Finds the faces of a picture.",
  description:
    "Runs a detector over the whole picture and writes one face per box, best score first. Boxes are kept as the detector " +
    "gives them and may reach past the edges of the picture. Where the first detector finds nothing, a second one with more " +
    "resolution looks for small faces (`small_faces`). The order of choice is score, size, then `faces`.",
  example: "stages:\n  - detect: { min_face: 40px, faces: largest }",
  options,
  reads: () => ["picture"],
  writes: () => ["face.box"],
  drops:
    "Faces below the threshold, lower than `min_face`, or beyond what `faces` lets through; explain counts each. Faces that an earlier detect stage found are replaced.",
  cost: "2 µs a picture beside the detector, which takes 3.5 ms for the whole picture; the second detector adds 14 ms where it runs (one thread of a 2-core x86-64 machine with AVX-512).",
  models: ({ model, small_faces, small_faces_model }) => [
    { name: model, task: "detect" },
    ...(small_faces === "never" ? [] : [{ name: small_faces_model, task: "detect" as const }]),
  ],
  async create(options, environment) {
    const first = await environment.model(options.model);
    const second = options.small_faces === "never" ? null : await environment.model(options.small_faces_model);
    const { nms_iou } = rulesOf(first.card);
    if (second !== null) rulesOf(second.card);
    const leastHeight = toPixels(options.min_face);

    return {
      async run(item, _faces, context) {
        context.checkpoint();
        let found = await detections(item, first, options.threshold ?? 0, context);
        if (second !== null && (options.small_faces === "always" || found.length === 0)) {
          context.checkpoint();
          const small = await detections(item, second, options.small_faces_threshold, context);
          found = mergeDetections(found, small, nms_iou);
          if (small.length > 0) context.explain(() => `${found.length} faces after merging both detectors`);
        }
        const tall = found.filter(({ box }) => box.height >= leastHeight);
        if (tall.length < found.length) {
          context.explain(() => `dropped ${found.length - tall.length} lower than min_face ${leastHeight} px`);
        }
        const kept = choose(tall, options.faces);
        if (kept.length < tall.length) {
          context.explain(() => `dropped ${tall.length - kept.length} because faces is ${chosen(options.faces)}`);
        }
        context.explain(() => `kept ${kept.length}`);
        item.faces = kept.map(({ box, score }) => ({ box, score }));
      },
    };
  },
});

/** What a detector's card says of its boxes; the stage cannot be built with a model that gives none. */
function rulesOf(card: ModelCard) {
  const rule = requireOutput("detect", card, OUTPUT, ["detections"]);
  return "nms_iou" in rule ? rule : { threshold: 0, nms_iou: 1 };
}

async function detections(item: Item, model: Model, wanted: number, context: StageContext) {
  const { picture } = item;
  const whole: Box = { x: 0, y: 0, width: picture.width, height: picture.height };
  const [outputs] = await model.run(picture, [{ box: whole }]);
  const all = outputOf(outputs, OUTPUT, "detections").detections;
  const kept = all.filter((detection) => detection.score >= wanted);
  const threshold = Math.max(wanted, rulesOf(model.card).threshold);
  context.explain(() => `${model.card.name} found ${kept.length} with a score of ${threshold} or more`);
  if (kept.length < all.length) context.explain(() => `dropped ${all.length - kept.length} below the threshold`);
  return kept;
}

/** The detections of two detectors, best first; of two that overlap by more than `iou` the better one stays. */
export function mergeDetections(a: readonly Detection[], b: readonly Detection[], iou: number): Detection[] {
  return suppress([...a, ...b], iou);
}

function choose(found: readonly Detection[], faces: Options["faces"]): readonly Detection[] {
  if (faces === "all") return found;
  if (typeof faces === "object") return found.slice(0, faces.at_most);
  const area = ({ box }: Detection) => box.width * box.height;
  return found.length === 0 ? [] : [found.reduce((best, next) => (area(next) > area(best) ? next : best))];
}

function chosen(faces: Options["faces"]): string {
  return typeof faces === "object" ? `at most ${faces.at_most}` : faces;
}
