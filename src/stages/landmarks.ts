/** Stage `landmarks`: 68 points and the five alignment points of each face. */

import type { Point } from "../media/picture.ts";
import type { Landmarks } from "./item.ts";
import { outputOf, requireOutput } from "./model-outputs.ts";
import { modelName, stageOptions } from "./options.ts";
import { defineStage } from "./stage.ts";
import { subjectOf } from "./subject.ts";

const OUTPUT = "points";

// One pass: a second one around the first one's points steadies them (1.6 to 0.6 % of the eye distance when the box is
// shifted by 8 %), but left the similarities of descriptors, same people and others, as they were on 59 photos.
const options = stageOptions({
  model: modelName("landmarks-default", "A model of 68 iBUG 300-W points."),
});

export default defineStage({
  kind: "landmarks",
  summary: "Finds 68 points and the five alignment points of each face.",
  description:
    "Reads 68 points in the iBUG 300-W order off a crop around each box. The five alignment points follow from them: the " +
    "middle of each eye's six points, the tip of the nose and the corners of the mouth. Left and right are the picture's.",
  example: "stages:\n  - detect: {}\n  - landmarks: {}",
  options,
  reads: () => ["picture", "face.box"],
  writes: () => ["face.landmarks"],
  drops: "Nothing.",
  cost: "Under 1 µs a face beside the model, which takes 0.5 ms a face (one thread of a 2-core x86-64 machine with AVX-512).",
  models: ({ model }) => [{ name: model, task: "landmarks" }],
  async create({ model: name }, environment) {
    const model = await environment.model(name);
    requireOutput("landmarks", model.card, OUTPUT, ["points"]);
    return {
      async run(item, faces, context) {
        context.checkpoint();
        const results = await model.run(item.picture, faces.map(subjectOf));
        faces.forEach((face, i) => {
          face.landmarks = landmarksOf(outputOf(results[i], OUTPUT, "points").points);
        });
      },
    };
  },
});

/** The 68 points with the five alignment points drawn from them. */
export function landmarksOf(points: readonly Point[]): Landmarks {
  return {
    points,
    five: [middle(points.slice(36, 42)), middle(points.slice(42, 48)), points[30]!, points[48]!, points[54]!],
  };
}

function middle(points: readonly Point[]): Point {
  const x = points.reduce((sum, point) => sum + point[0], 0);
  const y = points.reduce((sum, point) => sum + point[1], 0);
  return [x / points.length, y / points.length];
}
