/** The best matches so far, best first. */

/** A match in a scan thread. */
export interface Candidate {
  readonly slot: number;
  /** What may be among the matches once: a person's row, or the slot. */
  readonly key: number;
  readonly similarity: number;
}

/** How a search orders what is equally alike. */
export interface TopOrder {
  /** Below 0 when the id of the first key comes first. */
  compareKeys(one: number, other: number): number;
  /** Likewise for the ids of descriptors. */
  compareSlots(one: number, other: number): number;
}

/** Keeps the `limit` best keys, each with its best descriptor. */
export class Top {
  readonly #limit: number;
  readonly #atLeast: number;
  readonly #order: TopOrder;
  readonly #best: Candidate[] = [];

  constructor(limit: number, atLeast: number, order: TopOrder) {
    this.#limit = limit;
    this.#atLeast = atLeast;
    this.#order = order;
  }

  get best(): readonly Candidate[] {
    return this.#best;
  }

  /** What is less alike than this cannot be among the matches. */
  get least(): number {
    return this.#best.length < this.#limit ? this.#atLeast : this.#best.at(-1)!.similarity;
  }

  /** What a further descriptor of this key has to reach; undefined where none of it is among the best. */
  leastOf(key: number): number | undefined {
    return this.#best.find((each) => each.key === key)?.similarity;
  }

  /** Takes a candidate in where it belongs; true when that changed what is kept. */
  offer(candidate: Candidate): boolean {
    if (!(candidate.similarity >= this.least)) return false;
    const known = this.#best.findIndex(({ key }) => key === candidate.key);
    if (known >= 0) {
      if (!this.#isBetterDescriptor(candidate, this.#best[known]!)) return false;
      this.#best.splice(known, 1);
    }
    let place = this.#best.length;
    while (place > 0 && this.#comesBefore(candidate, this.#best[place - 1]!)) place--;
    if (place >= this.#limit) return false;
    this.#best.splice(place, 0, candidate);
    if (this.#best.length > this.#limit) this.#best.pop();
    return true;
  }

  #isBetterDescriptor(one: Candidate, other: Candidate): boolean {
    if (one.similarity !== other.similarity) return one.similarity > other.similarity;
    return this.#order.compareSlots(one.slot, other.slot) < 0;
  }

  #comesBefore(one: Candidate, other: Candidate): boolean {
    if (one.similarity !== other.similarity) return one.similarity > other.similarity;
    return this.#order.compareKeys(one.key, other.key) < 0;
  }
}
