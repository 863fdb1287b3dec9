/** PPM and PGM pictures (P2, P3, P5, P6): plain and raw, comments, any maximum value up to 65535. */
import type { PictureLimits } from "./limits.ts";
import type { PictureFormat } from "./picture.ts";
import { checkSize, cutOff, type DecodedPixels, damaged } from "./pixels.ts";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const HASH = 35;
const ZERO = 48;
/** Values have at most five digits, sides fewer than ten: longer numbers are damage. */
const MAX_NUMBER = 999_999_999;

/** Reads whitespace-separated decimal numbers, skipping comments. */
class NumberReader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** The next number; undefined at the end of the file, NaN where something else stands. */
  next(): number | undefined {
    const bytes = this.#bytes;
    let at = this.position;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === HASH) {
        while (at < bytes.length && bytes[at] !== NEWLINE && bytes[at] !== CARRIAGE_RETURN) at++;
      } else if (!isSpace(byte)) {
        break;
      }
    }
    if (at >= bytes.length) return undefined;
    let value = 0;
    const start = at;
    for (; at < bytes.length; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > MAX_NUMBER) return Number.NaN;
    }
    this.position = at;
    return at === start ? Number.NaN : value;
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** Decodes a PPM or PGM; throws coded errors. What is missing of a picture that ends early stays black. */
export function decodeNetpbm(bytes: Uint8Array, format: PictureFormat, limits: PictureLimits): DecodedPixels {
  const kind = bytes[1]! - ZERO;
  const reader = new NumberReader(bytes, 2);
  const [width, height, maximum] = [reader.next(), reader.next(), reader.next()];
  if (width === undefined || height === undefined || maximum === undefined) throw cutOff(format);
  if (!(width > 0 && height > 0 && maximum > 0 && maximum < 65536)) throw damaged(format);
  checkSize(width, height, limits);

  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const count = width * height * channels;
  const plain = kind <= 3;
  // Every plain value takes at least a digit and, but for the last one, a space.
  const least = plain ? 2 * count - 1 : count * (maximum > 255 ? 2 : 1);
  // One whitespace byte ends the header.
  if (limits.truncated === "refuse" && bytes.length - reader.position - 1 < least) throw cutOff(format);
  const data = new Uint8Array(count);
  const read = plain
    ? readPlain(reader, data, maximum, format)
    : readRaw(bytes.subarray(reader.position + 1), data, maximum);
  if (read < count && limits.truncated === "refuse") throw cutOff(format);
  return { data, width, height, channels };
}

/** Fills `data` with plain values; returns how many there were. */
function readPlain(reader: NumberReader, data: Uint8Array, maximum: number, format: PictureFormat): number {
  for (let index = 0; index < data.length; index++) {
    const value = reader.next();
    if (value === undefined) return index;
    if (!(value <= maximum)) throw damaged(format);
    data[index] = Math.round((value * 255) / maximum);
  }
  return data.length;
}

/** Fills `data` with raw values of one or two bytes (the high one first); returns how many there were. */
function readRaw(body: Uint8Array, data: Uint8Array, maximum: number): number {
  if (maximum === 255) {
    data.set(body.subarray(0, data.length));
    return Math.min(body.length, data.length);
  }
  const size = maximum > 255 ? 2 : 1;
  const count = Math.min(data.length, Math.floor(body.length / size));
  for (let index = 0; index < count; index++) {
    const value = size === 2 ? (body[2 * index]! << 8) | body[2 * index + 1]! : body[index]!;
    data[index] = Math.min(255, Math.round((value * 255) / maximum));
  }
  return count;
}
