/** What the benchmark says to the process that makes HTTP requests. */
import type { EncodedPicture } from "../pictures.ts";

/** Where pictures go instead of through pipelines. */
export interface LoadTarget {
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Without it requests have no body. */
  readonly pictures: boolean;
}

/** One request is one picture as raw body through one pipeline, or to another target. */
export type LoadOrder =
  | {
      readonly type: "target";
      readonly url: string;
      readonly pictures: readonly EncodedPicture[];
      readonly pipelines: readonly string[];
      readonly target?: LoadTarget;
    }
  /** As many requests at any time as there are connections; the next one follows each answer. */
  | { readonly type: "closed"; readonly connections: number; readonly forMs: number }
  /** The same until so many were answered. */
  | { readonly type: "count"; readonly connections: number; readonly requests: number }
  /** So many requests a second, whether the server keeps up or not. */
  | { readonly type: "open"; readonly perSecond: number; readonly forMs: number };

/** Answered requests of one kind. */
export interface Outcomes {
  readonly count: number;
  /** Milliseconds from the first byte sent to the last one read. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

export interface LoadReport {
  readonly elapsedMs: number;
  /** Answered with 200 or 201. */
  readonly answered: Outcomes;
  /** Answered with 429 or 503. */
  readonly refused: Outcomes;
  /** The first of these answers; empty where there was none. */
  readonly refusal: string;
  /** Anything else, by status; 0 is a connection that failed. */
  readonly failed: Readonly<Record<string, number>>;
}

export interface LoadAnswers {
  readonly ready: object;
  readonly target: object;
  readonly closed: LoadReport;
  readonly count: LoadReport;
  readonly open: LoadReport;
}
