/** What a BMP's headers say. */
import { cutOff, damaged } from "./pixels.ts";

const FILE_HEADER_BYTES = 14;
/** Sizes of the information header: OS/2 1.x, Windows 3, with masks, with alpha mask, version 4, version 5. */
const CORE_HEADER = 12;
const HEADER_SIZES = [CORE_HEADER, 40, 52, 56, 64, 108, 124];

/** Values of the header's compression field. */
export const COMPRESSION = { none: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 } as const;

/** What the header says. Masks are zero where they are not given. */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  readonly masks: readonly [red: number, green: number, blue: number, alpha: number];
  /** Where palette entries begin, how many there are and how many bytes each takes. */
  readonly palette: { readonly offset: number; readonly count: number; readonly entryBytes: 3 | 4 };
  /** Where pixels begin. */
  readonly pixels: number;
}

/** Reads the headers; throws `picture_truncated` or `picture_damaged`. */
export function readHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + 4) throw cutOff("bmp");
  const headerSize = view.getUint32(FILE_HEADER_BYTES, true);
  if (!HEADER_SIZES.includes(headerSize)) throw damaged("bmp");
  if (bytes.length < FILE_HEADER_BYTES + headerSize) throw cutOff("bmp");
  const core = headerSize === CORE_HEADER;
  const at = (offset: number): number => FILE_HEADER_BYTES + offset;

  const width = core ? view.getUint16(at(4), true) : view.getInt32(at(4), true);
  const signedHeight = core ? view.getUint16(at(6), true) : view.getInt32(at(8), true);
  const bits = view.getUint16(at(core ? 10 : 14), true);
  const compression = core ? COMPRESSION.none : view.getUint32(at(16), true);
  if (width <= 0 || signedHeight === 0 || !isKnownLayout(bits, compression)) throw damaged("bmp");

  // Masks are part of longer headers and follow the 40-byte one.
  const masked = compression === COMPRESSION.bitFields || compression === COMPRESSION.alphaBitFields;
  const maskCount = compression === COMPRESSION.alphaBitFields || headerSize >= 56 ? 4 : 3;
  const masksAfter = masked && headerSize === 40 ? 4 * maskCount : 0;
  if (masked && bytes.length < at(40) + 4 * maskCount) throw cutOff("bmp");
  const mask = (index: number): number => (index < maskCount ? view.getUint32(at(40 + 4 * index), true) : 0);

  const colors = core ? 0 : view.getUint32(at(32), true);
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits,
    compression,
    masks: masked ? [mask(0), mask(1), mask(2), mask(3)] : [0, 0, 0, 0],
    palette: {
      offset: at(headerSize) + masksAfter,
      count: bits > 8 ? 0 : Math.min(colors || 1 << bits, 1 << bits),
      entryBytes: core ? 3 : 4,
    },
    pixels: view.getUint32(10, true),
  };
}

/** Whether a number of bits goes with a compression. */
function isKnownLayout(bits: number, compression: number): boolean {
  switch (compression) {
    case COMPRESSION.none:
      return [1, 4, 8, 16, 24, 32].includes(bits);
    case COMPRESSION.rle8:
      return bits === 8;
    case COMPRESSION.rle4:
      return bits === 4;
    case COMPRESSION.bitFields:
    case COMPRESSION.alphaBitFields:
      return bits === 16 || bits === 32;
    default:
      return false;
  }
}
