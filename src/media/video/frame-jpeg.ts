/** A frame as it leaves its process or is kept: JPEG, because raw pixels are too many to send. */
import type { Picture } from "../picture.ts";

/**
 * High enough that what stages measure on the copy differs little from what they would on the frame. From here on libjpeg-turbo
 * takes the exact cosine transform, which at 95 is worth half a decibel.
 */
const QUALITY = 96;

/** The whole picture as JPEG at its own size. The same pixels always give the same bytes. */
export function frameJpeg(picture: Picture): Promise<Uint8Array> {
  const { width, height } = picture;
  return picture.jpeg({ x: 0, y: 0, width, height }, { quality: QUALITY });
}
