/** The slow, obvious arithmetic that the WASM kernels must agree with. */
import type { Affine, WarpTarget } from "../../src/media/picture.ts";

/** Interleaved 8-bit RGB. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Halves with a 2x2 box filter; an odd last row or column is dropped. */
export function halved(source: Pixels): Pixels {
  const width = source.width >> 1;
  const height = source.height >> 1;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const at = (column: number, row: number): number =>
          source.data[((2 * y + row) * source.width + 2 * x + column) * 3 + channel]!;
        data[(y * width + x) * 3 + channel] = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) >> 2;
      }
    }
  }
  return { data, width, height };
}

/** R, G and B (0..255, not rounded) of a bilinear sample. */
function sample(source: Pixels, x: number, y: number, border: WarpTarget["border"]): number[] {
  const { width, height, data } = source;
  const sx = border === "edge" ? Math.min(Math.max(x, 0), width - 1) : x;
  const sy = border === "edge" ? Math.min(Math.max(y, 0), height - 1) : y;
  const left = Math.floor(sx);
  const top = Math.floor(sy);
  const pixel = (column: number, row: number, channel: number): number => {
    if (border === "edge") {
      return data[(Math.min(row, height - 1) * width + Math.min(column, width - 1)) * 3 + channel]!;
    }
    const outside = typeof border === "string" ? 0 : border.value;
    if (column < 0 || row < 0 || column >= width || row >= height) return outside;
    return data[(row * width + column) * 3 + channel]!;
  };
  return [0, 1, 2].map((channel) => {
    const upper = pixel(left, top, channel) * (1 - sx + left) + pixel(left + 1, top, channel) * (sx - left);
    const lower = pixel(left, top + 1, channel) * (1 - sx + left) + pixel(left + 1, top + 1, channel) * (sx - left);
    return upper * (1 - sy + top) + lower * (sy - top);
  });
}

/** What `Picture.warp` promises, pixel by pixel. */
export function warped(picture: Pixels, map: Affine, target: WarpTarget): Float32Array {
  let source = picture;
  let [a, b, c, d, e, f] = map;
  while (Math.sqrt(Math.abs(a * e - b * d)) >= 2 && source.width > 8 && source.height > 8) {
    source = halved(source);
    [a, b, d, e] = [a / 2, b / 2, d / 2, e / 2];
    c = (c + 0.5) / 2 - 0.5;
    f = (f + 0.5) / 2 - 0.5;
  }
  const { width, height, color, mean, std } = target;
  const size = width * height;
  const out = new Float32Array((color === "gray" ? 1 : 3) * size);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = sample(source, a * x + b * y + c, d * x + e * y + f, target.border) as [
        number,
        number,
        number,
      ];
      const channels = {
        rgb: [red, green, blue],
        bgr: [blue, green, red],
        gray: [0.299 * red + 0.587 * green + 0.114 * blue],
      }[color];
      channels.forEach((value, channel) => {
        out[channel * size + y * width + x] = (value - mean[channel]!) / std[channel]!;
      });
    }
  }
  return out;
}
