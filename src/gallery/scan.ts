/** Searches that wait together, over the contents of one thread: scanned together where they look at the same descriptors. */
import type { GallerySearch } from "./gallery.ts";
import type { Matrix } from "./matrix.ts";
import type { Contents } from "./memory/contents.ts";
import { lengthOf, writeProbe } from "./quantize.ts";
import { BLOCK_ROWS, mostProbes, type ScanMemory } from "./scan-memory.ts";
import { Top } from "./top.ts";
import { Weighing } from "./weighing.ts";

/** Rows of the first block: the bar is low at the start, and lets all of them through. */
const FIRST_BLOCK = 64;
/** What a thread is asked. */
export type ScanSearch = Omit<GallerySearch, "deadline" | "signal">;

/** What a thread answers; ids as texts. */
export interface ScanMatch {
  readonly descriptor: string;
  readonly person: string | null;
  readonly similarity: number;
}

/** A probe of a search. */
interface Job {
  readonly by: ScanSearch["by"];
  readonly values: Float32Array;
  readonly length: number;
  readonly top: Top;
}

/** Jobs that look at the same slots of the same matrix. */
interface Pass {
  readonly slots: Uint32Array;
  readonly matrix: Matrix;
  readonly jobs: Job[];
}

/** See the file's head. */
export class Scanner {
  readonly #contents: Contents;
  readonly #memory: ScanMemory;

  constructor(contents: Contents, memory: ScanMemory) {
    this.#contents = contents;
    this.#memory = memory;
  }

  /** The matches of each search. */
  search(searches: readonly ScanSearch[]): ScanMatch[][] {
    const tops = searches.map(({ by, limit, atLeast = 0 }) => this.#top(by, limit, atLeast));
    for (const pass of this.#passes(searches, tops)) {
      const most = mostProbes(pass.matrix.vectors);
      for (let first = 0; first < pass.jobs.length; first += most) {
        this.#scan({ ...pass, jobs: pass.jobs.slice(first, first + most) });
      }
    }
    return tops.map((top) => top.best.map(({ slot, similarity: alike }) => this.#match(slot, alike)));
  }

  #top(by: ScanSearch["by"], limit: number, atLeast: number): Top {
    const { descriptors, persons } = this.#contents;
    const compareSlots = (one: number, other: number) => descriptors.compare(one, other);
    const compareKeys = by === "descriptor" ? compareSlots : (a: number, b: number) => persons.ids.compare(a, b);
    return new Top(limit, atLeast, { compareKeys, compareSlots });
  }

  #passes(searches: readonly ScanSearch[], tops: readonly Top[]): Iterable<Pass> {
    const slotsOf = new Map<string, Uint32Array>();
    const passes = new Map<Uint32Array, Map<Matrix, Pass>>();
    for (const [number, search] of searches.entries()) {
      const top = tops[number]!;
      if (search.limit < 1) continue;
      const slots = this.#slots(search, slotsOf);
      if (slots.length === 0) continue;
      const byMatrix = passes.get(slots) ?? new Map<Matrix, Pass>();
      passes.set(slots, byMatrix);
      for (const probe of search.probes) {
        const matrix = this.#contents.matrix(probe);
        const length = lengthOf(probe.values);
        if (!matrix || !Number.isFinite(length)) continue;
        const pass = byMatrix.get(matrix) ?? { slots, matrix, jobs: [] };
        byMatrix.set(matrix, pass);
        pass.jobs.push({ by: search.by, values: probe.values, length, top });
      }
    }
    return [...passes.values()].flatMap((byMatrix) => [...byMatrix.values()]);
  }

  #slots({ account, candidates }: ScanSearch, known: Map<string, Uint32Array>): Uint32Array {
    if ("descriptors" in candidates) return this.#contents.descriptorSlots(account, candidates.descriptors);
    if ("persons" in candidates) return this.#contents.personSlots(account, candidates.persons);
    const key = `${account}\n${candidates.list}`;
    const slots = known.get(key) ?? this.#contents.listSlots(account, candidates.list);
    known.set(key, slots);
    return slots;
  }

  #scan(pass: Pass): void {
    const { matrix, slots, jobs } = pass;
    const probes = jobs.map(({ values }, place) => writeProbe(this.#memory, place, matrix.vectors, values));
    const weighings = jobs.map((job, place) => new Weighing(job, matrix, probes[place]!, this.#contents.persons));
    for (const weighing of weighings) weighing.setBar();
    const own = this.#contents.isUniform ? slots : slots.filter((slot) => this.#contents.matrixOf(slot) === matrix);
    for (let from = 0, size = FIRST_BLOCK; from < own.length; from += size, size = Math.min(BLOCK_ROWS, from)) {
      const block = own.subarray(from, from + size);
      this.#memory.setSlots(block);
      this.#memory.scan(block.length, matrix.vectors, jobs.length);
      for (const [place, weighing] of weighings.entries()) {
        if (!weighing.take(this.#memory, place)) continue;
        for (const other of weighings) if (other.top === weighing.top) other.setBar();
      }
    }
    for (const weighing of weighings) weighing.end();
  }

  #match(slot: number, alike: number): ScanMatch {
    const { descriptors, persons } = this.#contents;
    const person = persons.personOf(slot);
    return {
      descriptor: descriptors.text(slot),
      person: person < 0 ? null : persons.ids.text(person),
      similarity: alike,
    };
  }
}
