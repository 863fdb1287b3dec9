/** Changed copies of the sample pictures, as PNG or JPEG bytes, and how faces of two copies find each other. */
import sharp, { type Sharp } from "sharp";
import type { Box } from "../../src/media/picture.ts";
import type { Face } from "../../src/stages/item.ts";
import { samplePath } from "./stages.ts";

/** A sample as sharp reads it, to be changed further. */
export function sample(name: string): Sharp {
  return sharp(samplePath(name));
}

/** The bytes of a changed sample, without loss. */
export async function png(picture: Sharp): Promise<Uint8Array> {
  return new Uint8Array(await picture.png({ compressionLevel: 1 }).toBuffer());
}

/** The part of a sample around a box: `scale` x the box's height wide and high, as far as the sample goes. */
export async function around(name: string, box: Box, scale: number): Promise<Uint8Array> {
  const { width, height } = await sample(name).metadata();
  const half = (box.height * scale) / 2;
  const left = Math.max(0, Math.round(box.x + box.width / 2 - half));
  const top = Math.max(0, Math.round(box.y + box.height / 2 - half));
  const right = Math.min(width, left + Math.round(2 * half));
  const bottom = Math.min(height, top + Math.round(2 * half));
  return png(sample(name).extract({ left, top, width: right - left, height: bottom - top }));
}

/** The face whose box's middle is nearest to a point. */
export function nearestFace(faces: readonly Face[], x: number, y: number): Face {
  const apart = ({ box }: Face) => Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y);
  return faces.reduce((best, face) => (apart(face) < apart(best) ? face : best));
}
