/**
 * BMP pictures: headers of all Windows versions and OS/2 1.x; 1, 4, 8, 16, 24 and 32 bits a pixel, bit masks, run lengths
 * (RLE4, RLE8), bottom-up and top-down. Transparency is laid on black, as for all formats.
 */
import { readHeader } from "./bmp-header.ts";
import { BmpRows } from "./bmp-rows.ts";
import type { PictureLimits } from "./limits.ts";
import { checkSize, cutOff, type DecodedPixels } from "./pixels.ts";

/** Decodes a BMP; throws coded errors. What is missing of a picture that ends early stays black. */
export function decodeBmp(bytes: Uint8Array, limits: PictureLimits): DecodedPixels {
  const header = readHeader(bytes);
  checkSize(header.width, header.height, limits);
  const rows = new BmpRows(bytes, header);
  if (limits.truncated === "refuse" && !rows.complete()) throw cutOff("bmp");
  return { data: rows.decode(), width: header.width, height: header.height, channels: 3 };
}
