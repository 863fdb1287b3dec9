/**
 * Compares by their floats what the kernels leave of the rows for one probe. The kernels' sums are much closer to the true cosine than
 * they can promise: who is likely to be among the best is compared at once, which raises the bar for all others; who only cannot be
 * ruled out waits until the end, when hardly anybody is left above the bar.
 */
import { similarity } from "../inference/similarity.ts";
import { leastCosine } from "./bar.ts";
import type { Matrix } from "./matrix.ts";
import type { Persons } from "./memory/persons.ts";
import type { WrittenProbe } from "./quantize.ts";
import { LIKELY, type ScanMemory } from "./scan-memory.ts";
import type { Top } from "./top.ts";

/** Rows that may wait. */
const MOST_WAITING = 4096;

/** What is weighed. */
export interface Weighed {
  readonly by: "descriptor" | "person";
  readonly values: Float32Array;
  /** Length of the probe. */
  readonly length: number;
  readonly top: Top;
}

/** A row that may reach the bar. */
interface Noted {
  readonly slot: number;
  /** No less than its cosine. */
  readonly most: number;
}

/** One that probably reaches it. */
interface Likely extends Noted {
  /** Near its cosine. */
  readonly likely: number;
}

/** See the file's head. */
export class Weighing {
  readonly top: Top;
  readonly #weighed: Weighed;
  readonly #matrix: Matrix;
  readonly #probe: WrittenProbe;
  readonly #persons: Persons;
  /** Slots that wait, and the most that they can reach: apart, as hardly any is ever looked at again. */
  readonly #waiting: number[] = [];
  readonly #mosts: number[] = [];

  constructor(weighed: Weighed, matrix: Matrix, probe: WrittenProbe, persons: Persons) {
    this.top = weighed.top;
    this.#weighed = weighed;
    this.#matrix = matrix;
    this.#probe = probe;
    this.#persons = persons;
  }

  /** Lets the kernels leave out what cannot be among the matches any more. */
  setBar(): void {
    this.#probe.setBar(this.#leastCosine(this.top.least));
  }

  /** Takes over what the kernels noted; true when the matches changed. */
  take(memory: ScanMemory, place: number): boolean {
    const { words, floats } = memory;
    const { count, at } = memory.found(place);
    if (count === 0) return false;
    const { room } = this.#probe;
    const likely: Likely[] = [];
    for (let i = at; i < at + 2 * count; i += 2) {
      const noted = words[i]!;
      const most = floats[i + 1]! + room;
      if (noted < LIKELY) this.#wait(noted, most);
      else {
        const slot = noted - LIKELY;
        likely.push({ slot, most, likely: most - room - memory.missed(slot, this.#matrix.vectors) });
      }
    }
    const changed = likely.length > 0 && this.#compareLikely(likely);
    return (this.#waiting.length > MOST_WAITING && this.end()) || changed;
  }

  #compareLikely(likely: Likely[]): boolean {
    likely.sort((one, other) => other.likely - one.likely);
    let changed = false;
    let bar = this.#leastCosine(this.top.least);
    for (const noted of likely) {
      if (noted.likely < bar) this.#wait(noted.slot, noted.most);
      else if (this.#compare(noted)) {
        changed = true;
        bar = this.#leastCosine(this.top.least);
      }
    }
    return changed;
  }

  /** Compares who has waited and may still be among the matches; true when these changed. */
  end(): boolean {
    let changed = false;
    let bar = this.#leastCosine(this.top.least);
    const waiting: Noted[] = [];
    for (const [i, slot] of this.#waiting.entries()) {
      const most = this.#mosts[i]!;
      if (most >= bar) waiting.push({ slot, most });
    }
    this.#waiting.length = 0;
    this.#mosts.length = 0;
    waiting.sort((one, other) => other.most - one.most);
    for (const noted of waiting) {
      if (noted.most < bar) break;
      if (!this.#compare(noted)) continue;
      changed = true;
      bar = this.#leastCosine(this.top.least);
    }
    return changed;
  }

  #wait(slot: number, most: number): void {
    this.#waiting.push(slot);
    this.#mosts.push(most);
  }

  /** Compares a row by its floats unless it cannot matter; true when the matches changed. */
  #compare({ slot, most }: Noted): boolean {
    const { by, values } = this.#weighed;
    const key = by === "descriptor" ? slot : this.#persons.personOf(slot);
    if (key < 0) return false;
    // One person's many descriptors need not all be compared where there are too few others to raise the bar.
    const known = this.top.leastOf(key);
    if (known !== undefined && most < this.#leastCosine(known)) return false;
    return this.top.offer({ slot, key, similarity: similarity(this.#matrix.card!, values, this.#matrix.row(slot)) });
  }

  #leastCosine(least: number): number {
    const [shortest, longest] = this.#matrix.lengths;
    const lengths = { probe: this.#weighed.length, shortest, longest };
    return leastCosine(this.#matrix.card!.similarity!, least, lengths);
  }
}
