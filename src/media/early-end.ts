/** Whether a file ends before its own structure says it does: what tells a cut-off picture from a damaged one. */
import type { PictureFormat } from "./picture.ts";

/**
 * True when the structure of a PNG, WebP, GIF or TIFF points past the end of its bytes, or a JPEG has no end mark. Meant for
 * files that a decoder refused: it reads the frame of a file only, never its pixels.
 */
export function endsEarly(bytes: Uint8Array, format: PictureFormat): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "jpeg":
      return !hasTail(bytes, [0xff, 0xd9]);
    case "png":
      return pngEndsEarly(view);
    case "webp":
      return view.byteLength < 12 || view.getUint32(4, true) + 8 > view.byteLength;
    case "gif":
      return gifEndsEarly(view);
    case "tiff":
      return tiffEndsEarly(view);
    default:
      return false;
  }
}

/** Whether the file ends with a mark, but for zeros: some writers pad their files. */
function hasTail(bytes: Uint8Array, mark: readonly number[]): boolean {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return mark.every((value, index) => bytes[end - mark.length + index] === value);
}

/** Walks the chunks: length, name, data, checksum. The last one is IEND. */
function pngEndsEarly(view: DataView): boolean {
  const end = 0x49454e44;
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === end) return false;
  }
  return true;
}

/**
 * Walks the blocks to the trailer. Its mark alone would not do: picture data may happen to be cut off behind such a byte.
 */
function gifEndsEarly(view: DataView): boolean {
  const byte = (at: number): number => (at < view.byteLength ? view.getUint8(at) : Number.NaN);
  /** Bytes of a colour table by the flags before it: three for each of 2^(n+1) colours, none without the highest bit. */
  const table = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const behindSubBlocks = (start: number): number => {
    let at = start;
    while (byte(at) > 0) at += 1 + byte(at);
    return at + 1;
  };
  let at = 13 + table(byte(10));
  while (at < view.byteLength) {
    const introducer = byte(at);
    if (introducer === 0x3b) return false;
    // An extension: introducer, label, sub-blocks. An image: introducer, 9 bytes, its table, code size, sub-blocks.
    if (introducer === 0x21) at = behindSubBlocks(at + 2);
    else if (introducer === 0x2c) at = behindSubBlocks(at + 11 + table(byte(at + 9)));
    else return false;
  }
  return true;
}

/** Looks at the first directory: itself, and the strips or tiles that it names if they stand in it or in lists. */
function tiffEndsEarly(view: DataView): boolean {
  const little = view.getUint8(0) === 0x49;
  // Big TIFF is rare enough to be called damaged.
  if (view.byteLength < 8 || view.getUint16(2, little) !== 42) return view.byteLength < 8;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return true;
  const end = directory + 2 + 12 * view.getUint16(directory, little);
  if (end > view.byteLength) return true;
  const lists = { 273: 279, 324: 325 } as const;
  const entries = new Map<number, { kind: number; count: number; at: number }>();
  for (let at = directory + 2; at < end; at += 12) {
    entries.set(view.getUint16(at, little), {
      kind: view.getUint16(at + 2, little),
      count: view.getUint32(at + 4, little),
      at: at + 8,
    });
  }
  /** The last number of a list, NaN where it is past the end. */
  const last = (tag: number): number => {
    const entry = entries.get(tag);
    if (!entry) return 0;
    const size = entry.kind === 3 ? 2 : 4;
    const start = entry.count * size <= 4 ? entry.at : view.getUint32(entry.at, little);
    const at = start + (entry.count - 1) * size;
    if (at < 0 || at + size > view.byteLength) return Number.NaN;
    return size === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
  };
  return Object.entries(lists).some(
    ([offsets, lengths]) => !(last(Number(offsets)) + last(lengths) <= view.byteLength),
  );
}
