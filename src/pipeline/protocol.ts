/** What the main thread and an inference worker say to each other. Plain data: it crosses a thread boundary. */
import type { PublicError } from "../errors.ts";
import type { ModelCard } from "../inference/card.ts";
import type { ModelScript } from "../inference/scripted/script.ts";
import type { PictureLimits } from "../media/limits.ts";
import type { PictureFormat } from "../media/picture.ts";
import type { FramePixels } from "../media/video/video.ts";
import type { Face } from "../stages/item.ts";
import type { Snapshot } from "./best-frame.ts";
import type { StageTime } from "./executor.ts";
import type { ParameterValues } from "./parameters.ts";
import type { Plan } from "./plan.ts";
import type { StageTrace } from "./results.ts";

/** What a worker starts with. */
export interface WorkerSetup {
  /** Absolute paths of a user's own stage files. */
  readonly stageFiles: readonly string[];
  readonly cards: readonly ModelCard[];
  /** Prepared model files by card name. */
  readonly modelFiles: Readonly<Record<string, string>>;
  /** Stand-ins for models, by card name. */
  readonly scripts: Readonly<Record<string, ModelScript>>;
  readonly limits: PictureLimits;
  /** One Int32 an item slot; 1 means the item is no longer wanted. Seen by a worker that is busy computing. */
  readonly cancelled: SharedArrayBuffer;
}

/**
 * What a worker makes a picture of: an encoded file, or a frame of a video. `fromFrame`: the file is a JPEG that a frame
 * was written to on its way to another place.
 */
export type ItemInput =
  | { readonly type: "file"; readonly bytes: Uint8Array; readonly fromFrame?: boolean }
  | { readonly type: "frame"; readonly pixels: FramePixels };

/** One picture to run. */
export interface ItemTask {
  readonly id: string;
  readonly plan: string;
  readonly index: number;
  readonly name: string;
  readonly input: ItemInput;
  /** What the legs before found; nothing where this is the first. */
  readonly faces: readonly Face[];
  /** Whether another leg follows elsewhere: a frame is then also wanted as a file. */
  readonly carry: boolean;
  /** The picture is wanted as JPEG when its rank (see `best-frame.ts`) is above this; never when absent. */
  readonly snapshotAbove?: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Index into {@link WorkerSetup.cancelled}. */
  readonly slot: number;
  /** Values of all parameters of the pipeline. */
  readonly parameters: ParameterValues;
  readonly explain: boolean;
  readonly draw: boolean;
  readonly exif: boolean;
}

/** What came of a task. */
export interface ItemOutcome {
  readonly picture?: {
    readonly width: number;
    readonly height: number;
    readonly format: PictureFormat;
    readonly exif?: Readonly<Record<string, unknown>>;
  };
  readonly faces: readonly Face[];
  readonly error?: PublicError;
  /** The failure in the worker's own words, for logs and dead letters. */
  readonly internal?: string;
  readonly decodeMs: number;
  readonly times: readonly StageTime[];
  readonly traces: readonly StageTrace[];
  readonly drawn?: Uint8Array;
  /** The frame as JPEG: for the next leg, or with an error, to be kept with it. */
  readonly carried?: Uint8Array;
  /** The whole picture as JPEG, with its rank. */
  readonly snapshot?: Snapshot;
}

export type ToWorker =
  | { readonly type: "define"; readonly key: string; readonly plan: Plan }
  | { readonly type: "forget"; readonly key: string }
  | { readonly type: "run"; readonly task: ItemTask }
  /** Answer to `acquire`: granted, or the reason it is not. */
  | { readonly type: "lease"; readonly lease: number; readonly error?: PublicError }
  /** End by yourself when nothing is running. */
  | { readonly type: "stop" };

export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "defined"; readonly key: string; readonly error?: PublicError; readonly internal?: string }
  | { readonly type: "done"; readonly id: string; readonly outcome: ItemOutcome }
  | {
      readonly type: "acquire";
      readonly lease: number;
      readonly id: string;
      readonly pool: string;
      readonly slots: number;
    }
  | { readonly type: "release"; readonly lease: number };
