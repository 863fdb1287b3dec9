/** Stage `crop`: cuts a portrait and thumbnails of each face out of the picture. */
import { type Static, Type } from "@sinclair/typebox";
import { boundsOf } from "../inference/crop.ts";
import { mappedJpeg } from "../media/encode.ts";
import type { Box, Picture } from "../media/picture.ts";
import type { Face, FaceCrop } from "./item.ts";
import { oneOf, stageOptions } from "./options.ts";
import { defineStage } from "./stage.ts";
import { WARP_SIDE, warpMap } from "./warp-template.ts";

/** Where the middle of the face lies in a portrait, as share of its height: shoulders need more room than hair. */
const PORTRAIT_FACE_CENTRE = 0.43;

const options = stageOptions({
  portrait: Type.Boolean({ default: true, description: "Whether to cut head and shoulders, as crop `portrait`." }),
  portrait_frame: oneOf(["box", "iso", "picture"], {
    default: "box",
    description:
      "What the portrait is cut from: around the face's box, the frame of stage iso-frame, or the whole picture as it is.",
  }),
  portrait_margin: Type.Number({
    minimum: 0,
    maximum: 5,
    default: 1.2,
    description: "Height of the portrait beyond the face's box, as share of the box's height. For frame `box`.",
  }),
  portrait_ratio: Type.Number({
    minimum: 0.25,
    maximum: 4,
    default: 0.75,
    description: "Width over height of the portrait. For frame `box`.",
  }),
  portrait_height: Type.Integer({
    minimum: 16,
    maximum: 2048,
    default: 480,
    description: "Greatest height in pixels; a portrait is made smaller, never larger than it is in the picture.",
  }),
  thumbnails: Type.Array(Type.Integer({ minimum: 16, maximum: 1024 }), {
    default: [],
    maxItems: 8,
    uniqueItems: true,
    description: "Sides in pixels of square crops of exactly that size, as crops `thumbnail-<side>`.",
  }),
  thumbnail_margin: Type.Number({
    minimum: 0,
    maximum: 5,
    default: 0.3,
    description: "Side of a thumbnail beyond the longer side of the face's box, as share of it.",
  }),
  warp: Type.Boolean({
    default: false,
    description: `Whether to cut the aligned face of ${WARP_SIDE} x ${WARP_SIDE} pixels that stage warp takes, as crop \`warp\`.`,
  }),
  quality: Type.Integer({ minimum: 1, maximum: 100, default: 90, description: "JPEG quality." }),
});
type Options = Static<typeof options>;

export default defineStage({
  kind: "crop",
  summary: "Cuts a portrait and thumbnails of each face out of the picture.",
  description:
    "Writes JPEG crops: `portrait` shows head and shoulders upright, with the face a little above the middle; " +
    "`thumbnail-<side>` are squares around the face; `warp` is the face turned upright, of 250 x 250 pixels, with its five " +
    "points laid onto the template of stage warp. What lies outside the picture repeats its edge. Each crop tells the box " +
    "it was cut from, which may reach past the edges; of a warp, whose box is turned, the upright bounds of that.",
  example: "stages:\n  - detect: { faces: largest }\n  - crop: { portrait_height: 320, thumbnails: [64, 128] }",
  options,
  reads: ({ portrait, portrait_frame, warp }) => [
    "picture",
    "face.box",
    ...(portrait && portrait_frame === "iso" ? (["face.frame"] as const) : []),
    ...(warp ? (["face.landmarks"] as const) : []),
  ],
  writes: () => ["face.crops"],
  drops: "Nothing.",
  cost: "0.7 ms a portrait of 300 x 400 pixels, 0.3 ms one 250 high and 0.1 ms a thumbnail of 96, half of it JPEG coding; no model (one thread of a 2-core x86-64 machine with AVX2).",
  models: () => [],
  async create(options) {
    return {
      async run(item, faces, context) {
        for (const face of faces) {
          context.checkpoint();
          const crops: Record<string, FaceCrop> = { ...face.crops };
          for (const cut of cutsOf(item.picture, face, options))
            crops[cut.name] = await encode(item.picture, cut, options.quality);
          if (options.warp) crops.warp = warped(item.picture, face, options.quality);
          face.crops = crops;
        }
      },
    };
  },
});

/** A crop to make: a box of the picture and the size in pixels it comes out with. */
export interface Cut {
  readonly name: string;
  readonly box: Box;
  readonly width: number;
  readonly height: number;
}

/** The crops that the options ask for of a face, but for the warp. */
export function cutsOf(picture: Pick<Picture, "width" | "height">, found: Face, options: Options): Cut[] {
  const { box: face } = found;
  const cuts = options.thumbnails.map((side): Cut => {
    const box = around(face, side, side, Math.max(face.width, face.height) * (1 + options.thumbnail_margin), 0.5);
    return { name: `thumbnail-${side}`, box, width: side, height: side };
  });
  if (!options.portrait) return cuts;
  if (options.portrait_frame === "picture") {
    return [portrait({ x: 0, y: 0, width: picture.width, height: picture.height }, options.portrait_height), ...cuts];
  }
  if (options.portrait_frame === "iso") return [portrait(found.frame!, options.portrait_height), ...cuts];
  const tall = face.height * (1 + options.portrait_margin);
  const height = Math.max(1, Math.min(options.portrait_height, Math.round(tall)));
  const width = Math.max(1, Math.round(height * options.portrait_ratio));
  return [{ name: "portrait", box: around(face, width, height, tall, PORTRAIT_FACE_CENTRE), width, height }, ...cuts];
}

/** A box that is cut as it is, at most `height` pixels high. */
function portrait(box: Box, most: number): Cut {
  const height = Math.max(1, Math.min(most, Math.round(box.height)));
  return { name: "portrait", box, width: Math.max(1, Math.round((height * box.width) / box.height)), height };
}

/** A box `tall` high, of the aspect of `width` x `height`, with the middle of the face at `centre` of its height. */
function around(face: Box, width: number, height: number, tall: number, centre: number): Box {
  const wide = (tall * width) / height;
  const x = face.x + face.width / 2 - wide / 2;
  const y = face.y + face.height / 2 - tall * centre;
  return { x, y, width: wide, height: tall };
}

async function encode(picture: Picture, { box, width, height }: Cut, quality: number): Promise<FaceCrop> {
  const bytes = await picture.jpeg(box, { width, height, quality, border: "edge" });
  return { box, contentType: "image/jpeg", width, height, bytes };
}

function warped(picture: Picture, { landmarks }: Face, quality: number): FaceCrop {
  const size = { width: WARP_SIDE, height: WARP_SIDE };
  const map = warpMap(landmarks!.five);
  const bytes = mappedJpeg(picture, map, { ...size, quality });
  return { box: boundsOf(map, WARP_SIDE, WARP_SIDE), contentType: "image/jpeg", ...size, bytes };
}
