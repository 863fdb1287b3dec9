/** One page of a TIFF: decoders count all pages of a file before they read the first one, which hostile files make slow. */

/**
 * The TIFF without the pages after its first: the same bytes where there is one page, else a copy in which the first
 * directory says that none follows.
 */
export function firstPageOnly(bytes: Uint8Array): Uint8Array {
  const next = nextDirectoryField(bytes);
  if (!next || bytes.subarray(next.at, next.at + next.size).every((byte) => byte === 0)) return bytes;
  const copy = bytes.slice();
  copy.fill(0, next.at, next.at + next.size);
  return copy;
}

/** Where the first directory names the next one; undefined when that lies outside the file. */
function nextDirectoryField(bytes: Uint8Array): { at: number; size: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 16) return undefined;
  const little = bytes[0] === 0x49;
  const big = view.getUint16(2, little) === 43;
  // Classic: 4-byte offsets, 2-byte count, 12-byte entries. Big TIFF: 8, 8 and 20.
  const size = big ? 8 : 4;
  const directory = big ? Number(view.getBigUint64(8, little)) : view.getUint32(4, little);
  if (directory + 8 > bytes.length) return undefined;
  const entries = big ? Number(view.getBigUint64(directory, little)) : view.getUint16(directory, little);
  const at = directory + (big ? 8 + 20 * entries : 2 + 12 * entries);
  return at + size <= bytes.length ? { at, size } : undefined;
}
