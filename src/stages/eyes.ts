/** Stage `eyes`: whether each eye is open. */

import type { Subject } from "../inference/model.ts";
import type { Point } from "../media/picture.ts";
import { bestQuality, unfitMethod } from "./aggregate.ts";
import type { Eye, Landmarks } from "./item.ts";
import { outputOf, requireLabels } from "./model-outputs.ts";
import { modelName, share, stageOptions } from "./options.ts";
import { type AggregateMethod, defineStage } from "./stage.ts";

const OUTPUT = "closed";
const CLOSED_LABEL = "closed";
const METHODS: readonly AggregateMethod[] = ["best-quality"];

/** Six points an eye in the iBUG order: corner, two of the upper lid, corner, two of the lower lid. */
const EYE_POINTS = { left: [36, 42], right: [42, 48] } as const;

const options = stageOptions({
  model: modelName("eyes-default", "A model that tells closed eyes from open ones."),
  closed_probability: share({ default: 0.9, description: "An eye is closed only above this probability…" }),
  closed_aspect_ratio: share({
    default: 0.25,
    description: "…and only where its lids, seen by the landmarks, are less than this share of its width apart.",
  }),
});

export default defineStage({
  kind: "eyes",
  summary: "Tells for each eye whether it is open or closed.",
  description:
    "Shows the model a crop around the middle of each eye's lids, as wide as the card's rule makes it from the eye's width. " +
    "An eye is called closed only when the model is sure and the landmarks agree, because either alone takes narrow eyes " +
    "for closed ones. Left and right are the picture's.",
  example: "stages:\n  - detect: {}\n  - landmarks: {}\n  - eyes: {}",
  options,
  reads: () => ["picture", "face.box", "face.landmarks"],
  writes: () => ["face.eyes"],
  drops: "Nothing.",
  cost: "1 µs a face beside the model, which takes 0.1 ms an eye (one thread of a 2-core x86-64 machine with AVX-512).",
  models: ({ model }) => [{ name: model, task: "eyes" }],
  aggregation: {
    key: "eyes",
    methods: METHODS,
    aggregate(inputs, method) {
      if (!METHODS.includes(method)) throw unfitMethod("eyes", method, METHODS);
      const { left, right } = bestQuality(inputs).face.eyes!;
      return { left: eyeJson(left), right: eyeJson(right) };
    },
  },
  async create({ model: name, closed_probability, closed_aspect_ratio }, environment) {
    const model = await environment.model(name);
    const closed = requireLabels("eyes", model.card, OUTPUT).indexOf(CLOSED_LABEL);
    return {
      async run(item, faces, context) {
        context.checkpoint();
        const shapes = faces.flatMap(({ landmarks }) => [eyeShape(landmarks!, "left"), eyeShape(landmarks!, "right")]);
        const results = await model.run(item.picture, shapes);
        const eyes = shapes.map(({ aspectRatio }, i): Eye => {
          const closedProbability = outputOf(results[i], OUTPUT, "probabilities").values[closed]!;
          const isClosed = closedProbability > closed_probability && aspectRatio < closed_aspect_ratio;
          return { closedProbability, aspectRatio, state: isClosed ? "closed" : "open" };
        });
        faces.forEach((face, i) => {
          face.eyes = { left: eyes[2 * i]!, right: eyes[2 * i + 1]! };
        });
      },
    };
  },
});

/** An eye as users see it. */
export function eyeJson({ state, closedProbability, aspectRatio }: Eye) {
  return { state, closed_probability: closedProbability, aspect_ratio: aspectRatio };
}

/** The square of an eye's width around the middle of its lids, and how far the lids are apart over that width. */
export function eyeShape(landmarks: Landmarks, side: keyof typeof EYE_POINTS): Subject & { aspectRatio: number } {
  const [outer, upper1, upper2, inner, lower2, lower1] = landmarks.points.slice(...EYE_POINTS[side]) as SixPoints;
  const width = Math.max(1, distance(outer, inner));
  const lids = [upper1, upper2, lower1, lower2];
  const x = lids.reduce((sum, point) => sum + point[0], 0) / lids.length;
  const y = lids.reduce((sum, point) => sum + point[1], 0) / lids.length;
  return {
    box: { x: x - width / 2, y: y - width / 2, width, height: width },
    aspectRatio: (distance(upper1, lower1) + distance(upper2, lower2)) / (2 * width),
  };
}

type SixPoints = [Point, Point, Point, Point, Point, Point];

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
