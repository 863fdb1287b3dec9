/** A decoded picture, ready for warps: what stages see. How it is decoded is in `decode.ts`. */
import type { CropJpegOptions } from "./encode.ts";

/** Formats that are decoded, told apart by content; a `frame` is one of a video. */
export const PICTURE_FORMATS = ["jpeg", "png", "webp", "gif", "tiff", "bmp", "ppm", "pgm", "frame"] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

/** An axis-aligned rectangle in pixels of the upright picture; may extend past the edges and have fractions. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A point in pixels of the upright picture; (0, 0) is the top left corner of the top left pixel's centre grid. */
export type Point = readonly [x: number, y: number];

/**
 * An inverse affine map from destination to source pixel centres: `sx = a*x + b*y + c`, `sy = d*x + e*y + f`.
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** How a warp fills a tensor. */
export interface WarpTarget {
  /** Destination size in pixels. */
  readonly width: number;
  readonly height: number;
  /** Channel order; `gray` is 0.299 R + 0.587 G + 0.114 B. */
  readonly color: "rgb" | "bgr" | "gray";
  /** `(value - mean) / std` per destination channel, on values 0..255. One number per channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** What lies outside the picture: the nearest edge pixel, black, or a fixed grey (0..255) as value for all channels. */
  readonly border: "edge" | "zero" | { readonly value: number };
}

/** An upright 8-bit RGB picture. Owned by one worker; released when its item is done. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly format: PictureFormat;
  /**
   * Samples the picture bilinearly at half-pixel-centre coordinates, after halving it with a 2x2 box filter as often as
   * the map shrinks by two or more, and writes normalised planar (CHW) floats into `out` at `offset`.
   */
  warp(map: Affine, target: WarpTarget, out: Float32Array, offset: number): void;
  /** Luma (0.299 R + 0.587 G + 0.114 B, 0..255, rounded) of a box resampled to `width` x `height`, edges repeated. */
  luma(box: Box, width: number, height: number): Uint8Array;
  /** Interleaved RGB of a box resampled to `width` x `height`. */
  rgb(box: Box, width: number, height: number, border?: WarpTarget["border"]): Uint8Array;
  /** A box of the picture as JPEG; parts outside the picture are filled as `border` says. */
  jpeg(box: Box, options: CropJpegOptions): Promise<Uint8Array>;
  /** Gives the pixels back. The picture must not be used afterwards. */
  release(): void;
}
