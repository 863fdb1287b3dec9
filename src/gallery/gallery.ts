/**
 * The galleries in memory: exact searches over the descriptors of the database, always as fresh as it. Every search first
 * asks the database for the position of the last change and takes over what it has not seen yet, so it finds whatever any
 * process was told is stored, and nothing that any process was told is gone.
 */
import type { Vector } from "../store/gallery/records.ts";

/** Among which descriptors is searched. Ids that do not exist are no candidates. */
export type Candidates =
  | { readonly list: string }
  | { readonly persons: readonly string[] }
  | { readonly descriptors: readonly string[] };

/** One search. */
export interface GallerySearch {
  readonly account: string;
  /** What is looked for; of several vectors the most alike counts. Vectors meet only those of their model and version. */
  readonly probes: readonly Vector[];
  readonly candidates: Candidates;
  /** `person`: each person once, with its most alike descriptor. `descriptor`: each descriptor once. */
  readonly by: "person" | "descriptor";
  /** Most matches. */
  readonly limit: number;
  /** Least similarity, 0 to 1; 0 when absent. */
  readonly atLeast?: number;
  /** Epoch milliseconds; rejects with `deadline_exceeded` behind it. */
  readonly deadline?: number;
  /** Aborted when nobody waits any more: a search in several parts ends early, with `request_cancelled`. */
  readonly signal?: AbortSignal;
}

/** One match. */
export interface GalleryMatch {
  readonly descriptor: string;
  readonly person: string | null;
  /** 0 to 1, as the model's card calibrates it. */
  readonly similarity: number;
}

/** How far a gallery is. */
export interface GalleryState {
  readonly loaded: boolean;
  /** Descriptors in memory. */
  readonly descriptors: number;
  /** Bytes of memory they take, all copies and indexes counted. */
  readonly bytes: number;
}

/** See the file's head. */
export interface Gallery {
  /**
   * Matches by falling similarity, equal ones by rising id (the person's, or the descriptor's). Waits while the gallery is
   * loaded. Rejects with `store_unavailable`, `deadline_exceeded`, `shutting_down`.
   */
  search(search: GallerySearch): Promise<readonly GalleryMatch[]>;
  /**
   * Tells that a search is on its way, until the answer is disposed of: just before it is asked for, or when it will not come
   * after all. Searches that are ready wait a moment for those that are expected (at most 130 ms), because several in one pass
   * cost less.
   */
  expect(): Disposable;
  /**
   * Similarity of each of `probes` with each of `others`, row by row; NaN where model or version differ. Nothing stored is
   * touched; the work is done off the calling thread.
   */
  compare(probes: readonly Vector[], others: readonly Vector[]): Promise<Float64Array>;
  state(): GalleryState;
  /** Ends it; searches that wait are rejected with `shutting_down`. */
  close(): Promise<void>;
}
