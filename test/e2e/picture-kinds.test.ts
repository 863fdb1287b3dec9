/** One photograph in every kind of file: the same faces are found where they are in the original. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import sharp, { type Sharp } from "sharp";
import type { FaceJson } from "../../src/pipeline/results.ts";
import { bmp } from "../media/files.ts";
import { GOOD_PICTURE } from "../support/api-client.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

/** How far a box's edge may move, in pixels, when the same picture comes with fewer colours or other losses. */
const TOLERANCE = 4;

let server: TestServer;
let original: readonly FaceJson[];
let inGrey: readonly FaceJson[];

beforeAll(async () => {
  server = await testServer({ shipped: ["face-detect"] });
  original = (await faces(new Uint8Array(PHOTO))).faces;
  expect(original).toHaveLength(3);
  // Without its colours a picture is another one to the detector: grey files are held to a colour file of grey pixels.
  inGrey = (await faces(await bytes(photo().greyscale().toColourspace("srgb").png()))).faces;
  expect(inGrey).toHaveLength(original.length);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Smaller than it came: encoding it in every way is most of what these tests do. */
const PHOTO = await sharp(GOOD_PICTURE).resize({ width: 960 }).jpeg({ quality: 95 }).toBuffer();
const photo = (): Sharp => sharp(PHOTO);
const bytes = async (picture: Sharp): Promise<Uint8Array> => new Uint8Array(await picture.toBuffer());

async function faces(picture: Uint8Array) {
  const { status, body } = await server.client.run("face-detect", picture, "?exif=1");
  expect([status, body.error]).toEqual([200, undefined]);
  return body.items![0]!;
}

async function rows(channelsOf: (r: number, g: number, b: number) => readonly number[]) {
  const { data, info } = await photo().raw().toBuffer({ resolveWithObject: true });
  const pixels = Buffer.alloc(info.width * info.height * channelsOf(0, 0, 0).length);
  let to = 0;
  for (let from = 0; from < data.length; from += 3) {
    for (const value of channelsOf(data[from]!, data[from + 1]!, data[from + 2]!)) pixels[to++] = value;
  }
  return { pixels, width: info.width, height: info.height };
}

/** An uncompressed top-down BMP; rows are padded to four bytes. */
async function asBmp(): Promise<Uint8Array> {
  const { pixels, width, height } = await rows((r, g, b) => [b, g, r]);
  const stride = Math.ceil((width * 3) / 4) * 4;
  const padded = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) pixels.copy(padded, y * stride, y * width * 3, (y + 1) * width * 3);
  return bmp({ width, height, bits: 24, topDown: true }, padded);
}

async function asNetpbm(magic: "P5" | "P6"): Promise<Uint8Array> {
  const grey = (r: number, g: number, b: number) => [Math.round(0.299 * r + 0.587 * g + 0.114 * b)];
  const { pixels, width, height } = await rows(magic === "P6" ? (r, g, b) => [r, g, b] : grey);
  return new Uint8Array(Buffer.concat([Buffer.from(`${magic}\n${width} ${height}\n255\n`), pixels]));
}

const KINDS: readonly (readonly [name: string, format: string, make: () => Promise<Uint8Array>])[] = [
  ["a CMYK JPEG", "jpeg", () => bytes(photo().toColourspace("cmyk").jpeg({ quality: 95 }))],
  ["a progressive JPEG", "jpeg", () => bytes(photo().jpeg({ quality: 95, progressive: true }))],
  ["a PNG", "png", () => bytes(photo().png())],
  ["a 16-bit PNG", "png", () => bytes(photo().toColourspace("rgb16").png())],
  ["a palette PNG", "png", () => bytes(photo().png({ palette: true, colours: 256 }))],
  ["a PNG with alpha", "png", () => bytes(photo().ensureAlpha(0.999).png())],
  ["a GIF", "gif", () => bytes(photo().gif())],
  ["a WebP", "webp", () => bytes(photo().webp({ quality: 95 }))],
  ["a WebP with alpha", "webp", () => bytes(photo().ensureAlpha().webp({ lossless: true }))],
  ["a TIFF", "tiff", () => bytes(photo().tiff({ compression: "lzw" }))],
  ["a CMYK TIFF", "tiff", () => bytes(photo().toColourspace("cmyk").tiff({ compression: "deflate" }))],
  ["a BMP", "bmp", asBmp],
  ["a PPM", "ppm", () => asNetpbm("P6")],
];

const GREY: typeof KINDS = [
  ["a grey JPEG", "jpeg", () => bytes(photo().greyscale().jpeg({ quality: 95 }))],
  ["a 16-bit grey PNG", "png", () => bytes(photo().greyscale().toColourspace("grey16").png())],
  ["a PGM", "pgm", () => asNetpbm("P5")],
];

/** Each expected face has one whose box is within the tolerance, and there are no others. */
function expectSameFaces(found: readonly FaceJson[], expected = original): void {
  expect(found).toHaveLength(expected.length);
  for (const { box } of expected) {
    const distances = found.map((face) => {
      const edges = [
        face.box.x - box.x,
        face.box.y - box.y,
        face.box.x + face.box.width - box.x - box.width,
        face.box.y + face.box.height - box.y - box.height,
      ];
      return Math.max(...edges.map(Math.abs));
    });
    expect(Math.min(...distances)).toBeLessThan(TOLERANCE);
  }
}

describe("The same faces are found in", () => {
  for (const [name, format, make] of KINDS) {
    test(name, async () => {
      const item = await faces(await make());
      expect(item.picture?.format).toBe(format as never);
      expectSameFaces(item.faces);
    });
  }

  for (const [name, format, make] of GREY) {
    test(name, async () => {
      const item = await faces(await make());
      expect(item.picture?.format).toBe(format as never);
      expectSameFaces(item.faces, inGrey);
    });
  }

  // Stored turned; the tag says how to turn it back.
  for (const [orientation, turned] of [
    [3, () => photo().rotate(180)],
    [6, () => photo().rotate(270)],
    [8, () => photo().rotate(90)],
    [2, () => photo().flop()],
    [5, () => photo().rotate(90).flip()],
  ] as const) {
    test(`a JPEG whose EXIF orientation is ${orientation}, in upright pixels`, async () => {
      const stored = await turned().toBuffer();
      const picture = await bytes(sharp(stored).jpeg({ quality: 95 }).withMetadata({ orientation }));
      const { width, height } = await photo().metadata();
      const item = await faces(picture);
      expect(item.picture).toMatchObject({ width, height });
      expectSameFaces(item.faces);
    });
  }
});

test("the declared type decides nothing: a PNG sent as image/jpeg is a PNG", async () => {
  const { body } = await server.client.json<{ items: { picture: unknown }[] }>("/v1/pipelines/face-detect/run", {
    method: "POST",
    headers: { "content-type": "image/jpeg" },
    body: Uint8Array.from(await bytes(photo().png())),
  });
  expect(body.items[0]?.picture).toMatchObject({ format: "png" });
});

test("EXIF fields are given when they are asked for", async () => {
  const withExif = photo().withExif({ IFD0: { Make: "Facewire", Model: "Test" } });
  const { picture } = await faces(await bytes(withExif.jpeg()));
  expect(picture?.exif).toMatchObject({ Make: "Facewire", Model: "Test" });
});
