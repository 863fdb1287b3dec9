/** The planes of a video frame inside a kernel memory, and their conversion to RGB: only of the rows that are looked at. */
import type { KernelMemory } from "./kernels/memory.ts";
import type { FramePixels } from "./video/video.ts";
import { frameBytes, planesAt, yuvCoefficients } from "./yuv.ts";

/** Rows that are converted at once; even, because two rows share their chroma. */
const BAND_ROWS = 32;

/** See the file's head. */
export class FramePlanes {
  readonly #frame: Pick<FramePixels, "width" | "height" | "matrix" | "range">;
  /** Byte offset in the memory. */
  readonly #offset: number;
  /** Bands that are converted. */
  readonly #done: Uint8Array;

  constructor(frame: Pick<FramePixels, "width" | "height" | "matrix" | "range">, offset: number) {
    this.#frame = frame;
    this.#offset = offset;
    this.#done = new Uint8Array(Math.ceil(frame.height / BAND_ROWS));
  }

  /** Copies a frame's planes to their place; before anything is converted. */
  fill({ memory }: KernelMemory, { buffer, offset, width, height }: FramePixels): void {
    const length = frameBytes(width, height);
    new Uint8Array(memory.buffer, this.#offset, length).set(new Uint8Array(buffer, offset, length));
  }

  /** Sees to it that rows `first` to `end` (exclusive) of the RGB at `target` are there. */
  convert({ kernels }: KernelMemory, first: number, end: number, target: number): void {
    const { width, height } = this.#frame;
    const { y, u, v } = planesAt(this.#offset, width, height);
    const last = Math.ceil(end / BAND_ROWS);
    for (let band = Math.floor(first / BAND_ROWS); band < last; band++) {
      if (this.#done[band]) continue;
      this.#done[band] = 1;
      const row = band * BAND_ROWS;
      const chroma = (row / 2) * Math.ceil(width / 2);
      const rows = Math.min(BAND_ROWS, height - row);
      kernels.setYuv(...yuvCoefficients(this.#frame));
      kernels.yuvToRgb(y + row * width, u + chroma, v + chroma, width, rows, target + row * width * 3);
    }
  }

  /** Writes the frame halved in both directions to `target`, without its full size. */
  convertHalved({ kernels }: KernelMemory, target: number): void {
    const { width, height } = this.#frame;
    const { y, u, v } = planesAt(this.#offset, width, height);
    kernels.setYuv(...yuvCoefficients(this.#frame));
    kernels.yuvToHalfRgb(y, u, v, width, height, target);
  }
}
