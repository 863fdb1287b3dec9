/** Numbers by row, in pages: it grows without copying what is there and without room for as much again. */

/** Small: the last page of each column is half empty, in every thread. */
const PAGE_SHIFT = 10;
const PAGE = 1 << PAGE_SHIFT;
const MASK = PAGE - 1;

/** 32-bit numbers, `width` of them a row; 0 where nothing was set. */
export class Column {
  readonly #width: number;
  readonly #pages: Uint32Array[] = [];

  constructor(width = 1) {
    this.#width = width;
  }

  get bytes(): number {
    return this.#pages.length * PAGE * this.#width * 4;
  }

  get(row: number, part = 0): number {
    return this.#pages[row >>> PAGE_SHIFT]?.[(row & MASK) * this.#width + part] ?? 0;
  }

  set(row: number, value: number, part = 0): void {
    this.page(row)[(row & MASK) * this.#width + part] = value;
  }

  /** The page that holds a row; made when it is not there. */
  page(row: number): Uint32Array {
    const page = row >>> PAGE_SHIFT;
    while (this.#pages.length <= page) this.#pages.push(new Uint32Array(PAGE * this.#width));
    return this.#pages[page]!;
  }

  /** Where a row begins in its page. */
  offset(row: number): number {
    return (row & MASK) * this.#width;
  }
}
