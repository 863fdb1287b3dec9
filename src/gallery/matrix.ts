/** The descriptors of one version of a model and one length: floats, and the bytes that are scanned. */
import { FacewireError } from "../errors.ts";
import { eraseRow, writeRow } from "./quantize.ts";
import { GROUP_ROWS, MOST_VALUES, type ScanMemory, VECTOR } from "./scan-memory.ts";
import type { ComparableVersion } from "./versions.ts";

/** Rows whose floats are reserved together: fewer than a group's, as they take four times the memory of its bytes. */
const FLOATS_SHIFT = 6;
const FLOATS_ROWS = 1 << FLOATS_SHIFT;

/** See the file's head. Slots are unique among all matrices of a memory. */
export class Matrix {
  /** Undefined where nothing says how its descriptors are compared: they are known, but never found. */
  readonly card: ComparableVersion | undefined;
  readonly values: number;
  /** 16 values each. */
  readonly vectors: number;
  readonly #memory: ScanMemory;
  /** Floats by {@link FLOATS_ROWS} slots; undefined for those of other matrices and those never used. */
  readonly #floats: (Float32Array | undefined)[] = [];
  #blocks = 0;
  readonly #groups: number[] = [];
  readonly #free: number[] = [];
  /** Slots of the last group that were never used. */
  #unused = 0;
  #size = 0;
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;

  constructor(memory: ScanMemory, card: ComparableVersion | undefined, values: number) {
    if (values < 1 || values > MOST_VALUES) {
      throw new FacewireError("internal", `Descriptors of ${values} values cannot be kept in a gallery.`);
    }
    this.#memory = memory;
    this.card = card;
    this.values = values;
    this.vectors = card ? Math.ceil(values / VECTOR) : 0;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#blocks * FLOATS_ROWS * this.values * 4;
  }

  /** Lengths of the vectors that were ever in it: the shortest and the longest. */
  get lengths(): readonly [shortest: number, longest: number] {
    return [this.#shortest, this.#longest];
  }

  /** Puts a descriptor into a slot of its own. */
  add(values: Float32Array): number {
    const slot = this.#take();
    this.#size++;
    if (this.card) this.write(slot, values);
    return slot;
  }

  /** Puts other numbers into a slot. */
  write(slot: number, values: Float32Array): void {
    if (!this.card) return;
    this.row(slot).set(values);
    const length = writeRow(this.#memory, slot, this.vectors, values);
    this.#shortest = Math.min(this.#shortest, length);
    this.#longest = Math.max(this.#longest, length);
  }

  /** Overwrites the numbers of a slot, which may be given to another descriptor. The memory of a matrix that is empty is given back. */
  remove(slot: number): void {
    if (this.card) {
      this.row(slot).fill(0);
      eraseRow(this.#memory, slot, this.vectors);
    }
    this.#free.push(slot);
    this.#size--;
    if (this.#size === 0) this.#clear();
  }

  /** The floats of a slot, in place. */
  row(slot: number): Float32Array {
    const at = (slot & (FLOATS_ROWS - 1)) * this.values;
    return this.#floats[slot >>> FLOATS_SHIFT]!.subarray(at, at + this.values);
  }

  #take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#unused === 0) {
      const group = this.#memory.allocate(this.vectors);
      this.#groups.push(group);
      this.#unused = GROUP_ROWS;
    }
    const slot = this.#groups.at(-1)! * GROUP_ROWS + GROUP_ROWS - this.#unused--;
    if (this.card && (slot & (FLOATS_ROWS - 1)) === 0) {
      this.#floats[slot >>> FLOATS_SHIFT] = new Float32Array(FLOATS_ROWS * this.values);
      this.#blocks++;
    }
    return slot;
  }

  #clear(): void {
    for (const group of this.#groups) this.#memory.release(group, this.vectors);
    this.#groups.length = 0;
    this.#floats.length = 0;
    this.#blocks = 0;
    this.#free.length = 0;
    this.#unused = 0;
    this.#shortest = Number.POSITIVE_INFINITY;
    this.#longest = 0;
  }
}
