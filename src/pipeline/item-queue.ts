/** Items that wait for a worker: by priority, then in the order they came, with an estimate of the work ahead. */

/** What the queue needs to know of an item. */
export interface QueuedItem {
  /** 0..9; 9 goes first. */
  readonly priority: number;
  /** Milliseconds of one worker's time it will probably take. */
  readonly estimatedMs: number;
  /** Bytes it holds while it waits. */
  readonly byteLength: number;
}

const PRIORITIES = 10;

/** One lane a priority; taking and adding cost the same however many wait. */
export class ItemQueue<T extends QueuedItem> {
  readonly #lanes: Set<T>[] = Array.from({ length: PRIORITIES }, () => new Set<T>());
  readonly #laneMs = new Float64Array(PRIORITIES);
  #length = 0;
  #bytes = 0;

  /** Items that wait. */
  get length(): number {
    return this.#length;
  }

  /** Bytes all of them hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Milliseconds of one worker's time that items of this priority and above will probably take. */
  estimatedMs(priority: number): number {
    let sum = 0;
    for (let lane = priority; lane < PRIORITIES; lane++) sum += this.#laneMs[lane] ?? 0;
    return sum;
  }

  add(item: T): void {
    this.#lanes[item.priority]?.add(item);
    this.#count(item, 1);
  }

  /** Takes an item out before its turn; false where it is not waiting. */
  remove(item: T): boolean {
    if (!this.#lanes[item.priority]?.delete(item)) return false;
    this.#count(item, -1);
    return true;
  }

  /** Takes the next item for which `fits` holds, highest priority first, oldest first. */
  take(fits: (item: T) => boolean): T | undefined {
    for (let lane = PRIORITIES - 1; lane >= 0; lane--) {
      for (const item of this.#lanes[lane] ?? []) {
        if (!fits(item)) continue;
        this.remove(item);
        return item;
      }
    }
    return undefined;
  }

  /** Everything that waits, in the order it would be taken. */
  *items(): Generator<T> {
    for (const lane of this.#lanes.toReversed()) yield* lane;
  }

  #count(item: T, sign: 1 | -1): void {
    this.#length += sign;
    this.#bytes += sign * item.byteLength;
    const ms = (this.#laneMs[item.priority] ?? 0) + sign * item.estimatedMs;
    // Sums of fractions drift; an empty lane is exactly nothing.
    this.#laneMs[item.priority] = this.#lanes[item.priority]?.size ? ms : 0;
  }
}
