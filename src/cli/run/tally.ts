/** Counts what came of the pictures of a run. */
import type { ItemResult, ItemStatus } from "../../pipeline/results.ts";
import { durationText, plural } from "../units.ts";

const WORDS: Readonly<Record<ItemStatus, string>> = {
  ok: "with faces",
  no_face: "without a face",
  rejected: "with all faces rejected",
  failed: "failed",
};

/** See the file's head. */
export class Tally {
  readonly #startedAt = performance.now();
  readonly #noun: "picture" | "frame" | "item";
  readonly #counts: Record<ItemStatus, number> = { ok: 0, no_face: 0, rejected: 0, failed: 0 };

  /** `noun`: what is counted. */
  constructor(noun: "picture" | "frame" | "item" = "picture") {
    this.#noun = noun;
  }

  /** Counts one picture or frame. */
  add(item: ItemResult): void {
    this.#counts[item.status]++;
  }

  get failed(): number {
    return this.#counts.failed;
  }

  /** Pictures counted so far. */
  get total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  /** `12 pictures: 10 with faces, 1 without a face, 1 failed; 24.1 pictures/s, took 1 s`. */
  text(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const parts = (Object.keys(WORDS) as ItemStatus[])
      .filter((status) => this.#counts[status] > 0)
      .map((status) => `${this.#counts[status]} ${WORDS[status]}`);
    const rate = (this.total / Math.max(seconds, 0.001)).toFixed(1);
    return `${plural(this.total, this.#noun)}: ${parts.join(", ") || "none"}; ${rate} ${this.#noun}s/s, took ${durationText(seconds)}`;
  }
}
