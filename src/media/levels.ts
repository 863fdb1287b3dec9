/** Where a picture and its halvings lie in a kernel memory. */
import { LEVEL_PADDING, PICTURE_OFFSET } from "./kernels/memory.ts";

/** Pictures are not halved below this side: there is nothing left to filter. */
const SMALLEST_HALVED_SIDE = 8;

/** A picture at full size or halved some times: interleaved RGB at a byte offset of the memory. */
export interface Level {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
}

/** A picture's levels, the full size first, and how many bytes they take from {@link PICTURE_OFFSET} on. */
export function planLevels(width: number, height: number): { levels: Level[]; bytes: number } {
  const levels: Level[] = [];
  let offset = PICTURE_OFFSET;
  for (let w = width, h = height; ; w >>= 1, h >>= 1) {
    levels.push({ offset, width: w, height: h });
    offset = Math.ceil((offset + w * h * 3 + LEVEL_PADDING) / 16) * 16;
    if (w <= SMALLEST_HALVED_SIDE || h <= SMALLEST_HALVED_SIDE) break;
  }
  return { levels, bytes: offset - PICTURE_OFFSET };
}
