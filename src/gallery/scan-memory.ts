/**
 * The WASM memory of a scan thread with the kernels in it: groups of 1024 rows of rounded numbers, the table of their addresses, room
 * for probes, for the numbers of the rows to scan and for what is found. See `kernels/assembly/layout.ts` for the layout of a group.
 */
import { readFileSync } from "node:fs";
import { FacewireError } from "../errors.ts";

/** Rows of a group. */
export const GROUP_SHIFT = 10;
export const GROUP_ROWS = 1 << GROUP_SHIFT;
/** Values of a vector; a row is filled up to whole vectors. */
export const VECTOR = 16;
/** Rows that one call of a kernel looks at: as many as stay in a core's cache for the next probes. */
export const BLOCK_ROWS = 512;
/** Longest descriptor. */
export const MOST_VALUES = 8192;
/** Probes of one pass over a block. Each row is brought from the memory once for all of them. */
const MOST_PROBES = 16;
/** Bytes of the values of all probes of a pass: long ones go fewer at a time. */
const VALUES_BYTES = 4 * MOST_VALUES;
/** Probes whose values lie side by side: see `kernels/assembly/layout.ts`. */
const SIDE_BY_SIDE = 4;

const WASM_PAGE = 65536;
/** A WASM memory cannot have more. */
const MOST_BYTES = 2 ** 32 - WASM_PAGE;
/** Numbers of a row besides its bytes: step, and length of what they miss. */
const NUMBERS = 2;
/**
 * What kernels note of a row besides its slot: it probably reaches the bar. A slot is group x 1024 + row and has 29 bits, as a group
 * takes 8 KiB of 4 GiB or more.
 */
export const LIKELY = 2 ** 31;

/** A number for each row of a block. */
const LINE_BYTES = 4 * BLOCK_ROWS;
const HEAD_BYTES = 64;
const FOUND_BYTES = 8 * BLOCK_ROWS;
/** Groups that the first table has room for. */
const FIRST_TABLE = 64;
/** The kernels have no data of their own; nothing is kept at address 0. */
const SLOTS_AT = 1024;
const STEPS_AT = SLOTS_AT + LINE_BYTES;
const MISSED_AT = STEPS_AT + LINE_BYTES;
const SUMS_AT = MISSED_AT + LINE_BYTES;
const HEADS_AT = SUMS_AT + SIDE_BY_SIDE * LINE_BYTES;
const VALUES_AT = HEADS_AT + MOST_PROBES * HEAD_BYTES;
const FOUND_AT = VALUES_AT + VALUES_BYTES;
const FIRST_TABLE_AT = FOUND_AT + MOST_PROBES * FOUND_BYTES;

/** Rows of a block, in the order in which kernels take them: table of groups, slots, their number, and the bytes of a row. */
type Rows = readonly [table: number, slots: number, count: number, stride: number];

/** What the kernels export; see `kernels/assembly/scan.ts` and `judge.ts`. */
interface Kernels {
  gather(...rowsAndNumbers: [...Rows, steps: number, missed: number]): void;
  sumOne(...rowsAndValues: [...Rows, values: number, sums: number]): void;
  sumFour(...rowsAndValues: [...Rows, values: number, sums: number, apart: number]): void;
  judge(slots: number, count: number, probe: number, sums: number, steps: number, missed: number): void;
}

/** Which kernels are used: `plain` where an engine's relaxed instruction is missing or rounds otherwise. */
export type KernelKind = "relaxed" | "plain";

/** Addresses of what is known of a row. */
export interface RowPlace {
  readonly bytes: number;
  readonly step: number;
  readonly missed: number;
}

/** What is known of a probe besides its values: their sum, what one of them counts, and how far a row's rounding reaches. */
export interface ProbeHead {
  readonly sum: number;
  readonly scale: number;
  readonly spread: number;
}

/** See the file's head. */
export class ScanMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;
  #end = FIRST_TABLE_AT + 4 * FIRST_TABLE;
  /** The table of the groups' addresses: where it is, and how many it has room for. */
  #table = { at: FIRST_TABLE_AT, room: FIRST_TABLE };
  #groups = 0;
  /** Given back, by vectors. */
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

  /** A group for rows of that many vectors; its contents are undefined. Throws `gallery_full`. */
  allocate(vectors: number): number {
    const free = this.#free.get(vectors)?.pop();
    if (free !== undefined) return free;
    const size = GROUP_ROWS * (VECTOR * vectors + 4 * NUMBERS);
    if (this.#end + size > MOST_BYTES) throw full();
    if (this.#groups === this.#table.room) this.#growTable();
    this.#reserve(this.#end + size);
    const group = this.#groups++;
    this.#words[this.#table.at / 4 + group] = this.#end;
    this.#end += size;
    return group;
  }

  /** Gives a group back. */
  release(group: number, vectors: number): void {
    const free = this.#free.get(vectors);
    if (free) free.push(group);
    else this.#free.set(vectors, [group]);
  }

  /** Where a row is. */
  place(slot: number, vectors: number): RowPlace {
    const row = slot & (GROUP_ROWS - 1);
    const base = this.#words[this.#table.at / 4 + (slot >>> GROUP_SHIFT)]!;
    const step = base + GROUP_ROWS * VECTOR * vectors + 4 * row;
    return { bytes: base + row * VECTOR * vectors, step, missed: step + 4 * GROUP_ROWS };
  }

  /** Length of what the rounding of a row misses. */
  missed(slot: number, vectors: number): number {
    return this.#floats[this.place(slot, vectors).missed / 4]!;
  }

  /** What kernels need of a probe besides its values; see `kernels/assembly/layout.ts`. Its bar is set apart. */
  writeHead(place: number, { sum, scale, spread }: ProbeHead): void {
    const head = headOf(place) / 4;
    this.#words[head] = sum;
    this.#floats[head + 1] = scale;
    this.#floats[head + 2] = spread;
    this.#words[head + 5] = FOUND_AT + place * FOUND_BYTES;
  }

  /** Sets the number that the most a row can reach has to come to, or the row is left out. */
  setBar(place: number, bar: number): void {
    this.#floats[headOf(place) / 4 + 3] = bar;
  }

  /** Address of one of a probe's values. */
  value(place: number, vectors: number, at = 0): number {
    const side = place % SIDE_BY_SIDE;
    const first = VALUES_AT + (place - side) * VECTOR * vectors;
    return first + (Math.floor(at / VECTOR) * SIDE_BY_SIDE + side) * VECTOR + (at % VECTOR);
  }

  /** Takes over which rows are looked at next: at most {@link BLOCK_ROWS}. */
  setSlots(slots: Uint32Array): void {
    this.#words.set(slots, SLOTS_AT / 4);
  }

  /** What the last scan noted for a probe: how many pairs of slot and most, and where in {@link words} and {@link floats} they are. */
  found(place: number): { readonly count: number; readonly at: number } {
    return { count: this.#words[headOf(place) / 4 + 4]!, at: (FOUND_AT + place * FOUND_BYTES) / 4 };
  }

  /** Compares `count` rows with the probes 0..probes-1. */
  scan(count: number, vectors: number, probes: number): void {
    const rows = [this.#table.at, SLOTS_AT, count, VECTOR * vectors] as const;
    this.#kernels.gather(...rows, STEPS_AT, MISSED_AT);
    for (let first = 0, together = 0; first < probes; first += together) {
      // Three take as long as four, whose last sums nobody looks at then. One and two are faster one after the other.
      together = probes - first >= SIDE_BY_SIDE - 1 ? Math.min(SIDE_BY_SIDE, probes - first) : 1;
      const values = this.value(first, vectors);
      if (together > 1) this.#kernels.sumFour(...rows, values, SUMS_AT, LINE_BYTES);
      else this.#kernels.sumOne(...rows, values, SUMS_AT);
      for (let place = 0; place < together; place++) {
        const sums = SUMS_AT + place * LINE_BYTES;
        this.#kernels.judge(SLOTS_AT, count, headOf(first + place), sums, STEPS_AT, MISSED_AT);
      }
    }
  }

  /** Moves the table to where there is room for twice as many. What it leaves behind is little: all of it less than the new one. */
  #growTable(): void {
    const { at, room } = this.#table;
    const grown = { at: this.#end, room: 2 * room };
    this.#reserve(grown.at + 4 * grown.room);
    this.#words.copyWithin(grown.at / 4, at / 4, at / 4 + room);
    this.#table = grown;
    this.#end += 4 * grown.room;
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

/** Address of a probe's head. */
function headOf(place: number): number {
  return HEADS_AT + place * HEAD_BYTES;
}

/** Probes of one pass over rows of that many vectors. */
export function mostProbes(vectors: number): number {
  return Math.min(MOST_PROBES, SIDE_BY_SIDE * Math.floor(VALUES_BYTES / (SIDE_BY_SIDE * VECTOR * vectors)));
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
