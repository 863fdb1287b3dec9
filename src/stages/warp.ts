/** Stage `warp`: takes a picture that is a warp, an aligned face of 250 x 250, instead of looking for faces. */
import { FacewireError } from "../errors.ts";
import type { Detection, Model } from "../inference/model.ts";
import type { Affine, Box, Picture } from "../media/picture.ts";
import type { Landmarks } from "./item.ts";
import { landmarksOf } from "./landmarks.ts";
import { outputOf, requireOutput } from "./model-outputs.ts";
import { modelName, stageOptions } from "./options.ts";
import { defineStage } from "./stage.ts";
import { WARP_SIDE, WARP_TEMPLATE, warpMap } from "./warp-template.ts";

/** Where the default detector sees the face of a warp: the mean of its boxes on warps of sample photos. */
const FACE_BOX: Box = { x: 68, y: 32, width: 128, height: 197 };
/** A point between the eyes and the nose; the face of a warp covers it. */
const MIDDLE = { x: 125, y: 125 } as const;
/**
 * Mean distance in pixels from the template below which the warp counts as one of this template. Finding the points again
 * is uncertain by 0.2 to 4.2 pixels (21 faces), so that moving the face by so little would only add noise.
 */
const SAME = 4.5;
/** A warp is upright and filled by its face: points that say something else are wrong. */
const PLAUSIBLE = { degrees: 20, scale: 2 } as const;

const options = stageOptions({
  model: modelName("detector-default", "The detector."),
  landmarks_model: modelName("landmarks-default", "A model of 68 iBUG 300-W points."),
});

export default defineStage({
  kind: "warp",
  summary: "Takes a picture that is an aligned face of 250 x 250 pixels.",
  description:
    "For warps, pictures of exactly 250 x 250 pixels with one face, upright; any other size fails the picture with " +
    "`picture_wrong_size`. The five points of a warp of this server lie at (96.97, 118.41), (153.35, 118.10), (125.34, " +
    "150.48), (102.18, 183.48) and (148.87, 183.23): eyes, nose tip and mouth corners from the picture's left, which is the " +
    "template of ArcFace, 1.6 times as large and centred. Other makers of warps have other templates, so the face is looked " +
    "for: where it is found its landmarks count (unless they are within 4.5 pixels of the template on the mean, where the " +
    "template is the more exact) and its score is the face's. Where none is found, or one that is tilted by more than 20 " +
    "degrees or half or twice as large, the face has the template's points and score 1, so that the picture is used as it is. " +
    "Stage crop makes such warps (`warp: true`).",
  example: "stages:\n  - warp: {}\n  - descriptor: {}",
  options,
  reads: () => ["picture"],
  writes: () => ["face.box", "face.landmarks"],
  drops:
    "Nothing; a picture of another size fails with `picture_wrong_size`. Faces that earlier stages found are replaced.",
  cost: "Under 10 µs a picture beside the models: detection and landmarks of one face (one thread of a 2-core x86-64 machine with AVX-512).",
  models: ({ model, landmarks_model }) => [
    { name: model, task: "detect" },
    { name: landmarks_model, task: "landmarks" },
  ],
  async create({ model, landmarks_model }, environment) {
    const detector = await environment.model(model);
    requireOutput("warp", detector.card, "faces", ["detections"]);
    const marker = await environment.model(landmarks_model);
    requireOutput("warp", marker.card, "points", ["points"]);
    return {
      async run(item, _faces, context) {
        context.checkpoint();
        const { picture } = item;
        if (picture.width !== WARP_SIDE || picture.height !== WARP_SIDE) throw wrongSize(picture);
        const found = await faceOf(picture, detector);
        const landmarks = await landmarksIn(picture, marker, found?.box ?? FACE_BOX);
        const misfit = found && misfitOf(warpMap(landmarks.five));
        if (!found || misfit) {
          context.explain(() => `${misfit ?? "no face was found"}: the picture is used as it is`);
          item.faces = [{ box: FACE_BOX, score: 1, landmarks: { ...landmarks, five: WARP_TEMPLATE } }];
          return;
        }
        const apart = distanceOf(warpMap(landmarks.five));
        context.explain(() => `the face lies ${apart.toFixed(1)} px from the template`);
        const five = apart < SAME ? WARP_TEMPLATE : landmarks.five;
        item.faces = [{ box: found.box, score: found.score, landmarks: { ...landmarks, five } }];
      },
    };
  },
});

/** The largest face that covers the middle. */
async function faceOf(picture: Picture, detector: Model): Promise<Detection | undefined> {
  const whole: Box = { x: 0, y: 0, width: picture.width, height: picture.height };
  const [outputs] = await detector.run(picture, [{ box: whole }]);
  const covering = outputOf(outputs, "faces", "detections").detections.filter(({ box: { x, y, width, height } }) => {
    return x <= MIDDLE.x && MIDDLE.x <= x + width && y <= MIDDLE.y && MIDDLE.y <= y + height;
  });
  const area = ({ box }: Detection) => box.width * box.height;
  return covering.toSorted((a, b) => area(b) - area(a))[0];
}

async function landmarksIn(picture: Picture, marker: Model, box: Box): Promise<Landmarks> {
  const [outputs] = await marker.run(picture, [{ box }]);
  return landmarksOf(outputOf(outputs, "points", "points").points);
}

/** Why the points cannot be those of a warp's face; undefined when they can. */
function misfitOf([a, , , d]: Affine): string | undefined {
  const scale = Math.hypot(a, d);
  const degrees = Math.abs((Math.atan2(d, a) * 180) / Math.PI);
  if (degrees > PLAUSIBLE.degrees) return `the face found is tilted by ${degrees.toFixed(0)} degrees`;
  if (scale >= 1 / PLAUSIBLE.scale && scale <= PLAUSIBLE.scale) return undefined;
  return `the face found has ${scale.toFixed(2)} times the template's size`;
}

/** Mean distance in pixels that a map moves the points of the template. */
function distanceOf([a, b, c, d, e, f]: Affine): number {
  const moved = WARP_TEMPLATE.map(([x, y]) => Math.hypot(a * x + b * y + c - x, d * x + e * y + f - y));
  return moved.reduce((sum, each) => sum + each, 0) / moved.length;
}

function wrongSize({ width, height }: Picture): FacewireError {
  return new FacewireError("picture_wrong_size", `A warp has ${WARP_SIDE} x ${WARP_SIDE} pixels.`, {
    details: { width, height, expected: { width: WARP_SIDE, height: WARP_SIDE } },
  });
}
