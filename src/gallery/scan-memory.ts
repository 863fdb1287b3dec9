/**
 * The WASM memory of a scan thread with the kernels in it: groups of 1024 rows of rounded numbers, the table of their addresses, room
 * for probes, for the numbers of the rows to scan and for what is found. See `kernels/assembly/layout.ts` for the layout of a group.
 */
import { readFileSync } from "node:fs";
import { FacewireError } from "../errors.ts";

/** Rows of a group. */
export const GROUP_SHIFT = 10;
export const GROUP_ROWS = 1 << GROUP_SHIFT;
/** Values that are packed together; a row is filled up to a multiple. */
export const PIECE = 32;
/** Rows that one call of a kernel looks at: as many as leave their upper bits in a core's cache for the next probes. */
export const BLOCK_ROWS = 1024;
/** Probes of one pass over a block: more together are no faster, and each thread has room for them. */
export const MOST_PROBES = 8;
/** Longest descriptor. */
export const MOST_VALUES = 8192;
/** Bytes before a probe's values. */
export const PROBE_HEAD = 32;

const WASM_PAGE = 65536;
/** A WASM memory cannot have more. */
const MOST_BYTES = 2 ** 32 - WASM_PAGE;
/** Numbers of a row besides its bits: step, length of what the upper bits miss, of what all miss. */
const NUMBERS = 3;
/** A slot is group x 1024 + row and has 32 bits less one value. */
const MOST_GROUPS = 1 << 21;

const SLOTS_AT = WASM_PAGE;
const PROBES_AT = SLOTS_AT + 4 * BLOCK_ROWS;
const PROBE_BYTES = PROBE_HEAD + MOST_VALUES;
const FOUND_AT = PROBES_AT + MOST_PROBES * PROBE_BYTES;
const FOUND_BYTES = 8 * BLOCK_ROWS;
const TABLE_AT = FOUND_AT + MOST_PROBES * FOUND_BYTES;
const FIRST_TABLE = 1 << 14;

/** What the kernels export; see `kernels/assembly/scan.ts`. */
interface Kernels {
  scanOne(table: number, slots: number, count: number, pieces: number, probe: number): void;
  scanTwo(table: number, slots: number, count: number, pieces: number, a: number, b: number): void;
  scanFour(
    table: number,
    slots: number,
    count: number,
    pieces: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ): void;
}

/** Which kernels are used: `plain` where an engine's relaxed instruction is missing or rounds otherwise. */
export type KernelKind = "relaxed" | "plain";

/** Addresses of a group's parts. */
export interface GroupPlace {
  readonly group: number;
  readonly upper: number;
  readonly lower: number;
  readonly numbers: number;
}

/** See the file's head. */
export class ScanMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;
  #end = TABLE_AT + 4 * FIRST_TABLE;
  #groups = 0;
  /** Given back, by pieces. */
  readonly #free = new Map<number, number[]>();
  /** Views of the memory; replaced when it grows. */
  #bytes: Uint8Array;
  #signed: Int8Array;
  #words: Uint32Array;
  #floats: Float32Array;

  constructor(kind: KernelKind = "relaxed") {
    const { exports } = new WebAssembly.Instance(moduleOf(kind), {});
    this.#memory = exports.memory as WebAssembly.Memory;
    this.#kernels = exports as unknown as Kernels;
    const { buffer } = this.#memory;
    [this.#bytes, this.#signed] = [new Uint8Array(buffer), new Int8Array(buffer)];
    [this.#words, this.#floats] = [new Uint32Array(buffer), new Float32Array(buffer)];
    this.#reserve(this.#end);
  }

  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get signed(): Int8Array {
    return this.#signed;
  }

  get words(): Uint32Array {
    return this.#words;
  }

  get floats(): Float32Array {
    return this.#floats;
  }

  /** A group for rows of `pieces` x 32 values; its contents are undefined. Throws `gallery_full`. */
  allocate(pieces: number): number {
    const free = this.#free.get(pieces)?.pop();
    if (free !== undefined) return free;
    const size = GROUP_ROWS * (upperStride(pieces) + lowerStride(pieces) + 4 * NUMBERS);
    if (this.#groups >= FIRST_TABLE || this.#groups >= MOST_GROUPS || this.#end + size > MOST_BYTES) throw full();
    this.#reserve(this.#end + size);
    const group = this.#groups++;
    this.#words[TABLE_AT / 4 + group] = this.#end;
    this.#end += size;
    return group;
  }

  /** Gives a group back. */
  release(group: number, pieces: number): void {
    const free = this.#free.get(pieces);
    if (free) free.push(group);
    else this.#free.set(pieces, [group]);
  }

  /** Where a row's bits (upper, lower) and numbers are: byte addresses; the numbers are `GROUP_ROWS` floats apart. */
  place(slot: number, pieces: number): GroupPlace {
    const group = slot >>> GROUP_SHIFT;
    const row = slot & (GROUP_ROWS - 1);
    const base = this.#words[TABLE_AT / 4 + group]!;
    const lower = base + GROUP_ROWS * upperStride(pieces);
    return {
      group,
      upper: base + row * upperStride(pieces),
      lower: lower + row * lowerStride(pieces),
      numbers: lower + GROUP_ROWS * lowerStride(pieces) + 4 * row,
    };
  }

  /** Length of what the rounding of a row misses. */
  missed(slot: number, pieces: number): number {
    return this.#floats[this.place(slot, pieces).numbers / 4 + 2 * GROUP_ROWS]!;
  }

  /** Address of a probe's head. */
  probe(place: number): number {
    return PROBES_AT + place * PROBE_BYTES;
  }

  /** Takes over which rows are looked at next: at most {@link BLOCK_ROWS}. */
  setSlots(slots: Uint32Array): void {
    this.#words.set(slots, SLOTS_AT / 4);
  }

  /** Where pairs of slot and most of a probe are: index into {@link words} and {@link floats}. */
  found(place: number): number {
    return (FOUND_AT + place * FOUND_BYTES) / 4;
  }

  /** Address that a probe's head names for them. */
  foundAddress(place: number): number {
    return FOUND_AT + place * FOUND_BYTES;
  }

  /** Compares `count` rows with the probes 0..probes-1, which must be {@link fullProbes} and all be set. */
  scan(count: number, pieces: number, probes: number): void {
    let place = 0;
    for (; place + 4 <= probes; place += 4) {
      const [a, b, c, d] = [this.probe(place), this.probe(place + 1), this.probe(place + 2), this.probe(place + 3)];
      this.#kernels.scanFour(TABLE_AT, SLOTS_AT, count, pieces, a, b, c, d);
    }
    const left = probes - place;
    if (left === 2) {
      this.#kernels.scanTwo(TABLE_AT, SLOTS_AT, count, pieces, this.probe(place), this.probe(place + 1));
    } else if (left === 1) this.#kernels.scanOne(TABLE_AT, SLOTS_AT, count, pieces, this.probe(place));
  }

  #reserve(end: number): void {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      this.#memory.grow(Math.ceil(missing / WASM_PAGE));
    } catch (cause) {
      throw full(cause);
    }
    const { buffer } = this.#memory;
    [this.#bytes, this.#signed] = [new Uint8Array(buffer), new Int8Array(buffer)];
    [this.#words, this.#floats] = [new Uint32Array(buffer), new Float32Array(buffer)];
  }
}

/** Bytes of a row's upper bits: 16 for each piece. */
export function upperStride(pieces: number): number {
  return 16 * pieces;
}

/** Bytes of a row's lower bits: 16 for every two pieces. */
export function lowerStride(pieces: number): number {
  return 16 * Math.ceil(pieces / 2);
}

/** The next number of probes that the kernels take: a single one, a pair, or fours with one or two more. Three are scanned as four. */
export function fullProbes(probes: number): number {
  return probes % 4 === 3 ? probes + 1 : probes;
}

const FILES: Readonly<Record<KernelKind, string>> = { relaxed: "scan-relaxed.wasm", plain: "scan.wasm" };
const modules = new Map<KernelKind, WebAssembly.Module>();

function moduleOf(kind: KernelKind): WebAssembly.Module {
  const known = modules.get(kind);
  if (known) return known;
  const compiled = new WebAssembly.Module(readFileSync(new URL(`./kernels/${FILES[kind]}`, import.meta.url)));
  modules.set(kind, compiled);
  return compiled;
}

function full(cause?: unknown): FacewireError {
  const message = "The gallery does not fit into the memory of its threads; raise gallery.threads.";
  return new FacewireError("store_unavailable", message, { details: { reason: "gallery_full" }, cause });
}
