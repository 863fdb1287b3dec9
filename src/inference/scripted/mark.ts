/**
 * Marks: labels drawn into a picture by which scripted models know it again, also as a frame of a video that was
 * compressed and scaled. A strip of black and white cells along the upper edge holds a hash of the label.
 */
import type { Picture } from "../../media/picture.ts";

/** White, black, white, black: what every mark begins with. */
const BEGIN = [1, 0, 1, 0] as const;
const HASH_BITS = 16;

/** Cells of a strip, from left to right; each is a square as wide as the picture's width divided by their number. */
export const MARK_CELLS = BEGIN.length + HASH_BITS;

/** The cells of a label: 1 is white, 0 is black. */
export function markCells(label: string): readonly (0 | 1)[] {
  const hash = hashOf(label);
  return [...BEGIN, ...Array.from({ length: HASH_BITS }, (_, bit) => ((hash >> bit) & 1) as 0 | 1)];
}

/** Reads the cells of a picture. Where no mark was drawn they are those of no label, but for a chance of 1 in 2^20. */
export function readCells(picture: Pick<Picture, "width" | "luma">): readonly (0 | 1)[] {
  const cell = picture.width / MARK_CELLS;
  return Array.from({ length: MARK_CELLS }, (_, at) => {
    // The middle of the cell: its rim is blurred by compression and scaling.
    const middle = { x: (at + 0.3) * cell, y: 0.3 * cell, width: 0.4 * cell, height: 0.4 * cell };
    return picture.luma(middle, 1, 1)[0]! >= 128 ? 1 : 0;
  });
}

/** Whether the cells are those of the label. */
export function isMarked(cells: readonly (0 | 1)[], label: string): boolean {
  return markCells(label).every((cell, at) => cell === cells[at]);
}

/** FNV-1a of 32 bits over the UTF-8 bytes, its halves folded together (http://www.isthe.com/chongo/tech/comp/fnv/). */
function hashOf(label: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(label)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 16) ^ hash) & 0xffff;
}
