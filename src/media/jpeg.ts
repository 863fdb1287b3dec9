/** JPEGs of raw pixels, by libjpeg-turbo: in the calling thread, since for portraits a hand-over costs more than the coding. */
import { createRequire } from "node:module";
import type Package from "@julusian/jpeg-turbo";

/** What the package's native part has of its interface; it does not cut what it wrote to its size. */
interface Codec extends Pick<typeof Package, "bufferSize" | "FORMAT_RGB" | "SAMP_420"> {
  compressSync(
    pixels: Buffer,
    room: Buffer,
    options: Package.EncodeOptions,
  ): { readonly data: Buffer; readonly size: number };
}

/** Up to this many bytes the room to code into is kept for the next picture of the thread. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Loaded from where the package keeps it. The package's own search ends in an error below `bun test`, here and in projects that
 * test against Facewire: it takes that for Jest and calls `jest.requireActual`, which Bun has not.
 */
const codec: Codec = createRequire(import.meta.url)(
  `@julusian/jpeg-turbo/prebuilds/jpeg-turbo-${process.platform}-${process.arch}/node-napi-v10.node`,
);

let kept: Buffer | undefined;

/** Longest side that libjpeg takes, in pixels. */
const LONGEST_SIDE = 65_500;

/**
 * Interleaved RGB as baseline JPEG (4:2:0, no metadata), `quality` 1..100. With the standard's own Huffman tables: fitting ones
 * save 1 % of the bytes of a 720p picture and cost as much time again as everything else. The cosine transform is the fast one up to
 * quality 95, and exact from 96 on. `rgb` may be overwritten afterwards. Throws a `RangeError` for sides of no pixels or of more
 * than 65,500.
 */
export function encodeJpeg(rgb: Uint8Array, width: number, height: number, quality: number): Uint8Array {
  if (Math.min(width, height) < 1 || Math.max(width, height) > LONGEST_SIDE) {
    throw new RangeError(`A JPEG cannot have ${width} x ${height} pixels: its sides are 1 to ${LONGEST_SIDE}.`);
  }
  const shape = { width, height, subsampling: codec.SAMP_420 };
  const pixels = Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength);
  const room = roomFor(codec.bufferSize(shape));
  const { size } = codec.compressSync(pixels, room, { ...shape, format: codec.FORMAT_RGB, quality });
  return new Uint8Array(room.subarray(0, size));
}

/** At least that many bytes. */
function roomFor(bytes: number): Buffer {
  if (kept && kept.length >= bytes) return kept;
  const room = Buffer.allocUnsafeSlow(bytes);
  if (bytes <= KEPT_BYTES) kept = room;
  return room;
}
