/**
 * The pictures everything is measured with, made from photographs that come with a development dependency: 1280x720
 * JPEGs with one face or with several, and pictures of many sizes and formats.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";

const WIDTH = 1280;
const HEIGHT = 720;
const QUALITY = 90;
/** Side of the piece that is cut around one face: wide enough for the widest crop a model takes. */
const PIECE = 560;

/** Number of the photograph and the centre of one of its faces. */
const FACES: readonly (readonly [sample: number, x: number, y: number])[] = [
  [1, 508, 474],
  [1, 1572, 328],
  [3, 693, 458],
  [6, 362, 625],
];
const SAMPLES = [1, 2, 3, 4, 5, 6];

/** Widths that mixed pictures are made in, and the formats, in turn. */
const MIXED_WIDTHS = [240, 480, 640, 960, 1280, 1600, 1920, 2560];
const MIXED_FORMATS = ["jpeg", "png", "webp"] as const;

/** An encoded picture. */
export interface EncodedPicture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Interleaved RGB. */
export interface RawPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What pictures show. */
export type PictureKind = "one-face" | "several-faces";

/** Pictures of 1280x720 as JPEG: one face in each, or three to five. */
export function hdPictures(kind: PictureKind): Promise<EncodedPicture[]> {
  if (kind === "one-face") {
    return Promise.all(FACES.map(async (face, i) => ({ name: `one-${i + 1}.jpg`, bytes: await oneFace(...face) })));
  }
  return Promise.all(
    SAMPLES.map(async (sample) => {
      const bytes = await sharp(photograph(sample)).resize(WIDTH, HEIGHT, { fit: "cover" }).jpeg({ quality: QUALITY });
      return { name: `several-${sample}.jpg`, bytes: await bytesOf(bytes) };
    }),
  );
}

/** `count` pictures of different widths, formats and content. */
export async function mixedPictures(count: number): Promise<EncodedPicture[]> {
  const pictures: EncodedPicture[] = [];
  for (let i = 0; i < count; i++) {
    const width = MIXED_WIDTHS[i % MIXED_WIDTHS.length]!;
    const format = MIXED_FORMATS[i % MIXED_FORMATS.length]!;
    const sample = SAMPLES[i % SAMPLES.length]!;
    const picture = sharp(photograph(sample)).resize(width).toFormat(format, { quality: 80 });
    pictures.push({ name: `mixed-${i + 1}.${format}`, bytes: await bytesOf(picture) });
  }
  return pictures;
}

/** The pixels of a picture. */
export async function decodeRaw(bytes: Uint8Array): Promise<RawPicture> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height };
}

/** A piece with one face in the middle of the whole photograph, which is blurred until no other face is left in it. */
async function oneFace(sample: number, x: number, y: number): Promise<Uint8Array> {
  const file = photograph(sample);
  const { width, height } = await sharp(file).metadata();
  const left = Math.min(Math.max(0, x - PIECE / 2), width - PIECE);
  const top = Math.min(Math.max(0, y - PIECE / 2), height - PIECE);
  const piece = await sharp(file).extract({ left, top, width: PIECE, height: PIECE }).toBuffer();
  const picture = sharp(file)
    .resize(WIDTH, HEIGHT, { fit: "fill" })
    .blur(60)
    .composite([{ input: piece, left: (WIDTH - PIECE) / 2, top: (HEIGHT - PIECE) / 2 }])
    .jpeg({ quality: QUALITY });
  return bytesOf(picture);
}

function photograph(sample: number): string {
  const root = dirname(createRequire(import.meta.url).resolve("@vladmandic/face-api/package.json"));
  return join(root, `demo/sample${sample}.jpg`);
}

/** In memory of their own, which the pool behind small buffers is not. */
async function bytesOf(picture: Sharp): Promise<Uint8Array> {
  return Uint8Array.from(await picture.toBuffer());
}
