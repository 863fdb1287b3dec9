/**
 * A set of row numbers in rising order, 4 bytes each. Changes are gathered and merged in when the set is read, so that a
 * thousand changes of a large set cost one pass over it.
 */

/**
 * Changes that are gathered before they are merged in although nobody reads: a share of the set, within bounds. Gathered
 * ones take ten times the memory of others, and many lists are never read.
 */
const LEAST_GATHERED = 32;
const MOST_GATHERED = 8192;
const GATHERED_SHARE = 1 / 16;
/** Bytes that a gathered change takes about. */
const GATHERED_BYTES = 40;
/** Room for more when it grows. */
const GROWTH = 1.125;

/** See the file's head. */
export class RowSet {
  #rows = new Uint32Array(4);
  #size = 0;
  readonly #added = new Set<number>();
  readonly #removed = new Set<number>();

  get bytes(): number {
    return this.#rows.byteLength + GATHERED_BYTES * (this.#added.size + this.#removed.size);
  }

  /** Adds a row; one that is in the set may be added again. */
  add(row: number): void {
    this.#removed.delete(row);
    const last = this.#size === 0 ? -1 : this.#rows[this.#size - 1]!;
    if (this.#added.size === 0 && row > last) {
      this.#reserve(this.#size + 1);
      this.#rows[this.#size++] = row;
      return;
    }
    this.#added.add(row);
    if (this.#added.size >= this.#mostGathered) this.#merge();
  }

  /** Takes a row out; one that is not in the set may be taken out too. */
  remove(row: number): void {
    this.#added.delete(row);
    this.#removed.add(row);
    if (this.#removed.size >= this.#mostGathered) this.#merge();
  }

  /** The rows in rising order; valid until the next change. */
  rows(): Uint32Array {
    this.#merge();
    return this.#rows.subarray(0, this.#size);
  }

  get #mostGathered(): number {
    return Math.min(MOST_GATHERED, Math.max(LEAST_GATHERED, this.#size * GATHERED_SHARE));
  }

  #merge(): void {
    if (this.#removed.size > 0) this.#takeOut();
    if (this.#added.size > 0) this.#putIn();
  }

  #takeOut(): void {
    const removed = Uint32Array.from(this.#removed).sort();
    this.#removed.clear();
    let next = 0;
    let kept = this.#firstNotBelow(removed[0]!);
    for (let at = kept; at < this.#size; at++) {
      const row = this.#rows[at]!;
      while (next < removed.length && removed[next]! < row) next++;
      if (removed[next] !== row) this.#rows[kept++] = row;
    }
    this.#size = kept;
  }

  /** Place of the first row that is `row` or behind it. */
  #firstNotBelow(row: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rows[middle]! < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Merges from the end, in place. */
  #putIn(): void {
    const added = Uint32Array.from(this.#added).sort();
    this.#added.clear();
    this.#reserve(this.#size + added.length);
    let from = this.#size - 1;
    let next = added.length - 1;
    let to = this.#size + added.length - 1;
    this.#size = to + 1;
    let twice = 0;
    while (next >= 0) {
      const row = added[next]!;
      if (from >= 0 && this.#rows[from]! >= row) {
        if (this.#rows[from] === row) {
          next--;
          twice++;
          continue;
        }
        this.#rows[to--] = this.#rows[from--]!;
      } else {
        this.#rows[to--] = row;
        next--;
      }
    }
    if (twice === 0) return;
    // Rows that were there already left a gap between what was merged and what stayed in place.
    this.#rows.copyWithin(from + 1, to + 1, this.#size);
    this.#size -= twice;
  }

  #reserve(size: number): void {
    if (size <= this.#rows.length) return;
    const grown = new Uint32Array(Math.max(size, Math.ceil(this.#rows.length * GROWTH) + 4));
    grown.set(this.#rows.subarray(0, this.#size));
    this.#rows = grown;
  }
}
