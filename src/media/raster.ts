/** The picture whose pixels live in WASM memory; see `kernels/` for the arithmetic. */
import { type CropJpegOptions, cropSize, DEFAULT_JPEG_QUALITY, encodeJpeg } from "./encode.ts";
import { FramePlanes } from "./frame-planes.ts";
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
import type { Affine, Box, Picture, PictureFormat, WarpTarget } from "./picture.ts";
import type { FramePixels } from "./video/video.ts";
import { frameBytes } from "./yuv.ts";

/** Pictures are not halved below this side: there is nothing left to filter. */
const SMALLEST_HALVED_SIDE = 8;
const COLOR_CODES = { rgb: 0, bgr: 1, gray: 2 } as const;

/** A picture at full size or halved some times: interleaved RGB at a byte offset of the memory. */
interface Level {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
}

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

/** Byte offsets of a picture and of all its halvings, and where they end. */
function planLevels(width: number, height: number): { levels: Level[]; bytes: number } {
  const levels: Level[] = [];
  let offset = PICTURE_OFFSET;
  for (let w = width, h = height; ; w >>= 1, h >>= 1) {
    levels.push({ offset, width: w, height: h });
    offset = Math.ceil((offset + w * h * 3 + LEVEL_PADDING) / 16) * 16;
    if (w <= SMALLEST_HALVED_SIDE || h <= SMALLEST_HALVED_SIDE) break;
  }
  return { levels, bytes: offset - PICTURE_OFFSET };
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
    this.#fillRgb(rgb, box, width, height, border);
    return rgb;
  }

  async jpeg(box: Box, options: CropJpegOptions): Promise<Uint8Array> {
    const { width, height } = cropSize(box, options);
    const { quality = DEFAULT_JPEG_QUALITY, border = "edge" } = options;
    return encodeJpeg(width, height, quality, (rgb) => this.#fillRgb(rgb, box, width, height, border));
  }

  release(): void {
    if (this.#memory) releaseMemory(this.#memory);
    this.#memory = undefined;
  }

  #alive(): KernelMemory {
    if (!this.#memory) throw new Error("the picture was released");
    return this.#memory;
  }

  /** Whether a box is whole pixels of the picture. */
  #holds({ x, y, width, height }: Box): boolean {
    const whole = [x, y, width, height].every(Number.isInteger);
    return whole && x >= 0 && y >= 0 && x + width <= this.width && y + height <= this.height;
  }

  #fillRgb(out: Uint8Array, box: Box, width: number, height: number, border: WarpTarget["border"]): void {
    if (width === box.width && height === box.height && this.#holds(box)) this.#copyPart(out, box);
    else this.#fill(out, box, { width, height, color: "rgb", mean: [0, 0, 0], std: [1, 1, 1], border });
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
    const stepX = box.width / width;
    const stepY = box.height / height;
    const map: Affine = [stepX, 0, box.x + 0.5 * stepX - 0.5, 0, stepY, box.y + 0.5 * stepY - 0.5];
    const planes = target.color === "gray" ? 1 : 3;
    // Scratch holds the floats and, after them, the bytes they are rounded to.
    const strip = Math.min(height, Math.floor(SCRATCH_BYTES / (5 * planes * width + LEVEL_PADDING)));
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
    if (!(width >= 1 && width <= MAX_WARP_WIDTH)) throw new RangeError(`a warp is 1 to ${MAX_WARP_WIDTH} pixels wide`);
    if (!map.every(Number.isFinite)) throw new RangeError("a warp's map must be finite");
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
