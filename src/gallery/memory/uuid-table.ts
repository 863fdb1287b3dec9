/**
 * Rows by UUID: the ids in a column, and an open-addressing index (linear probing) with 4 bytes a place. No text and no object
 * is kept for a row.
 */
import { Column } from "./column.ts";
import { readUuid, UUID_WORDS, writeUuid } from "./uuid.ts";

/** Share of places that may be taken, and by what the index grows. */
const FULLEST = 0.85;
const GROWTH = 1.15;
const LEAST_PLACES = 64;

/** See the file's head. Which number a row has is its owner's choice. */
export class UuidTable {
  readonly #ids = new Column(UUID_WORDS);
  /** Row + 1, or 0. */
  #places = new Uint32Array(LEAST_PLACES);
  #size = 0;
  readonly #wanted = new Uint32Array(UUID_WORDS);
  /** Different in each table, so that nobody can choose ids that fall together. */
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0]!;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#ids.bytes + this.#places.byteLength;
  }

  /** The row of an id, or -1. */
  find(id: string): number {
    writeUuid(id, this.#wanted);
    return this.#find(this.#wanted, 0);
  }

  /** Gives an id that is not in the table to a row. */
  add(id: string, row: number): void {
    if (this.#size + 1 > this.#places.length * FULLEST) this.#grow();
    writeUuid(id, this.#ids.page(row), this.#ids.offset(row));
    this.#put(row);
    this.#size++;
  }

  /** Takes a row's id out of the table. */
  remove(row: number): void {
    const places = this.#places;
    let hole = this.#homeOf(row);
    while (places[hole] !== row + 1) hole = this.#next(hole);
    // What comes behind moves up where that brings it no further than its home: no marks of what was deleted are needed.
    for (let at = this.#next(hole); places[at] !== 0; at = this.#next(at)) {
      const home = this.#homeOf(places[at]! - 1);
      const reachable = hole <= at ? home <= hole || home > at : home <= hole && home > at;
      if (!reachable) continue;
      places[hole] = places[at]!;
      hole = at;
    }
    places[hole] = 0;
    this.#size--;
  }

  /** The id of a row as text. */
  text(row: number): string {
    return readUuid(this.#ids.page(row), this.#ids.offset(row));
  }

  /** Below 0 when the id of `one` comes before that of `other`. */
  compare(one: number, other: number): number {
    for (let word = 0; word < UUID_WORDS; word++) {
      const difference = this.#ids.get(one, word) - this.#ids.get(other, word);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #find(words: Uint32Array, at: number): number {
    for (let place = this.#home(words, at); ; place = this.#next(place)) {
      const row = this.#places[place]! - 1;
      if (row < 0) return -1;
      const page = this.#ids.page(row);
      const offset = this.#ids.offset(row);
      if (
        page[offset] === words[at] &&
        page[offset + 1] === words[at + 1] &&
        page[offset + 2] === words[at + 2] &&
        page[offset + 3] === words[at + 3]
      ) {
        return row;
      }
    }
  }

  #put(row: number): void {
    let place = this.#homeOf(row);
    while (this.#places[place] !== 0) place = this.#next(place);
    this.#places[place] = row + 1;
  }

  #next(place: number): number {
    return place + 1 === this.#places.length ? 0 : place + 1;
  }

  #homeOf(row: number): number {
    return this.#home(this.#ids.page(row), this.#ids.offset(row));
  }

  #home(words: Uint32Array, at: number): number {
    let hash = this.#seed;
    for (let word = at; word < at + UUID_WORDS; word++) {
      hash = Math.imul(hash ^ words[word]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    return Math.floor(((hash >>> 0) * this.#places.length) / 2 ** 32);
  }

  #grow(): void {
    const old = this.#places;
    this.#places = new Uint32Array(Math.ceil(old.length * GROWTH));
    for (const place of old) if (place > 0) this.#put(place - 1);
  }
}
