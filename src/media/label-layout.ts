/** Where the labels of a drawn picture go: close to their faces, inside the picture, over each other as little as can be. */
import type { Box } from "./picture.ts";

/** How much worse it is to cover a label than a face: a covered label is lost, a face still shows around it. */
const LABEL_WEIGHT = 4;

/** Places one label after the other. All values are pixels of the drawn picture. */
export class LabelLayout {
  readonly #width: number;
  readonly #height: number;
  readonly #faces: readonly Box[];
  readonly #placed: Box[] = [];

  constructor(width: number, height: number, faces: readonly Box[]) {
    this.#width = width;
    this.#height = height;
    this.#faces = faces;
  }

  /** The box of a label of a size for a face: above it, below it, beside it or inside its upper edge, `gap` away. */
  place(face: Box, size: { width: number; height: number }, gap: number): Box {
    const { width, height } = size;
    const right = face.x + face.width;
    const above = face.y - gap - height;
    const below = face.y + face.height + gap;
    const wanted = [
      { x: face.x, y: above },
      { x: right - width, y: above },
      { x: face.x, y: below },
      { x: right - width, y: below },
      { x: right + gap, y: face.y },
      { x: face.x - gap - width, y: face.y },
      { x: face.x, y: face.y + gap },
    ];
    const boxes = wanted.map(({ x, y }) => ({
      x: Math.max(0, Math.min(x, this.#width - width)),
      y: Math.max(0, Math.min(y, this.#height - height)),
      width,
      height,
    }));
    // The first of the best: they stand in order of preference.
    const costs = boxes.map((box) => this.#cost(box));
    const best = boxes[costs.indexOf(Math.min(...costs))]!;
    this.#placed.push(best);
    return best;
  }

  /** Covered area. */
  #cost(box: Box): number {
    const labels = this.#placed.reduce((sum, other) => sum + overlap(box, other), 0);
    return labels * LABEL_WEIGHT + this.#faces.reduce((sum, other) => sum + overlap(box, other), 0);
  }
}

function overlap(one: Box, other: Box): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return width > 0 && height > 0 ? width * height : 0;
}
