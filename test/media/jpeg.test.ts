/** JPEGs of raw pixels: what any decoder reads out of them, beside what libvips makes of the same pixels. */
import { describe, expect, test } from "bun:test";
import sharp from "sharp";
import { decodePicture } from "../../src/media/decode.ts";
import { encodeJpeg } from "../../src/media/jpeg.ts";
import { LIMITS } from "./files.ts";

interface Raw {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Numbers 0..255 that look random and are the same in every run. */
function* noise(): Generator<number, never> {
  for (let state = 1; ; state = (state * 48271) % 2147483647) yield state & 255;
}

/** Smooth colours with an edge and fine grain, as photographs have. */
function scene(width: number, height: number): Raw {
  const grain = noise();
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dark = x * 2 > y + 40 ? 60 : 0;
      const channels = [x * 0.7 + 40, y * 0.6 + 60, (x + y) * 0.4 + 50];
      data.set(
        channels.map((value) => Math.max(0, Math.min(255, value - dark + (grain.next().value & 15)))),
        (y * width + x) * 3,
      );
    }
  }
  return { data, width, height };
}

function filled(width: number, height: number, next: () => number): Raw {
  return { data: Uint8Array.from({ length: width * height * 3 }, next), width, height };
}

/** As the cropping stages have it made. */
function coded({ data, width, height }: Raw, quality: number): Uint8Array {
  return encodeJpeg(data, width, height, quality);
}

async function decoded(jpeg: Uint8Array): Promise<Raw> {
  const { data, info } = await sharp(jpeg, { failOn: "warning" }).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  return { data, width: info.width, height: info.height };
}

/** Peak signal to noise in decibels. */
function likeness(one: Raw, other: Raw): number {
  expect([one.width, one.height]).toEqual([other.width, other.height]);
  const squares = one.data.reduce((sum, value, at) => sum + (value - other.data[at]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / one.data.length));
}

function byLibvips({ data, width, height }: Raw, quality: number): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, optimiseCoding: false })
    .toBuffer();
}

/** The quantisation tables of a JPEG. */
function steps(jpeg: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 2; jpeg[at + 1] !== 0xda; at += 2 + jpeg[at + 2]! * 256 + jpeg[at + 3]!) {
    if (jpeg[at + 1] === 0xdb) parts.push(jpeg.slice(at + 4, at + 2 + jpeg[at + 2]! * 256 + jpeg[at + 3]!).toHex());
  }
  return parts.join();
}

describe("raw pixels as JPEG", () => {
  for (const quality of [1, 10, 49, 50, 75, 90, 95, 100]) {
    test(`quality ${quality} has the steps, the likeness and the size that libvips gives it`, async () => {
      const picture = scene(188, 250);
      const own = coded(picture, quality);
      const other = await byLibvips(picture, quality);
      expect(steps(own)).toBe(steps(other));
      expect(likeness(await decoded(own), picture)).toBeGreaterThan(likeness(await decoded(other), picture) - 0.25);
      expect(own.length / other.length).toBeWithin(0.85, 1.03);
    });
  }

  test("any size keeps its pixels, also at edges that fill no block", async () => {
    for (const width of [1, 2, 7, 8, 15, 16, 17, 33]) {
      for (const height of [1, 3, 8, 9, 16, 31]) {
        const picture = scene(width, height);
        const jpeg = coded(picture, 90);
        expect(likeness(await decoded(jpeg), picture)).toBeGreaterThan(30);
      }
    }
  });

  test("noise and pixels as far apart as can be, at the greatest quality, are coded whole", async () => {
    const grain = noise();
    for (const next of [() => grain.next().value, () => (grain.next().value & 64 ? 255 : 0)]) {
      const picture = filled(320, 320, next);
      const own = likeness(await decoded(coded(picture, 100)), picture);
      expect(own).toBeGreaterThan(likeness(await decoded(await byLibvips(picture, 100)), picture) - 0.25);
    }
  });

  test("black, white and the pure colours come back", async () => {
    for (const color of [
      [0, 0, 0],
      [255, 255, 255],
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ]) {
      let at = 0;
      const picture = filled(40, 24, () => color[at++ % 3]!);
      const { data } = await decoded(coded(picture, 90));
      data.forEach((value, index) => {
        expect(Math.abs(value - color[index % 3]!)).toBeLessThanOrEqual(3);
      });
    }
  });

  test("a flat picture after a busy one shows nothing of it, at another quality and size", async () => {
    const busy = scene(300, 200);
    coded(busy, 95);
    const flat = filled(50, 60, () => 128);
    expect((await decoded(coded(flat, 40))).data.every((value) => value === 128)).toBe(true);
  });

  test("the picture is told as baseline JPEG with chroma at half size and without metadata", async () => {
    expect(await sharp(coded(scene(64, 48), 90)).metadata()).toMatchObject({
      ...{ format: "jpeg", width: 64, height: 48, space: "srgb", channels: 3 },
      ...{ chromaSubsampling: "4:2:0", isProgressive: false, hasProfile: false },
    });
  });

  test("pictures are coded into bytes of their own, whatever their size", async () => {
    const sizes = [
      [188, 250],
      [900, 700],
      [40, 30],
    ] as const;
    const pictures = sizes.map(([width, height]) => scene(width, height));
    const files = pictures.map((picture) => coded(picture, 90));
    for (const [at, file] of files.entries()) {
      // Nothing else in the memory that goes along when a crop is handed to another thread.
      expect(file.buffer.byteLength).toBe(file.length);
      const picture = await decodePicture(file, LIMITS);
      expect([picture.width, picture.height, picture.format]).toEqual([...sizes[at]!, "jpeg"]);
      picture.release();
      expect(likeness(await decoded(file), pictures[at]!)).toBeGreaterThan(33);
    }
  });
});

test("sides that no JPEG can have are refused with a word of why", () => {
  for (const [width, height] of [
    [0, 4],
    [4, 0],
    [65_501, 1],
    [1, 65_501],
  ] as const) {
    expect(() => encodeJpeg(new Uint8Array(3 * width * height), width, height, 90)).toThrow(/sides are 1 to 65500/);
  }
  expect(encodeJpeg(new Uint8Array(3 * 65_500), 65_500, 1, 90).length).toBeGreaterThan(0);
});
