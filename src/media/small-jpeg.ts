/**
 * JPEGs of small pictures by the codec that the runtime brings along. sharp costs about 0.7 ms before it sees the first pixel,
 * more than coding a portrait takes; for large pictures it is the faster one.
 */

/** Up to this many pixels it takes less time than sharp. */
export const SMALL_PIXELS = 320 * 320;

/** File header and the oldest form of the picture's own; see "BITMAPINFOHEADER" in Microsoft's documentation of bitmaps. */
const HEADER_BYTES = 54;

/** Interleaved RGB as baseline JPEG (4:2:0, no metadata). `quality` 1..100. */
export function smallJpeg(rgb: Uint8Array, width: number, height: number, quality: number): Promise<Uint8Array> {
  return new Bun.Image(bitmapOf(rgb, width, height)).jpeg({ quality }).bytes();
}

/** Raw pixels in the plainest format that the codec reads: rows from the top, blue first, filled up to whole words. */
function bitmapOf(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const stride = Math.ceil((3 * width) / 4) * 4;
  const bytes = new Uint8Array(HEADER_BYTES + stride * height);
  const header = new DataView(bytes.buffer);
  header.setUint16(0, 0x424d);
  header.setUint32(2, bytes.length, true);
  header.setUint32(10, HEADER_BYTES, true);
  header.setUint32(14, HEADER_BYTES - 14, true);
  header.setInt32(18, width, true);
  header.setInt32(22, -height, true);
  header.setUint16(26, 1, true);
  header.setUint16(28, 24, true);
  let from = 0;
  for (let y = 0; y < height; y++) {
    for (let to = HEADER_BYTES + y * stride, end = to + 3 * width; to < end; to += 3, from += 3) {
      bytes[to] = rgb[from + 2]!;
      bytes[to + 1] = rgb[from + 1]!;
      bytes[to + 2] = rgb[from]!;
    }
  }
  return bytes;
}
