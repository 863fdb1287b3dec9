/** Stage `iso-frame`: where a portrait in the proportions of ISO/IEC 19794-5 lies around each face. */
import type { Box } from "../media/picture.ts";
import type { Face } from "./item.ts";
import { oneOf, stageOptions } from "./options.ts";
import { defineStage } from "./stage.ts";

/** The token image of the standard: width over height, eye distance over width, height of the eyes over the frame's. */
const TOKEN = { ratio: 0.75, eyeDistance: 0.25, eyeLine: 0.45 } as const;
/** The same of a face's box where the eyes are not known; medians of the default detector on frontal faces. */
const BOX = { eyeDistance: 0.43, eyeLine: 0.42 } as const;

const options = stageOptions({
  eyes: oneOf(["landmarks", "box"], {
    default: "landmarks",
    description:
      "Where the eyes are taken from: the landmarks, or guessed from the box where no stage finds landmarks.",
  }),
});

export default defineStage({
  kind: "iso-frame",
  summary: "Says where an ISO portrait lies around each face.",
  description:
    "The frame of the token image of ISO/IEC 19794-5 (full frontal), 3 wide and 4 high: with the distance d of the eye " +
    "centres and their middle (cx, cy) it is W = d / 0.25 wide and H = W / 0.75 high, and its corner lies at cx - 0.5 W, " +
    "cy - 0.45 H. It is never clipped: it may reach past the edges of the picture, and negative corners are right. d is the " +
    "distance in the plane, so that a tilted head keeps its size. With `eyes: box`, d is 0.43 of the box's width and the " +
    "eyes lie at 0.42 of its height. Stage crop cuts portraits out of it (`portrait_frame: iso`).",
  example:
    "stages:\n  - detect: {}\n  - landmarks: {}\n  - iso-frame: {}\n  - crop: { portrait_frame: iso, portrait_height: 250 }",
  options,
  reads: ({ eyes }) => (eyes === "landmarks" ? ["face.box", "face.landmarks"] : ["face.box"]),
  writes: () => ["face.frame"],
  drops: "Nothing.",
  cost: "Under 1 µs a face; no model and no pixels.",
  models: () => [],
  async create({ eyes }) {
    return {
      run(_item, faces) {
        for (const face of faces) face.frame = isoFrame(eyes === "landmarks" ? eyesOf(face) : eyesInBox(face.box));
      },
    };
  },
});

/** Middle of the eye centres and their distance, in pixels. */
interface EyePair {
  readonly x: number;
  readonly y: number;
  readonly distance: number;
}

function eyesOf({ landmarks }: Face): EyePair {
  const [left, right] = landmarks!.five;
  const distance = Math.hypot(right[0] - left[0], right[1] - left[1]);
  return { x: (left[0] + right[0]) / 2, y: (left[1] + right[1]) / 2, distance };
}

function eyesInBox({ x, y, width, height }: Box): EyePair {
  return { x: x + width / 2, y: y + height * BOX.eyeLine, distance: width * BOX.eyeDistance };
}

function isoFrame({ x, y, distance }: EyePair): Box {
  const width = distance / TOKEN.eyeDistance;
  const height = width / TOKEN.ratio;
  return { x: x - width / 2, y: y - height * TOKEN.eyeLine, width, height };
}
