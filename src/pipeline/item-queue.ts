/** Items that wait for a worker: by priority, then in the order they came, with an estimate of the work ahead. */

/** What the queue needs to know of an item. None of it may change while the item waits. */
export interface QueuedItem {
  /** 0..9; 9 goes first. */
  readonly priority: number;
  /** What its cost is known by: items of one plan cost about the same. */
  readonly key: string;
  /** Bytes it holds while it waits. */
  readonly byteLength: number;
  /** Times it was taken before; one that comes back goes ahead of its priority, having waited its turn already. */
  readonly attempts: number;
}

/** What to do with an item whose turn it is: take it, look at the next one, or let nobody overtake it. */
export type Turn = "take" | "pass" | "hold";

const PRIORITIES = 10;

/** Items of one priority, those that came back apart from those that are new. */
interface Lane<T> {
  readonly again: Set<T>;
  readonly fresh: Set<T>;
  /** How many items there are of each key. */
  readonly counts: Map<string, number>;
}

/** Taking the first and adding cost the same however many wait. */
export class ItemQueue<T extends QueuedItem> {
  /** Highest priority first. */
  readonly #lanes: readonly Lane<T>[] = Array.from({ length: PRIORITIES }, () => ({
    again: new Set<T>(),
    fresh: new Set<T>(),
    counts: new Map<string, number>(),
  }));
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

  /** Milliseconds of one worker's time that items of this priority and above take, by the cost of each key. */
  estimatedMs(priority: number, costOf: (key: string) => number): number {
    let sum = 0;
    for (const { counts } of this.#lanes.slice(0, PRIORITIES - priority)) {
      for (const [key, count] of counts) sum += count * costOf(key);
    }
    return sum;
  }

  add(item: T): void {
    const lane = this.#laneOf(item);
    (item.attempts > 0 ? lane.again : lane.fresh).add(item);
    this.#count(item, 1);
  }

  /** Takes an item out before its turn; false where it is not waiting. */
  remove(item: T): boolean {
    const { again, fresh } = this.#laneOf(item);
    if (!again.delete(item) && !fresh.delete(item)) return false;
    this.#count(item, -1);
    return true;
  }

  /** Takes the first item that `turn` lets through, highest priority first, oldest first. */
  take(turn: (item: T) => Turn): T | undefined {
    for (const item of this.items()) {
      const verdict = turn(item);
      if (verdict === "hold") return undefined;
      if (verdict === "pass") continue;
      this.remove(item);
      return item;
    }
    return undefined;
  }

  /** Everything that waits, in the order it would be taken. */
  *items(): Generator<T> {
    for (const { again, fresh } of this.#lanes) {
      yield* again;
      yield* fresh;
    }
  }

  #laneOf(item: T): Lane<T> {
    const lane = this.#lanes[PRIORITIES - 1 - item.priority];
    if (!lane) throw new RangeError(`There is no priority ${item.priority}.`);
    return lane;
  }

  #count(item: T, sign: 1 | -1): void {
    this.#length += sign;
    this.#bytes += sign * item.byteLength;
    const { counts } = this.#laneOf(item);
    const count = (counts.get(item.key) ?? 0) + sign;
    if (count > 0) counts.set(item.key, count);
    else counts.delete(item.key);
  }
}
