/**
 * Flags that say which items are no longer wanted, in memory shared with the workers: a worker that is busy computing reads
 * no messages, but sees its item's flag at the next checkpoint.
 */

/** How many there are; items that wait for a pool keep theirs, so there are more than workers have items in hand. */
const COUNT = 4096;

/** See the file's head. A flag is one Int32, known by its index; 1 means not wanted. */
export class CancelFlags {
  readonly #flags = new Int32Array(new SharedArrayBuffer(COUNT * Int32Array.BYTES_PER_ELEMENT));
  readonly #free = Array.from({ length: COUNT }, (_, index) => COUNT - 1 - index);

  /** What workers are given. */
  get buffer(): SharedArrayBuffer {
    return this.#flags.buffer as SharedArrayBuffer;
  }

  /** Whether {@link take} would give one. */
  get anyFree(): boolean {
    return this.#free.length > 0;
  }

  /** A lowered flag for a new item; undefined when all are taken. */
  take(): number | undefined {
    const flag = this.#free.pop();
    if (flag !== undefined) Atomics.store(this.#flags, flag, 0);
    return flag;
  }

  /** The item is no longer wanted. */
  raise(flag: number): void {
    Atomics.store(this.#flags, flag, 1);
  }

  /** Whether the item is no longer wanted. */
  isRaised(flag: number): boolean {
    return Atomics.load(this.#flags, flag) === 1;
  }

  /** No worker has the item any more. */
  giveBack(flag: number): void {
    this.#free.push(flag);
  }
}
