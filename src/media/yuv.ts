/** How the planes of a YUV 4:2:0 frame lie in memory and become RGB. */
import type { FramePixels } from "./video/video.ts";

/** Red and blue shares of luma: ITU-R BT.601-7 and BT.709-6, section 3 of each. */
const SHARES = { bt601: { red: 0.299, blue: 0.114 }, bt709: { red: 0.2126, blue: 0.0722 } } as const;
/** Levels of luma and of chroma that a frame uses: all, or what both recommendations leave for video. */
const SPANS = { full: { black: 0, luma: 255, chroma: 255 }, limited: { black: 16, luma: 219, chroma: 224 } } as const;
/** Coefficients are handed to the kernels as whole numbers with this for 1. */
const ONE = 2 ** 13;

/** Bytes of a frame: luma at full size, two chroma planes at half the width and height, rounded up. */
export function frameBytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

/** Byte offsets of the planes of a frame that begins at `offset`. */
export function planesAt(offset: number, width: number, height: number): { y: number; u: number; v: number } {
  const u = offset + width * height;
  return { y: offset, u, v: u + Math.ceil(width / 2) * Math.ceil(height / 2) };
}

/** What the kernels' `setYuv` takes: black level of luma, then the coefficients of luma, R of V, G of U, G of V, B of U. */
export function yuvCoefficients({
  matrix,
  range,
}: Pick<FramePixels, "matrix" | "range">): [number, number, number, number, number, number] {
  const { red, blue } = SHARES[matrix];
  const green = 1 - red - blue;
  const { black, luma, chroma } = SPANS[range];
  const scaled = (value: number, span: number): number => Math.round(((value * 255) / span) * ONE);
  return [
    black,
    scaled(1, luma),
    scaled(2 * (1 - red), chroma),
    scaled((-2 * (1 - blue) * blue) / green, chroma),
    scaled((-2 * (1 - red) * red) / green, chroma),
    scaled(2 * (1 - blue), chroma),
  ];
}
