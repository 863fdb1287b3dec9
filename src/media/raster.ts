/** The picture whose pixels live in WASM memory; see `kernels/` for the arithmetic. */
import { type CropJpegOptions, cropSize, DEFAULT_JPEG_QUALITY } from "./encode.ts";
import { FramePlanes } from "./frame-planes.ts";
import { encodeJpeg } from "./jpeg.ts";
import {
  acquireMemory,
  type KernelMemory,
  LEVEL_PADDING,
  MAX_WARP_WIDTH,
  PICTURE_OFFSET,
  releaseMemory,
  SCRATCH_BYTES,
  SCRATCH_OFFSET,
  TABLE_OFFSET,
} from "./kernels/memory.ts";
import { type Level, planLevels } from "./levels.ts";
import type { Affine, Box, Picture, PictureFormat, WarpTarget } from "./picture.ts";
import type { FramePixels } from "./video/video.ts";
import { frameBytes } from "./yuv.ts";

const COLOR_CODES = { rgb: 0, bgr: 1, gray: 2 } as const;

/** Takes `width` x `height` interleaved 8-bit RGB pixels over as a picture: one copy, `data` may be reused afterwards. */
export function pictureFromRgb(
  data: Uint8Array,
  width: number,
  height: number,
  format: PictureFormat = "ppm",
): Picture {
  if (data.length !== width * height * 3) throw new RangeError(`${width}x${height} RGB pixels expected`);
  const picture = new RasterPicture(width, height, format);
  picture.pixels().set(data);
  return picture;
}

/** The same for one byte a pixel of grey. */
export function pictureFromGray(
  data: Uint8Array,
  width: number,
  height: number,
  format: PictureFormat = "pgm",
): Picture {
  if (data.length !== width * height) throw new RangeError(`${width}x${height} grey pixels expected`);
  const picture = new RasterPicture(width, height, format);
  const pixels = picture.pixels();
  for (let from = 0, to = 0; from < data.length; from++) {
    const value = data[from]!;
    pixels[to++] = value;
    pixels[to++] = value;
    pixels[to++] = value;
  }
  return picture;
}

/**
 * Takes a video frame over as a picture: one copy of its planes, the frame may be released afterwards. RGB is computed where
 * it is first wanted, and at half size at once where a warp shrinks by two or more.
 */
export function pictureFromFrame(frame: FramePixels): Picture {
  return new RasterPicture(frame.width, frame.height, "frame", frame);
}

/** The map from the pixels that a box is resampled to onto those of the picture. */
function mapOf({ x, y, width, height }: Box, columns: number, rows: number): Affine {
  const stepX = width / columns;
  const stepY = height / rows;
  return [stepX, 0, x + 0.5 * stepX - 0.5, 0, stepY, y + 0.5 * stepY - 0.5];
}

/** Throws for what the kernels do not take. */
function checkWarp(map: Affine, width: number): void {
  if (!(width >= 1 && width <= MAX_WARP_WIDTH)) throw new RangeError(`a warp is 1 to ${MAX_WARP_WIDTH} pixels wide`);
  if (!map.every(Number.isFinite)) throw new RangeError("a warp's map must be finite");
}

class RasterPicture implements Picture {
  readonly width: number;
  readonly height: number;
  readonly format: PictureFormat;
  readonly #levels: readonly Level[];
  /** Which of the levels are computed, by index. */
  readonly #ready: boolean[];
  /** What the first two levels are computed from; undefined for a picture that came as RGB. */
  readonly #planes: FramePlanes | undefined;
  #memory: KernelMemory | undefined;

  constructor(width: number, height: number, format: PictureFormat, frame?: FramePixels) {
    this.width = width;
    this.height = height;
    this.format = format;
    const { levels, bytes } = planLevels(width, height);
    this.#levels = levels;
    this.#ready = [frame === undefined];
    this.#memory = acquireMemory(bytes + (frame ? frameBytes(width, height) + LEVEL_PADDING : 0));
    if (!frame) return;
    this.#planes = new FramePlanes(frame, PICTURE_OFFSET + bytes);
    this.#planes.fill(this.#memory, frame);
  }

  /** The full-size pixels, to be written once. */
  pixels(): Uint8Array {
    return new Uint8Array(this.#alive().memory.buffer, PICTURE_OFFSET, this.width * this.height * 3);
  }

  warp(map: Affine, target: WarpTarget, out: Float32Array, offset: number): void {
    const { memory } = this.#alive();
    const { width, height, color } = target;
    const size = width * height;
    const planes = color === "gray" ? 1 : 3;
    if (offset < 0 || offset + planes * size > out.length) throw new RangeError("the warp does not fit its tensor");
    const strip = Math.min(height, Math.floor(SCRATCH_BYTES / (4 * planes * width)));
    for (let row = 0; row < height; row += strip) {
      const end = Math.min(height, row + strip);
      this.#warpRows(map, target, row, end);
      const count = (end - row) * width;
      for (let plane = 0; plane < planes; plane++) {
        const rows = new Float32Array(memory.buffer, SCRATCH_OFFSET + plane * count * 4, count);
        out.set(rows, offset + plane * size + row * width);
      }
    }
  }

  luma(box: Box, width: number, height: number): Uint8Array {
    const luma = new Uint8Array(width * height);
    this.#fill(luma, box, { width, height, color: "gray", mean: [0], std: [1], border: "edge" });
    return luma;
  }

  rgb(box: Box, width: number, height: number, border: WarpTarget["border"] = "edge"): Uint8Array {
    const rgb = new Uint8Array(3 * width * height);
    if (this.#isPart(box, width, height)) this.#copyPart(rgb, box);
    else this.#fill(rgb, box, { width, height, color: "rgb", mean: [0, 0, 0], std: [1, 1, 1], border });
    return rgb;
  }

  async jpeg(box: Box, options: CropJpegOptions): Promise<Uint8Array> {
    const { width, height } = cropSize(box, options);
    const { quality = DEFAULT_JPEG_QUALITY, border = "edge" } = options;
    return encodeJpeg(this.#shown(box, width, height, border), width, height, quality);
  }

  release(): void {
    if (this.#memory) releaseMemory(this.#memory);
    this.#memory = undefined;
  }

  #alive(): KernelMemory {
    if (!this.#memory) throw new Error("the picture was released");
    return this.#memory;
  }

  /** Whether a box is whole pixels of the picture that keep their size. */
  #isPart(box: Box, width: number, height: number): boolean {
    const { x, y } = box;
    if (width !== box.width || height !== box.height || !Number.isInteger(x) || !Number.isInteger(y)) return false;
    return x >= 0 && y >= 0 && x + width <= this.width && y + height <= this.height;
  }

  /** Interleaved RGB of a box to be read at once: where it can be, a view of memory that the next sampling writes to. */
  #shown(box: Box, width: number, height: number, border: WarpTarget["border"]): Uint8Array {
    if (!this.#isPart(box, width, height)) {
      return (
        (border === "edge" ? this.#resized(box, width, height) : undefined) ?? this.rgb(box, width, height, border)
      );
    }
    if (width < this.width || height < this.height) return this.rgb(box, width, height);
    this.#compute(0, 0, height);
    return this.pixels();
  }

  /** The same of a box whose edge is repeated; undefined where a row takes more than the scratch memory. */
  #resized(box: Box, width: number, height: number): Uint8Array | undefined {
    const { memory, kernels } = this.#alive();
    const map = mapOf(box, width, height);
    checkWarp(map, width);
    const { level, scaled } = this.#levelFor(map, width, 0, height);
    const [a, , c, , e, f] = scaled;
    const blended = 6 * Math.min(level.width, Math.ceil(Math.abs(a) * width) + 3) + 32;
    const target = SCRATCH_OFFSET + Math.ceil(blended / 16) * 16;
    const strip = Math.min(height, Math.floor((SCRATCH_OFFSET + SCRATCH_BYTES - LEVEL_PADDING - target) / (3 * width)));
    if (strip < 1) return undefined;
    const rows = (from: number, end: number): Uint8Array => {
      const { offset, width: columns, height: most } = level;
      kernels.resizeRows(offset, columns, most, a, c, e, f, width, from, end, TABLE_OFFSET, SCRATCH_OFFSET, target);
      return new Uint8Array(memory.buffer, target, 3 * width * (end - from));
    };
    if (strip === height) return rows(0, height);
    const rgb = new Uint8Array(3 * width * height);
    for (let row = 0; row < height; row += strip) rgb.set(rows(row, Math.min(height, row + strip)), 3 * width * row);
    return rgb;
  }

  /** The pixels of such a box as they are. */
  #copyPart(out: Uint8Array, { x, y, width, height }: Box): void {
    const { memory } = this.#alive();
    this.#compute(0, y, y + height);
    for (let row = 0; row < height; row++) {
      const from = PICTURE_OFFSET + 3 * ((y + row) * this.width + x);
      out.set(new Uint8Array(memory.buffer, from, 3 * width), 3 * width * row);
    }
  }

  /** Writes rounded 8-bit samples of a box. */
  #fill(out: Uint8Array, box: Box, target: WarpTarget): void {
    const { memory, kernels } = this.#alive();
    const { width, height } = target;
    const map = mapOf(box, width, height);
    const planes = target.color === "gray" ? 1 : 3;
    // Scratch holds the floats and, after them, the bytes they are rounded to; those of a very wide row, what lies behind it.
    const fitting = Math.floor(SCRATCH_BYTES / (5 * planes * width + LEVEL_PADDING));
    const strip = Math.min(height, Math.max(1, fitting));
    for (let row = 0; row < height; row += strip) {
      const end = Math.min(height, row + strip);
      this.#warpRows(map, target, row, end);
      const count = (end - row) * width;
      const packed = Math.ceil((SCRATCH_OFFSET + planes * count * 4) / 16) * 16;
      if (planes === 1) kernels.packPlane(SCRATCH_OFFSET, count, packed);
      else kernels.packPixels(SCRATCH_OFFSET, count * 4, count, packed);
      out.set(new Uint8Array(memory.buffer, packed, planes * count), planes * row * width);
    }
  }

  /** Leaves rows `row` to `end` of a warp in the scratch memory, plane after plane. */
  #warpRows(map: Affine, target: WarpTarget, row: number, end: number): void {
    const { kernels } = this.#alive();
    const { width, border, mean, std } = target;
    checkWarp(map, width);
    const { level, scaled } = this.#levelFor(map, width, row, end);
    // Means and deviations are given per destination channel, the kernel takes them per R, G and B.
    const [red, green, blue] = target.color === "bgr" ? [2, 1, 0] : [0, 1, 2];
    const scale = (channel: number): number => 1 / (std[channel] ?? 1);
    const bias = (channel: number): number => -(mean[channel] ?? 0) / (std[channel] ?? 1);
    kernels.warpRows(
      level.offset,
      level.width,
      level.height,
      ...scaled,
      width,
      row,
      end,
      border === "edge" ? 1 : 0,
      typeof border === "string" ? 0 : border.value,
      COLOR_CODES[target.color],
      scale(red!),
      scale(green!),
      scale(blue!),
      bias(red!),
      bias(green!),
      bias(blue!),
      TABLE_OFFSET,
      SCRATCH_OFFSET,
      (end - row) * width * 4,
    );
  }

  /** The level that a map shrinks by less than two, computed as far as these rows want it, and the map onto that level. */
  #levelFor(map: Affine, columns: number, row: number, end: number): { level: Level; scaled: Affine } {
    let [a, b, c, d, e, f] = map;
    let index = 0;
    while (index + 1 < this.#levels.length && Math.sqrt(Math.abs(a * e - b * d)) >= 2) {
      index++;
      a /= 2;
      b /= 2;
      d /= 2;
      e /= 2;
      c = (c + 0.5) / 2 - 0.5;
      f = (f + 0.5) / 2 - 0.5;
    }
    const level = this.#levels[index]!;
    // Between the corners of what is asked for, a row more to each side for rounding, and the nearest edge where it is outside.
    const corners = [e * row, d * (columns - 1) + e * row, e * (end - 1), d * (columns - 1) + e * (end - 1)];
    const inside = (at: number): number => Math.min(Math.max(at, 0), level.height - 1);
    const first = inside(Math.floor(Math.min(...corners) + f) - 1);
    const last = inside(Math.floor(Math.max(...corners) + f) + 2);
    this.#compute(index, first, last + 1);
    return { level, scaled: [a, b, c, d, e, f] };
  }

  /** Sees to it that rows of a level are there. The planes of a frame give the first two levels, the rest follow as wholes. */
  #compute(index: number, first: number, end: number): void {
    if (this.#ready[index]) return;
    const memory = this.#alive();
    const target = this.#levels[index]!.offset;
    if (this.#planes && index === 0) {
      this.#planes.convert(memory, first, end, target);
      return;
    }
    if (this.#planes && index === 1) {
      this.#planes.convertHalved(memory, target);
    } else {
      const source = this.#levels[index - 1]!;
      this.#compute(index - 1, 0, source.height);
      memory.kernels.halve(source.offset, source.width, source.height, target);
    }
    this.#ready[index] = true;
  }
}
