/**
 * JPEGs of small pictures, coded where one stands: a portrait takes a fraction of a millisecond. A codec that works on threads
 * of its own costs several times that before it sees the first pixel, and its answer waits for a turn of the event loop. Of the
 * codecs on npm that work in place, those in WASM take ten times as long, for want of vector instructions, and the native one
 * brings a tool chain of thirty packages with it and only has the coarser of the usual transforms.
 *
 * Layout of the memory: the module's own first page, the tables, the pixels, room for a strip of the kernels, the result.
 */
import { readFileSync } from "node:fs";
import { codingTables, jpegHeader, TABLE_BYTES } from "./tables.ts";

/** Pictures of more pixels would hold up the thread for longer than the hand-over to another one costs. */
export const SMALL_PIXELS = 512 * 512;
/** Greatest side that the format can tell. */
const MOST_SIDE = 65535;

const PAGE_BYTES = 65536;
const TABLES_OFFSET = PAGE_BYTES;
const PIXELS_OFFSET = Math.ceil((TABLES_OFFSET + TABLE_BYTES) / 16) * 16;
/** Bytes that four luma blocks and their two chroma blocks cannot exceed: 27 bits a coefficient, a zero after each byte. */
const MOST_BLOCK_BYTES = 6 * 64 * 4 * 2;
const END_MARKER = [0xff, 0xd9];

/** The compiled kernels; see `assembly/jpeg.ts`. All addresses are byte offsets in the memory. */
interface Coder {
  readonly memory: WebAssembly.Memory;
  encode(source: number, width: number, height: number, tables: number, work: number, target: number): number;
}

let coder: Coder | undefined;
/** What the tables in the memory and the header were last made for: portraits of one pipeline are mostly of one size. */
let prepared:
  | { readonly quality: number; readonly width: number; readonly height: number; readonly header: Uint8Array }
  | undefined;

/** Whether a picture of that size is one for {@link smallJpeg}. */
export function isSmall(width: number, height: number): boolean {
  return width >= 1 && height >= 1 && width * height <= SMALL_PIXELS && Math.max(width, height) <= MOST_SIDE;
}

/**
 * Interleaved RGB as baseline JPEG (4:2:0, no metadata). `quality` 1..100; only for sizes that {@link isSmall} takes. `fill` is
 * given the room for the pixels and writes all of them: no copy is made.
 */
export function smallJpeg(width: number, height: number, quality: number, fill: (rgb: Uint8Array) => void): Uint8Array {
  if (!isSmall(width, height)) throw new RangeError(`${width}x${height} is no size of a small picture`);
  const length = width * height * 3;
  coder ??= instantiate();
  const columns = Math.ceil(width / 16) * 16;
  const work = Math.ceil((PIXELS_OFFSET + length) / 16) * 16;
  const target = work + columns * (48 + 96) + 16;
  reserve(coder.memory, target + (columns / 16) * Math.ceil(height / 16) * MOST_BLOCK_BYTES);
  const bytes = new Uint8Array(coder.memory.buffer);
  if (prepared?.quality !== quality) bytes.set(codingTables(quality), TABLES_OFFSET);
  if (prepared?.quality !== quality || prepared.width !== width || prepared.height !== height) {
    prepared = { quality, width, height, header: jpegHeader(width, height, quality) };
  }
  fill(bytes.subarray(PIXELS_OFFSET, PIXELS_OFFSET + length));
  const end = coder.encode(PIXELS_OFFSET, width, height, TABLES_OFFSET, work, target);
  const { header } = prepared;
  const jpeg = new Uint8Array(header.length + end - target + END_MARKER.length);
  jpeg.set(header);
  jpeg.set(bytes.subarray(target, end), header.length);
  jpeg.set(END_MARKER, header.length + end - target);
  return jpeg;
}

function reserve(memory: WebAssembly.Memory, needed: number): void {
  const missing = needed - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}

function instantiate(): Coder {
  const module = new WebAssembly.Module(readFileSync(new URL("./jpeg.wasm", import.meta.url)));
  return new WebAssembly.Instance(module, {}).exports as unknown as Coder;
}
