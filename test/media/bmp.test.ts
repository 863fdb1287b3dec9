/** BMP files of every depth and layout decode to the same small picture. */
import { describe, expect, test } from "bun:test";
import { type BmpLayout, bmp } from "./files.ts";
import { decoded, refused } from "./outcome.ts";

const WIDTH = 11;
const HEIGHT = 9;
/** Colours that all depths can hold: full or no share of each channel. */
const PALETTE = [
  [0, 0, 0],
  [255, 255, 255],
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
] as const;

/** The palette entry of a pixel: an asymmetric pattern, so that flips and shifts show. */
function entry(x: number, y: number, colors: number): number {
  return (x * 3 + y * y + (x > 5 ? 1 : 0)) % colors;
}

function expected(colors: number): Uint8Array {
  const pixels = Array.from(
    { length: WIDTH * HEIGHT },
    (_, at) => PALETTE[entry(at % WIDTH, Math.floor(at / WIDTH), colors)]!,
  );
  return Uint8Array.from(pixels.flat());
}

/** The file of the pattern; `encode` gives a pixel's value, written with the layout's number of bits. */
function pattern(
  layout: Omit<BmpLayout, "width" | "height">,
  encode: (color: readonly number[], index: number) => number,
  colors = 6,
): Uint8Array {
  const rowBytes = Math.ceil((WIDTH * layout.bits) / 32) * 4;
  const data = Buffer.alloc(rowBytes * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    const row = (layout.topDown ? y : HEIGHT - 1 - y) * rowBytes;
    for (let x = 0; x < WIDTH; x++) {
      const index = entry(x, y, colors);
      const value = encode(PALETTE[index]!, index);
      if (layout.bits >= 8) data.writeUIntLE(value >>> 0, row + (x * layout.bits) / 8, layout.bits / 8);
      else data[row + ((x * layout.bits) >> 3)]! |= value << (8 - layout.bits - ((x * layout.bits) & 7));
    }
  }
  return bmp({ ...layout, width: WIDTH, height: HEIGHT }, data);
}

const indexed = (_: readonly number[], index: number): number => index;
const rgb24 = ([red, green, blue]: readonly number[]): number => (red! << 16) | (green! << 8) | blue!;
const rgb555 = ([red, green, blue]: readonly number[]): number =>
  ((red! >> 3) << 10) | ((green! >> 3) << 5) | (blue! >> 3);
const rgb565 = ([red, green, blue]: readonly number[]): number =>
  ((red! >> 3) << 11) | ((green! >> 2) << 5) | (blue! >> 3);

describe("a BMP decodes to its pixels", () => {
  const files: Record<string, [Uint8Array, colors: number]> = {
    "1 bit": [pattern({ bits: 1, palette: PALETTE.slice(0, 2) }, indexed, 2), 2],
    "4 bit": [pattern({ bits: 4, palette: PALETTE }, indexed), 6],
    "8 bit": [pattern({ bits: 8, palette: PALETTE }, indexed), 6],
    "8 bit with the header of OS/2": [
      pattern(
        { bits: 8, palette: Array.from({ length: 256 }, (_, at) => PALETTE[at] ?? PALETTE[0]), core: true },
        indexed,
      ),
      6,
    ],
    "16 bit": [pattern({ bits: 16 }, rgb555), 6],
    "16 bit with masks": [pattern({ bits: 16, compression: 3, masks: [0xf800, 0x07e0, 0x001f] }, rgb565), 6],
    "24 bit": [pattern({ bits: 24 }, rgb24), 6],
    "24 bit, top row first": [pattern({ bits: 24, topDown: true }, rgb24), 6],
    "32 bit": [pattern({ bits: 32 }, rgb24), 6],
    "32 bit with masks, red lowest": [
      pattern(
        { bits: 32, compression: 3, masks: [0xff, 0xff00, 0xff0000] },
        ([red, green, blue]) => (blue! << 16) | (green! << 8) | red!,
      ),
      6,
    ],
  };
  for (const [name, [bytes, colors]] of Object.entries(files)) {
    test(name, async () => {
      const picture = await decoded(bytes);
      expect(picture).toMatchObject({ width: WIDTH, height: HEIGHT, format: "bmp" });
      expect(picture.pixels).toEqual(expected(colors));
    });
  }

  test("alpha of 32-bit pixels with an alpha mask is laid on black", async () => {
    const bytes = pattern(
      { bits: 32, compression: 6, masks: [0xff0000, 0xff00, 0xff, 0xff000000] },
      (color) => rgb24(color) | (0x80 << 24),
    );
    const { pixels } = await decoded(bytes);
    expect([...new Set(pixels)].sort((a, b) => a - b)).toEqual([0, 128]);
  });

  test("run lengths of 8 bits, with literals, line ends and jumps", async () => {
    // Lowest row first: a run over the whole row, a literal of odd length and a run, then a jump over a row.
    const data = [8, 2, 0, 0, 0, 3, 3, 4, 5, 0, 5, 1, 0, 0, 0, 2, 4, 1, 4, 2, 0, 1];
    const picture = await decoded(
      bmp({ width: 8, height: 8, bits: 8, compression: 1, palette: PALETTE }, Uint8Array.from(data)),
    );
    const row = (y: number): number[][] => Array.from({ length: 8 }, (_, x) => picture.at(x, y));
    const colors = (...indices: number[]): number[][] => indices.map((index) => [...PALETTE[index]!]);
    expect(row(7)).toEqual(colors(2, 2, 2, 2, 2, 2, 2, 2));
    expect(row(6)).toEqual(colors(3, 4, 5, 1, 1, 1, 1, 1));
    expect(row(5)).toEqual(colors(0, 0, 0, 0, 0, 0, 0, 0));
    expect(row(4)).toEqual(colors(0, 0, 0, 0, 2, 2, 2, 2));
  });

  test("run lengths of 4 bits alternate two colours", async () => {
    const data = [8, 0x23, 0, 0, 0, 5, 0x12, 0x34, 0x50, 0, 3, 0x11, 0, 1];
    const picture = await decoded(
      bmp({ width: 8, height: 8, bits: 4, compression: 2, palette: PALETTE }, Uint8Array.from(data)),
    );
    expect([0, 1, 2].map((x) => picture.at(x, 7))).toEqual([2, 3, 2].map((index) => [...PALETTE[index]!]));
    expect([0, 1, 2, 3, 4, 5].map((x) => picture.at(x, 6))).toEqual(
      [1, 2, 3, 4, 5, 1].map((index) => [...PALETTE[index]!]),
    );
  });
});

describe("a broken BMP", () => {
  const whole = pattern({ bits: 24 }, rgb24);

  test("that ends early is refused, or decoded as far as it goes", async () => {
    const cut = whole.subarray(0, whole.length - 100);
    expect((await refused(cut)).code).toBe("picture_truncated");
    const { pixels } = await decoded(cut, { truncated: "decode" });
    // The lowest rows stand first in the file.
    const lower = (HEIGHT - 2) * WIDTH * 3;
    expect(pixels.subarray(lower)).toEqual(expected(6).subarray(lower));
    expect(Math.max(...pixels.subarray(0, 2 * WIDTH * 3))).toBe(0);
  });

  test("whose run lengths never end is refused", async () => {
    const bytes = bmp(
      { width: 8, height: 8, bits: 8, compression: 1, palette: PALETTE },
      Uint8Array.from([8, 2, 0, 0]),
    );
    expect((await refused(bytes)).code).toBe("picture_truncated");
  });

  test("whose run lengths write past the picture stays inside it", async () => {
    const data = Uint8Array.from([255, 1, 0, 2, 255, 255, 255, 1, 0, 1]);
    const { pixels } = await decoded(bmp({ width: 8, height: 8, bits: 8, compression: 1, palette: PALETTE }, data));
    expect(pixels.subarray(7 * 8 * 3)).toEqual(new Uint8Array(8 * 3).fill(255));
    expect(Math.max(...pixels.subarray(0, 7 * 8 * 3))).toBe(0);
  });

  test("of unknown depth, compression or header is damaged", async () => {
    for (const layout of [{ bits: 7 }, { bits: 8, compression: 4 }, { bits: 24, compression: 1 }]) {
      expect((await refused(bmp({ width: 8, height: 8, ...layout }, new Uint8Array(256)))).code).toBe(
        "picture_damaged",
      );
    }
    const header = whole.slice();
    header[14] = 41;
    expect((await refused(header)).code).toBe("picture_damaged");
  });
});
