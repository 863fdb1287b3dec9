/** Pictures of the checklist: one face, another picture of the same person, somebody else, two faces, none, a warp. */
import sharp, { type Sharp } from "sharp";
import { bmp } from "../../media/files.ts";
import { sample } from "../samples.ts";

/** A sample with three people side by side, and the parts of it that are used. */
const SAMPLE = "sample3.jpg";
export const FIRST_FACE = { left: 400, top: 160, width: 552, height: 640 };
const SECOND = { left: 930, top: 60, width: 480, height: 560 };
const BOTH = { left: 400, top: 60, width: 1020, height: 760 };

export const part = (region: { left: number; top: number; width: number; height: number }): Sharp =>
  sample(SAMPLE).extract(region);

export async function jpeg(picture: Sharp, quality = 92): Promise<Uint8Array> {
  return new Uint8Array(await picture.jpeg({ quality }).toBuffer());
}

/** F1: one face. */
export const oneFace = (): Promise<Uint8Array> => jpeg(part(FIRST_FACE));
/** F1b: the same person, darker, smaller and cut differently. */
export const sameFace = (): Promise<Uint8Array> =>
  jpeg(part({ left: 430, top: 200, width: 500, height: 560 }).modulate({ brightness: 0.8 }).resize(380), 75);
/** G1: another person. */
export const otherFace = (): Promise<Uint8Array> => jpeg(part(SECOND));
/** F2: two faces. */
export const twoFaces = (): Promise<Uint8Array> => jpeg(part(BOTH));
/** F0: no face. */
export const noFace = (): Promise<Uint8Array> =>
  jpeg(sharp({ create: { width: 320, height: 320, channels: 3, background: { r: 90, g: 120, b: 150 } } }));
/** W1: a warp as somebody else's front end might cut it. */
export const warp = (): Promise<Uint8Array> =>
  jpeg(part({ left: 528, top: 290, width: 330, height: 330 }).resize(250, 250), 95);

/** F1 in each format that is taken, by its content type. */
export async function oneFaceAs(): Promise<ReadonlyMap<string, Uint8Array>> {
  const { data, info } = await part(FIRST_FACE).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const rgb = new Uint8Array(data);
  const bgr = Uint8Array.from(rgb, (_, i) => rgb[i - (i % 3) + 2 - (i % 3)]!);
  const bitmap = new Uint8Array(bmp({ width, height, bits: 24, topDown: true }, bgr));
  const pixmap = new Uint8Array(Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), rgb]));
  const as = async (format: "png" | "tiff" | "gif") =>
    new Uint8Array(await part(FIRST_FACE).toFormat(format).toBuffer());
  return new Map([
    ["image/jpeg", await oneFace()],
    ["image/png", await as("png")],
    ["image/bmp", bitmap],
    ["image/tiff", await as("tiff")],
    ["image/gif", await as("gif")],
    ["image/x-windows-bmp", bitmap],
    ["image/x-portable-pixmap", pixmap],
  ]);
}

/** The name of a type in base64. */
export function base64Type(type: string): string {
  return `${type.replace(/^image\/(?!x-)/, "image/x-")}-base64`;
}
