/** Pixels back to JPEG: portraits, thumbnails, drawn pictures. */
import { encodeJpeg } from "./jpeg.ts";
import type { Affine, Box, Picture, WarpTarget } from "./picture.ts";

/** Quality of JPEGs where nothing else is asked for: artefacts are not visible on faces, files stay small. */
export const DEFAULT_JPEG_QUALITY = 90;

/** How a box of a picture becomes a JPEG. Give one side and the other follows the box; give none for the box's own size. */
export interface CropJpegOptions {
  /** Width of the JPEG in pixels, 1..16384. */
  readonly width?: number;
  /** Height of the JPEG in pixels, 1..16384. */
  readonly height?: number;
  /** Longest side in pixels; only ever scales down. Not together with `width` or `height`. */
  readonly maxSide?: number;
  /** JPEG quality 1..100, {@link DEFAULT_JPEG_QUALITY} when absent. */
  readonly quality?: number;
  /** What lies outside the picture; `edge` when absent. */
  readonly border?: WarpTarget["border"];
}

/** The JPEG's size in pixels for a box and options: whole numbers, at least 1. */
export function cropSize(box: Box, options: CropJpegOptions): { width: number; height: number } {
  const { width, height, maxSide } = options;
  if (width !== undefined && height !== undefined) return { width, height };
  let scale = 1;
  if (width !== undefined) scale = width / box.width;
  else if (height !== undefined) scale = height / box.height;
  else if (maxSide !== undefined) scale = Math.min(1, maxSide / Math.max(box.width, box.height));
  return {
    width: width ?? Math.max(1, Math.round(box.width * scale)),
    height: height ?? Math.max(1, Math.round(box.height * scale)),
  };
}

/**
 * What a map samples of a picture as JPEG: for crops that are turned. `map` goes from pixel centres of the JPEG to those of
 * the picture; what lies outside repeats the edge.
 */
export function mappedJpeg(
  picture: Pick<Picture, "warp">,
  map: Affine,
  { width, height, quality }: { readonly width: number; readonly height: number; readonly quality: number },
): Uint8Array {
  const size = width * height;
  const planes = new Float32Array(3 * size);
  picture.warp(map, { width, height, color: "rgb", mean: [0, 0, 0], std: [1, 1, 1], border: "edge" }, planes, 0);
  const rgb = new Uint8Array(3 * size);
  for (let i = 0; i < size; i++) {
    for (let channel = 0; channel < 3; channel++) rgb[3 * i + channel] = Math.round(planes[channel * size + i]!);
  }
  return encodeJpeg(rgb, width, height, quality);
}
