/** EXIF fields of a picture as plain JSON. */
import { sniffPicture } from "./sniff.ts";

/** Bounds on what is handed out: EXIF is written by whoever made the file. */
const MAX_FIELDS = 200;
const MAX_TEXT = 500;
const MAX_LIST = 32;
const MAX_DEPTH = 3;

const OPTIONS = {
  tiff: true,
  exif: true,
  gps: true,
  interop: false,
  ifd1: false,
  makerNote: false,
  userComment: false,
  xmp: false,
  icc: false,
  iptc: false,
  jfif: false,
  ihdr: false,
};

/**
 * The EXIF fields (camera, time, orientation, position …) under their usual names; undefined when there are none or they
 * are damaged. Dates are ISO 8601 without a zone, as EXIF has none; binary fields are left out. Never rejects.
 */
export async function readExif(bytes: Uint8Array): Promise<Record<string, unknown> | undefined> {
  const source = exifSource(bytes);
  if (!source) return undefined;
  try {
    // Most workers are never asked for EXIF: what reads it is loaded when it is.
    const { default: exifr } = await import("exifr");
    // `errors` is the reader's own field: what it could not make sense of.
    const { errors: _, ...read } = (await exifr.parse(source, OPTIONS)) ?? {};
    const fields = plain(read, 0);
    return isRecord(fields) && Object.keys(fields).length > 0 ? fields : undefined;
  } catch {
    // Damaged EXIF says nothing about the pixels: the picture is used without it.
    return undefined;
  }
}

/** The bytes that the reader understands: a JPEG, PNG or TIFF as it is, of a WebP its EXIF chunk, which is a TIFF. */
function exifSource(bytes: Uint8Array): Uint8Array | undefined {
  switch (sniffPicture(bytes)) {
    case "jpeg":
    case "png":
    case "tiff":
      return bytes;
    case "webp":
      return webpExif(bytes);
    default:
      return undefined;
  }
}

/** The EXIF chunk of a WebP. */
function webpExif(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Chunks of a four-letter name and a length, padded to even lengths, follow the 12 bytes of the container.
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (String.fromCharCode(...bytes.subarray(at, at + 4)) === "EXIF") {
      const chunk = bytes.subarray(at + 8, at + 8 + length);
      // Some writers keep the six letters that introduce EXIF in a JPEG.
      return String.fromCharCode(...chunk.subarray(0, 4)) === "Exif" ? chunk.subarray(6) : chunk;
    }
    at += 8 + length + (length & 1);
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as bounded plain JSON; undefined for what has no place in it. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return printable(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "boolean") return value;
  if (value instanceof Date) return localIso(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || depth >= MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_LIST).map((item) => plain(item, depth + 1));
    return items.filter((item) => item !== undefined);
  }
  if (!isRecord(value)) return undefined;
  const fields = Object.entries(value).slice(0, MAX_FIELDS);
  return Object.fromEntries(
    fields.map(([name, field]) => [name, plain(field, depth + 1)]).filter(([, field]) => field !== undefined),
  );
}

/** Text without control characters, cut to a bounded length. */
function printable(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, MAX_TEXT);
}

/** The reader takes EXIF's zoneless times for local ones; this undoes it, so that the server's zone does not matter. */
function localIso(date: Date): string | undefined {
  if (Number.isNaN(date.getTime())) return undefined;
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
