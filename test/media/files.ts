/** Picture files built by hand, for what no encoder writes: old formats and hostile ones. */
import { crc32, deflateSync } from "node:zlib";
import type { PictureLimits } from "../../src/media/limits.ts";

/** Generous limits, for tests that are about something else. */
export const LIMITS: PictureLimits = {
  maxBytes: 20_000_000,
  maxPixels: 50_000_000,
  minSide: 8,
  decodeTimeoutMs: 10_000,
  truncated: "refuse",
};

/** An RGB PNG that declares any size over any deflated data. */
export function pngDeclaring(width: number, height: number, pixels: Uint8Array): Uint8Array {
  const chunk = (name: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    out.set(body, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A black GIF with many frames of one pixel each on a canvas of a size. */
export function gifOfFrames(width: number, height: number, frames: number): Uint8Array {
  const screen = Buffer.from([width & 255, width >> 8, height & 255, height >> 8, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
  const control = [0x21, 0xf9, 4, 0, 10, 0, 0, 0];
  const frame = Buffer.from([...control, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
  return Buffer.concat([Buffer.from("GIF89a"), screen, ...Array(frames).fill(frame), Buffer.from([0x3b])]);
}

/** An uncompressed or deflated grey TIFF that declares any size over one strip. */
export function tiffDeclaring(width: number, height: number, strip: Uint8Array, compression: 1 | 8): Uint8Array {
  const entries = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 8],
    [259, 3, compression],
    [262, 3, 1],
    [273, 4, 8 + 2 + 9 * 12 + 4],
    [277, 3, 1],
    [278, 4, height],
    [279, 4, strip.length],
  ] as const;
  const directory = Buffer.alloc(2 + entries.length * 12 + 4);
  directory.writeUInt16LE(entries.length, 0);
  entries.forEach(([tag, kind, value], index) => {
    directory.writeUInt16LE(tag, 2 + 12 * index);
    directory.writeUInt16LE(kind, 4 + 12 * index);
    directory.writeUInt32LE(1, 6 + 12 * index);
    directory.writeUInt32LE(value, 10 + 12 * index);
  });
  return Buffer.concat([Buffer.from([0x49, 0x49, 0x2a, 0, 8, 0, 0, 0]), directory, strip]);
}

/** A little-endian TIFF as one of very many pages: its first directory again and again. */
export function tiffOfPages(single: Uint8Array, pages: number): Uint8Array {
  const first = Buffer.from(single);
  const at = first.readUInt32LE(4);
  const length = 2 + first.readUInt16LE(at) * 12 + 4;
  const parts = [first];
  let previous: { part: Buffer; field: number } = { part: first, field: at + length - 4 };
  for (let page = 1, end = first.length; page < pages; page++, end += length) {
    const part = Buffer.from(single.subarray(at, at + length));
    previous.part.writeUInt32LE(end, previous.field);
    parts.push(part);
    previous = { part, field: length - 4 };
  }
  return Buffer.concat(parts);
}

/** How a BMP is laid out. */
export interface BmpLayout {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly topDown?: boolean;
  readonly compression?: number;
  /** Red, green, blue (and alpha) masks, written after a 40-byte header. */
  readonly masks?: readonly number[];
  /** RGB entries. */
  readonly palette?: readonly (readonly [number, number, number])[];
  /** The 12-byte header of OS/2, whose palette entries have 3 bytes. */
  readonly core?: boolean;
}

/** A BMP with the given rows of pixel bytes as they stand in the file. */
export function bmp(layout: BmpLayout, pixels: Uint8Array): Uint8Array {
  const { width, height, bits, topDown, compression = 0, masks = [], palette = [], core } = layout;
  const headerSize = core ? 12 : 40;
  const extra = Buffer.alloc(4 * masks.length);
  for (const [index, mask] of masks.entries()) extra.writeUInt32LE(mask >>> 0, 4 * index);
  const colors = Buffer.from(palette.flatMap(([red, green, blue]) => [blue, green, red, ...(core ? [] : [0])]));
  const offset = 14 + headerSize + extra.length + colors.length;
  const header = Buffer.alloc(14 + headerSize);
  header.write("BM", 0, "latin1");
  header.writeUInt32LE(offset + pixels.length, 2);
  header.writeUInt32LE(offset, 10);
  header.writeUInt32LE(headerSize, 14);
  if (core) {
    header.writeUInt16LE(width, 18);
    header.writeUInt16LE(height, 20);
    header.writeUInt16LE(1, 22);
    header.writeUInt16LE(bits, 24);
  } else {
    header.writeInt32LE(width, 18);
    header.writeInt32LE(topDown ? -height : height, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
    header.writeUInt32LE(compression, 30);
    header.writeUInt32LE(palette.length, 46);
  }
  return Buffer.concat([header, extra, colors, pixels]);
}
