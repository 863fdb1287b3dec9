/** What the decoders of this folder have in common: how pixels are handed over, and how pictures are refused. */
import { FacewireError } from "../errors.ts";
import type { PictureLimits } from "./limits.ts";
import type { PictureFormat } from "./picture.ts";

/** Upright interleaved 8-bit pixels: RGB, or one byte of grey. */
export interface DecodedPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** Throws `picture_too_many_pixels` or `picture_too_small` for a declared size; call it before anything is allocated. */
export function checkSize(width: number, height: number, limits: PictureLimits): void {
  if (width * height > limits.maxPixels) {
    throw new FacewireError(
      "picture_too_many_pixels",
      `The picture declares ${width}x${height} pixels; at most ${limits.maxPixels} are decoded.`,
      { details: { width, height, max_pixels: limits.maxPixels } },
    );
  }
  if (Math.min(width, height) < limits.minSide) {
    throw new FacewireError(
      "picture_too_small",
      `The picture is ${width}x${height} pixels; both sides must be at least ${limits.minSide}.`,
      { details: { width, height, min_side: limits.minSide } },
    );
  }
}

/** The error for a picture that cannot be decoded. `cause` is for logs only. */
export function damaged(format: PictureFormat, cause?: unknown): FacewireError {
  return new FacewireError("picture_damaged", `The ${format.toUpperCase()} picture is damaged and cannot be decoded.`, {
    details: { format },
    cause,
  });
}

/** The error for a picture that ends early under the policy `refuse`. */
export function cutOff(format: PictureFormat, cause?: unknown): FacewireError {
  return new FacewireError(
    "picture_truncated",
    `The ${format.toUpperCase()} picture ends before its data is complete.`,
    {
      details: { format },
      cause,
    },
  );
}
