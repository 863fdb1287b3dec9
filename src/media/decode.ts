/** Bytes to a picture: told apart by content, checked against the limits, decoded upright into the kernels' memory. */
import { FacewireError } from "../errors.ts";
import { decodeBmp } from "./bmp.ts";
import type { PictureLimits } from "./limits.ts";
import { decodeNetpbm } from "./netpbm.ts";
import type { Picture, PictureFormat } from "./picture.ts";
import type { DecodedPixels } from "./pixels.ts";
import { pictureFromGray, pictureFromRgb } from "./raster.ts";
import { decodeWithSharp } from "./raster-codecs.ts";
import { nameForeignFormat, sniffPicture } from "./sniff.ts";

export type { PictureLimits } from "./limits.ts";

/**
 * Decodes JPEG, PNG, WebP, GIF (first frame), TIFF (first page), BMP, PPM or PGM to upright 8-bit sRGB; transparency is
 * laid on black. Rejects with a `picture_*` error. The caller owns the picture and must release it.
 */
export async function decodePicture(bytes: Uint8Array, limits: PictureLimits): Promise<Picture> {
  if (bytes.length === 0) throw new FacewireError("picture_empty", "There are no bytes to decode.");
  if (bytes.length > limits.maxBytes) {
    throw new FacewireError(
      "picture_too_large",
      `The picture has ${bytes.length} bytes; at most ${limits.maxBytes} are taken.`,
      { details: { bytes: bytes.length, max_bytes: limits.maxBytes } },
    );
  }
  const format = sniffPicture(bytes);
  if (!format) throw await refusal(bytes);
  const { data, width, height, channels } = await decodeAs(format, bytes, limits);
  const take = channels === 1 ? pictureFromGray : pictureFromRgb;
  const picture = take(data, width, height, format);
  discard(data);
  return picture;
}

async function decodeAs(format: PictureFormat, bytes: Uint8Array, limits: PictureLimits): Promise<DecodedPixels> {
  switch (format) {
    case "bmp":
      return decodeBmp(bytes, limits);
    case "ppm":
    case "pgm":
      return decodeNetpbm(bytes, format, limits);
    default:
      return decodeWithSharp(bytes, format, limits);
  }
}

/**
 * Frees a decoder's pixels now. The collector would, too, but late: it sees a small object, and tens of megabytes a
 * picture add up meanwhile.
 */
function discard(data: Uint8Array): void {
  if (data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength) data.buffer.transfer(0);
}

/** Why bytes that are no picture of a known format are refused. */
async function refusal(bytes: Uint8Array): Promise<FacewireError> {
  const name = await nameForeignFormat(bytes);
  if (!name) return new FacewireError("picture_unknown_format", "The content is not a picture of a known format.");
  return new FacewireError(
    "picture_unsupported_format",
    `The content is ${name.toUpperCase()}, which is not decoded here.`,
    { details: { format: name } },
  );
}
