/**
 * The memories that decoded pictures live in: one WASM instance of the raster kernels a picture, kept for the next
 * picture when it is of a common size, so that nothing is allocated in the steady state and nothing fragments.
 *
 * Layout of a memory: the module's own first page, a table and scratch rows for warps, then the picture's levels.
 */
import { readFileSync } from "node:fs";

/** Largest width of a warp's destination in pixels. */
export const MAX_WARP_WIDTH = 16384;

const PAGE_BYTES = 65536;
/** The table of a resize: 8 bytes a destination column. */
export const TABLE_OFFSET = PAGE_BYTES;
/** Rows of a warp before they are copied out: at least one row of three planes of floats, small enough for a core's cache. */
export const SCRATCH_OFFSET = TABLE_OFFSET + 8 * MAX_WARP_WIDTH;
export const SCRATCH_BYTES = 3 * 4 * MAX_WARP_WIDTH;
/** Where the picture begins; before it room for the bytes of a very wide row, and for reads that start a little early. */
export const PICTURE_OFFSET = SCRATCH_OFFSET + SCRATCH_BYTES + PAGE_BYTES;
/** Kernels read and write up to 16 bytes past the pixels they need. */
export const LEVEL_PADDING = 16;

/** Memories above this are given back after use instead of kept: about the size of a 12 megapixel picture with its levels. */
const KEEP_BYTES = 64 * 1024 * 1024;
/** How many idle memories a thread keeps: as many as pictures are usually alive at once. */
const KEEP_COUNT = 2;

/** The compiled kernels; see `assembly/` for what they do. All addresses are byte offsets in the memory. */
export interface Kernels {
  halve(source: number, width: number, height: number, target: number): void;
  warpRows(
    source: number,
    width: number,
    height: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
    columns: number,
    firstRow: number,
    endRow: number,
    edge: number,
    border: number,
    color: number,
    redScale: number,
    greenScale: number,
    blueScale: number,
    redBias: number,
    greenBias: number,
    blueBias: number,
    table: number,
    target: number,
    plane: number,
  ): void;
  resizeRows(
    source: number,
    width: number,
    height: number,
    a: number,
    c: number,
    e: number,
    f: number,
    columns: number,
    firstRow: number,
    endRow: number,
    table: number,
    blended: number,
    target: number,
  ): void;
  packPlane(source: number, count: number, target: number): void;
  packPixels(source: number, plane: number, count: number, target: number): void;
  setYuv(lumaOffset: number, luma: number, redOfV: number, greenOfU: number, greenOfV: number, blueOfU: number): void;
  yuvToRgb(y: number, u: number, v: number, width: number, height: number, target: number): void;
  yuvToHalfRgb(y: number, u: number, v: number, width: number, height: number, target: number): void;
}

/** A memory with the kernels that work in it. */
export interface KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
}

let compiled: WebAssembly.Module | undefined;
const idle: KernelMemory[] = [];

/** A memory with at least `bytes` of room after {@link PICTURE_OFFSET}. Its contents are undefined. */
export function acquireMemory(bytes: number): KernelMemory {
  const needed = PICTURE_OFFSET + bytes;
  // The smallest one that is large enough, else the largest one, which then grows.
  idle.sort((one, other) => one.memory.buffer.byteLength - other.memory.buffer.byteLength);
  const fitting = idle.findIndex((candidate) => candidate.memory.buffer.byteLength >= needed);
  const taken = fitting >= 0 ? idle.splice(fitting, 1)[0]! : (idle.pop() ?? instantiate());
  const missing = needed - taken.memory.buffer.byteLength;
  if (missing > 0) taken.memory.grow(Math.ceil(missing / PAGE_BYTES));
  return taken;
}

/** Gives a memory back. The caller must not touch it afterwards. */
export function releaseMemory(memory: KernelMemory): void {
  if (memory.memory.buffer.byteLength <= KEEP_BYTES && idle.length < KEEP_COUNT) idle.push(memory);
}

function instantiate(): KernelMemory {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./kernels.wasm", import.meta.url)));
  const { exports } = new WebAssembly.Instance(compiled, {});
  return { memory: exports.memory as WebAssembly.Memory, kernels: exports as unknown as Kernels };
}
