/**
 * JPEGs of small pictures by the codec that the runtime brings along. sharp costs about 0.7 ms before it sees the first pixel,
 * more than coding a portrait takes; for large pictures it is the faster one.
 */

/** Up to this many pixels it takes less time than sharp. */
export const SMALL_PIXELS = 320 * 320;

/** Bytes of a bitmap's second header, "BITMAPINFOHEADER" in Microsoft's documentation of the format. */
const INFO_BYTES = 40;
/** Where pixels begin: behind 14 bytes and the second header, at the next whole word. */
const PIXELS_AT = 56;

/** Interleaved RGB as baseline JPEG (4:2:0, no metadata). `quality` 1..100. */
export function smallJpeg(rgb: Uint8Array, width: number, height: number, quality: number): Promise<Uint8Array> {
  return new Bun.Image(bitmapOf(rgb, width, height)).jpeg({ quality }).bytes();
}

/** Raw pixels in a format that the codec reads: rows from the top, a word for each pixel. */
function bitmapOf(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const size = width * height;
  const bytes = new Uint8Array(PIXELS_AT + 4 * size);
  const header = new DataView(bytes.buffer);
  header.setUint16(0, 0x424d);
  header.setUint32(2, bytes.length, true);
  header.setUint32(10, PIXELS_AT, true);
  header.setUint32(14, INFO_BYTES, true);
  header.setInt32(18, width, true);
  header.setInt32(22, -height, true);
  header.setUint16(26, 1, true);
  header.setUint16(28, 32, true);
  const words = new Uint32Array(bytes.buffer, PIXELS_AT, size);
  for (let i = 0, from = 0; i < size; i++, from += 3) {
    words[i] = 0xff000000 | (rgb[from]! << 16) | (rgb[from + 1]! << 8) | rgb[from + 2]!;
  }
  return bytes;
}
