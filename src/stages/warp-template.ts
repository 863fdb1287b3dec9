/**
 * Warps: pictures of one face, turned so that the eyes are level, of one size. The template says where the five points of
 * the face lie in them.
 */
import { similarityToPicture } from "../inference/similarity-transform.ts";
import type { Affine, Point } from "../media/picture.ts";
import type { Landmarks } from "./item.ts";

/** Width and height of a warp in pixels. */
export const WARP_SIDE = 250;

type FivePoints = Landmarks["five"];

/** The template of ArcFace for crops of 112 x 112. */
const ARCFACE: FivePoints = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];
const ARCFACE_SIDE = 112;
/**
 * At this scale the crop of a descriptor model takes the middle 179 of the 250 pixels: no detail is lost between them, and
 * detectors and models that look further than ArcFace's crop still see a whole head.
 */
const SCALE = 1.6;

/**
 * Image-left eye, image-right eye, nose tip and mouth corners in a warp, in pixels: ArcFace's template, 1.6 times as large
 * and centred. To two places: (96.97, 118.41), (153.35, 118.10), (125.34, 150.48), (102.18, 183.48), (148.87, 183.23).
 */
export const WARP_TEMPLATE: FivePoints = ARCFACE.map(
  ([x, y]): Point => [inWarp(x), inWarp(y)],
) as unknown as FivePoints;

/** Scales about the middle; points are measured between pixel centres. */
function inWarp(value: number): number {
  return (value - (ARCFACE_SIDE - 1) / 2) * SCALE + (WARP_SIDE - 1) / 2;
}

/** The map from a warp to the picture it is cut from, whose face has these five points. */
export function warpMap(five: FivePoints): Affine {
  return similarityToPicture(five, WARP_TEMPLATE);
}
