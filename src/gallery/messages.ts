/** What the main thread and the scan threads tell each other. Messages to a thread are handled in their order. */
import type { PublicError } from "../errors.ts";
import type { GalleryChange, LoadedMember } from "../store/gallery/changes.ts";
import type { Vector } from "../store/gallery/records.ts";
import type { ScanMatch, ScanSearch } from "./scan.ts";
import type { ComparableVersion } from "./versions.ts";

/** What a thread starts with. */
export interface ScanThreadData {
  readonly versions: readonly ComparableVersion[];
}

/** Descriptors of one model, version and length, packed so that sending them copies nothing. */
export interface PackedDescriptors {
  readonly model: string;
  readonly version: string;
  readonly values: number;
  readonly floats: Float32Array;
  /** Four words each. */
  readonly ids: Uint32Array;
  /** Four words each; zeros where there is no person. */
  readonly persons: Uint32Array;
  /** Place in `names`. */
  readonly accounts: Uint32Array;
  readonly names: readonly string[];
}

/** To a thread. Those with an `id` are answered with the same. */
export type ToScanThread =
  /** Forget everything: it is loaded anew. The thread is this one of so many, and keeps the descriptors whose ids fall to it. */
  | { readonly type: "reset"; readonly place: number; readonly threads: number }
  | { readonly type: "descriptors"; readonly id: number; readonly parts: readonly PackedDescriptors[] }
  | { readonly type: "members"; readonly id: number; readonly members: readonly LoadedMember[] }
  | { readonly type: "changes"; readonly id: number; readonly changes: readonly GalleryChange[] }
  | { readonly type: "search"; readonly id: number; readonly searches: readonly ScanSearch[] }
  | {
      readonly type: "compare";
      readonly id: number;
      readonly probes: readonly Vector[];
      readonly others: readonly Vector[];
    }
  | { readonly type: "stop" };

/** What a thread holds. */
export interface ThreadState {
  readonly descriptors: number;
  readonly bytes: number;
}

/** What is answered to each message. */
export interface ScanAnswers {
  readonly descriptors: ThreadState;
  readonly members: ThreadState;
  readonly changes: ThreadState;
  readonly search: readonly (readonly ScanMatch[])[];
  readonly compare: Float64Array;
}

/** From a thread. */
export type FromScanThread =
  | { readonly type: "ready" }
  | { readonly type: "answer"; readonly id: number; readonly answer: ScanAnswers[keyof ScanAnswers] }
  | { readonly type: "failed"; readonly id: number; readonly error: PublicError };
