/** A first-in first-out queue whose operations cost the same however long it is. */

/** Slots of a new queue; it doubles as it fills. A power of two, so that positions wrap with a mask. */
const FIRST_SIZE = 8;

/** A ring of values; grows, and shrinks back to its first size when it runs empty. */
export class Fifo<T> {
  #ring: (T | undefined)[] = new Array(FIRST_SIZE);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds behind the last. */
  push(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value;
    this.#length++;
  }

  /** Adds before the first. */
  unshift(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = value;
    this.#length++;
  }

  /** Takes the first. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    if (this.#length === 0 && this.#ring.length > FIRST_SIZE) this.#ring = new Array(FIRST_SIZE);
    if (this.#length === 0) this.#head = 0;
    return value;
  }

  /** Removes and returns, in order, all values for which `test` is true. */
  extract(test: (value: T) => boolean): T[] {
    const out: T[] = [];
    for (let left = this.#length; left > 0; left--) {
      const value = this.shift() as T;
      if (test(value)) out.push(value);
      else this.push(value);
    }
    return out;
  }

  #grow(): void {
    const grown: (T | undefined)[] = new Array(this.#ring.length * 2);
    for (let i = 0; i < this.#length; i++) grown[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)];
    this.#ring = grown;
    this.#head = 0;
  }
}
