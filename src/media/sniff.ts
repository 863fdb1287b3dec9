/** Which format some bytes are, told from the bytes alone: names, extensions and declared types are never looked at. */
import type { PictureFormat } from "./picture.ts";

/** How much of a file is looked at to name a format that is not decoded: enough for the magic numbers that lie deepest. */
const SNIFF_BYTES = 4100;

/** A format that is decoded, by its first bytes; undefined for anything else. */
export function sniffPicture(bytes: Uint8Array): PictureFormat | undefined {
  if (starts(bytes, [0xff, 0xd8, 0xff])) return "jpeg";
  if (starts(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "png";
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  if (head.startsWith("RIFF") && head.slice(8) === "WEBP") return "webp";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  // Classic and big TIFF, both byte orders.
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  // BM, then the file's size and two reserved words that are zero: two letters alone would take any text for a picture.
  if (/^BM.{4}\0{4}/s.test(head)) return "bmp";
  if (/^P[36][\s#]/.test(head)) return "ppm";
  if (/^P[25][\s#]/.test(head)) return "pgm";
  return undefined;
}

/** The short name of a known format that is not decoded (`svg`, `pdf`, `heic`, `mp4` …); undefined when unknown. */
export async function nameForeignFormat(bytes: Uint8Array): Promise<string | undefined> {
  const head = bytes.subarray(0, SNIFF_BYTES);
  return nameText(head) ?? (await nameBinary(head));
}

/** Two letters are enough for the library to say BMP: what got here is none. */
async function nameBinary(head: Uint8Array): Promise<string | undefined> {
  // Loaded when the first picture is refused: a worker starts sooner without its tables.
  const { fileTypeFromBuffer } = await import("file-type");
  try {
    const name = (await fileTypeFromBuffer(head))?.ext;
    return name === "bmp" ? undefined : name;
  } catch {
    // A header cut off in the middle of what announces it: then it is not known.
    return undefined;
  }
}

/** Formats that are text, by how they begin after white space and a byte order mark. */
function nameText(head: Uint8Array): string | undefined {
  const text = new TextDecoder("utf-8").decode(head).trimStart().toLowerCase();
  if (/^p[147][\s#]/.test(text)) return text.startsWith("p7") ? "pam" : "pbm";
  if (!text.startsWith("<")) return undefined;
  if (/<svg[\s>]/.test(text)) return "svg";
  if (/^(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|title|meta|div|p|a|iframe|table)\b/s.test(text))
    return "html";
  return text.startsWith("<?xml") ? "xml" : undefined;
}

function starts(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((value, index) => bytes[index] === value);
}
