/** What decoding gave: the picture's facts, or the error's. */
import { FacewireError } from "../../src/errors.ts";
import { decodePicture } from "../../src/media/decode.ts";
import type { PictureLimits } from "../../src/media/limits.ts";
import { LIMITS } from "./files.ts";

/** Size, format and all pixels of a picture, which is released. */
export async function decoded(bytes: Uint8Array, limits: Partial<PictureLimits> = {}) {
  const picture = await decodePicture(bytes, { ...LIMITS, ...limits });
  const { width, height, format } = picture;
  const pixels = picture.rgb({ x: 0, y: 0, width, height }, width, height);
  picture.release();
  return {
    width,
    height,
    format,
    pixels,
    at: (x: number, y: number): number[] => [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)],
  };
}

/** The error that refuses some bytes. */
export async function refused(bytes: Uint8Array, limits: Partial<PictureLimits> = {}): Promise<FacewireError> {
  try {
    await decoded(bytes, limits);
  } catch (thrown) {
    if (thrown instanceof FacewireError) return thrown;
    throw thrown;
  }
  throw new Error("the picture was decoded");
}
