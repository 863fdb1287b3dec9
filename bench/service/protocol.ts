/** What the benchmark says to the process that serves, and what that answers. */
import type { FrameSampling } from "../../src/media/video/video.ts";
import type { EncodedPicture } from "../pictures.ts";

/** One request is one picture through one pipeline. */
export type ServiceOrder =
  /** Pictures for `run`. */
  | { readonly type: "pictures"; readonly pictures: readonly EncodedPicture[]; readonly pipelines: readonly string[] }
  /** `engine.run` in this process, `atOnce` requests at any time, for a while. */
  | { readonly type: "run"; readonly atOnce: number; readonly forMs: number }
  /** A video from a file through a pipeline. */
  | { readonly type: "video"; readonly path: string; readonly pipeline: string; readonly sampling: FrameSampling }
  /**
   * Tells the events of `events/told.ts` from a number on, at this rate, for a while, as requests that end would; with the
   * e-mail of an account of the LUNA API those of `events/luna-told.ts`.
   */
  | {
      readonly type: "tell";
      readonly from: number;
      readonly perSecond: number;
      readonly forMs: number;
      readonly account?: string;
    }
  /** Tells as many events as are taken, for a while; nobody may follow them. */
  | { readonly type: "push"; readonly into: "recorder" | "database"; readonly forMs: number }
  /** Begins to watch how late the main thread's event loop is, and the time on cores. */
  | { readonly type: "watch" }
  /** Ends it. */
  | { readonly type: "unwatch" }
  | { readonly type: "memory" }
  | { readonly type: "stop" };

/** Milliseconds by which the event loop was late. */
export interface Lateness {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
  readonly samples: number;
}

/** Answers to the orders, in their order; `ready` comes first by itself. */
export interface ServiceAnswers {
  readonly ready: { readonly url: string; readonly lunaUrl: string | undefined };
  readonly pictures: object;
  readonly run: {
    readonly requests: number;
    readonly failed: number;
    readonly elapsedMs: number;
    /** Milliseconds that all threads of the process were on a core. */
    readonly cpuMs: number;
  };
  readonly video: {
    /** Frames with exactly one face, and all that were analysed. */
    readonly good: number;
    readonly frames: number;
    readonly elapsedMs: number;
  };
  readonly tell: {
    /** Number of the first event that was not told. */
    readonly to: number;
    /** Events that could not be kept. */
    readonly lost: number;
  };
  readonly push: { readonly events: number; readonly elapsedMs: number };
  readonly watch: object;
  readonly unwatch: Lateness & { readonly cpuMs: number };
  /** MiB that the process holds in memory. */
  readonly memory: { readonly residentMiB: number };
  readonly stop: object;
}
