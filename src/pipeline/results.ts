/**
 * What a run of a pipeline is asked for and answers: the JSON of the native API, of `facewire run --json` and, later, of
 * jobs and events. Keys are snake_case because they are shown to users as they are.
 */
import type { ErrorDetails, PublicError } from "../errors.ts";
import type { PictureFormat } from "../media/picture.ts";
import type { FrameSampling } from "../media/video/video.ts";
import type { FaceJson } from "../stages/face-json.ts";
import type { Face } from "../stages/item.ts";
import type { ParameterDeclarations, ParameterValues } from "./parameters.ts";

export type { AttributeJson, BoxJson, FaceJson } from "../stages/face-json.ts";

/** A picture or a video to run. Which of the two it is, its content says. */
export interface RunFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One request to the engine. */
export interface RunRequest {
  /** Request id; shown in logs, traces, dead letters and the answer. */
  readonly id: string;
  readonly pipeline: string;
  /**
   * One or more pictures and videos; each picture and each analysed frame gives one {@link ItemResult}, and all together
   * one aggregate.
   */
  readonly files: readonly RunFile[];
  /** Which frames of videos are analysed; the pipeline's own `video:` when absent. */
  readonly sampling?: FrameSampling;
  /** 0 (waits longest) to 9; the pipeline's own priority when absent. */
  readonly priority?: number;
  /** Milliseconds from now; the pipeline's `limits.deadline` when absent, never more than it. */
  readonly deadlineMs?: number;
  /**
   * Values of parameters that the pipeline declares, by name; those that are absent have their defaults. Unknown names and
   * values that do not fit are refused with `request_invalid`.
   */
  readonly parameters?: ParameterValues;
  /** Adds each stage's trace to the items. */
  readonly explain?: boolean;
  /** Adds a JPEG of each picture with boxes, landmarks and verdicts. */
  readonly draw?: boolean;
  /** Adds the EXIF fields of each picture. */
  readonly exif?: boolean;
  /** W3C trace context of the caller. */
  readonly traceparent?: string;
  /** Aborted when the caller no longer wants the answer; its work is then cancelled. */
  readonly signal?: AbortSignal;
  /** `index` of the first item; 0 when absent. */
  readonly firstIndex?: number;
  /** Called with each item's result as it comes. `primary` is what {@link Engine.aggregate} takes. */
  readonly onItem?: (item: ItemResult, primary?: PrimaryFace) => void;
}

/** A video in a file, of any length, run frame by frame. */
export interface VideoRunRequest extends Omit<RunRequest, "files" | "deadlineMs" | "onItem"> {
  /** The file; it must stay until the run ends. */
  readonly path: string;
  /** What it is called in results. */
  readonly name: string;
  /** Position of the file in its job; 0 when absent. */
  readonly file?: number;
  /** Goes on behind this frame of an earlier run. */
  readonly after?: { readonly number: number; readonly timeS: number };
  /** False leaves the aggregate empty and keeps nothing for it: for who makes one of the primary faces, however many. */
  readonly aggregate?: boolean;
  /** The best frame of the earlier run, as {@link onBest} told it. */
  readonly best?: RankedFrame;
  /** Called with each frame that is better than all that are done. */
  readonly onBest?: (frame: RankedFrame) => void;
  /** Called once, before the first frame, with the sampling that holds. */
  readonly onInfo?: (video: VideoFacts, sampling: FrameSampling) => void;
  /**
   * Called with each frame's result, in the order of the frames; the next one waits until it resolves. A rejection ends the
   * run with what it was rejected with. `primary` is what {@link Engine.aggregate} takes.
   */
  readonly onItem: (item: ItemResult, primary: PrimaryFace | undefined) => void | Promise<void>;
}

/** The largest face of an item that no gate rejected, with all its parts in full precision; plain data. */
export type PrimaryFace = Readonly<Face>;

/** What is known of a video as it is opened. */
export interface VideoFacts {
  readonly container: string;
  readonly codec: string;
  /** Of the upright frames as filmed. */
  readonly width: number;
  readonly height: number;
  /** Degrees clockwise that frames were turned to be upright. */
  readonly rotation: number;
  /** As the file declares them; null where it does not. */
  readonly duration_s: number | null;
  readonly frame_rate: number | null;
}

/** The frame a person would keep: the `ok` one whose primary face has the greatest quality (else the greatest score). */
export interface BestFrame {
  /** Among the items of the answer. */
  readonly index: number;
  readonly number: number;
  readonly time_s: number;
  /** The whole frame as JPEG, base64. */
  readonly content_type: "image/jpeg";
  readonly width: number;
  readonly height: number;
  readonly data: string;
}

/** A frame with what it is compared by; greater is better. */
export interface RankedFrame extends BestFrame {
  readonly rank: number;
}

/** One video of an answer. */
export interface VideoSummary extends VideoFacts {
  /** Position of the file in the request. */
  readonly file: number;
  readonly name: string;
  readonly frames_decoded: number;
  readonly frames_analysed: number;
  /** `damaged`: frames behind the last decoded one could not be read. `deadline`: the time was up before the end. */
  readonly ended: "complete" | "damaged" | "deadline";
  readonly best_frame: BestFrame | null;
}

/** The end of a {@link VideoRunRequest}. */
export interface VideoRunResult
  extends Pick<RunResult, "request" | "pipeline" | "version" | "aggregate" | "elapsed_ms"> {
  readonly video: VideoSummary;
}

/** What one stage did with one item; only with `explain`. */
export interface StageTrace {
  /** Stage as written in the pipeline, with its position, such as `3. liveness`. */
  readonly stage: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Faces it was given and faces there were afterwards that are not rejected. */
  readonly faces_in: number;
  readonly faces_out: number;
  /** The parts it read, as they were. */
  readonly input: unknown;
  /** The parts it wrote. */
  readonly output: unknown;
  readonly elapsed_ms: number;
  /** Time spent waiting for slots of the stage's pool, included in `elapsed_ms`. */
  readonly waited_ms: number;
  /** False where `when` let no face through. */
  readonly ran: boolean;
  /** Why it came out as it did. */
  readonly reasons: readonly string[];
}

/**
 * `ok`: at least one face went through every gate. `no_face`: none was found. `rejected`: faces were found, all were
 * turned away by gates. `failed`: see `error`.
 */
export type ItemStatus = "ok" | "no_face" | "rejected" | "failed";

/** The answer for one picture or one analysed frame. */
export interface ItemResult {
  readonly index: number;
  readonly name: string;
  /** Only for frames of videos: the file's position in the request, the frame's among all decoded ones, and its time. */
  readonly frame?: { readonly file: number; readonly number: number; readonly time_s: number };
  readonly status: ItemStatus;
  readonly picture?: {
    readonly width: number;
    readonly height: number;
    readonly format: PictureFormat;
    readonly exif?: Readonly<Record<string, unknown>>;
  };
  readonly faces: readonly FaceJson[];
  readonly error?: PublicError;
  /** Milliseconds: waiting for a worker, decoding, all stages. */
  readonly timing?: { readonly queue_ms: number; readonly decode_ms: number; readonly stages_ms: number };
  readonly explain?: readonly StageTrace[];
  /** JPEG bytes; dialects decide how to send them. Not part of the JSON. */
  readonly drawn?: Uint8Array;
}

/** One value put together over the pictures of a request. */
export interface AggregateValue {
  readonly method: string;
  /** Pictures whose primary face had the part. */
  readonly pictures: number;
  /** The aggregated value, in the shape the part has on a face. */
  readonly value: unknown;
}

/** The answer to a request. */
export interface RunResult {
  readonly request: string;
  readonly pipeline: string;
  /** First 12 hex digits of the sha256 of the definition that ran. */
  readonly version: string;
  readonly items: readonly ItemResult[];
  /** Only where videos were sent. */
  readonly videos?: readonly VideoSummary[];
  /**
   * Over the primary face of each `ok` item (the largest face that no gate rejected). Keys as under `aggregate:` of the
   * pipeline; a key is null when no picture had the part.
   */
  readonly aggregate: Readonly<Record<string, AggregateValue | null>>;
  readonly elapsed_ms: number;
}

/** Condition of a part of the engine. */
export interface PartHealth {
  readonly status: "ok" | "degraded" | "failed";
  readonly message?: string;
  readonly details?: ErrorDetails;
}

/** What `GET /v1/pipelines` lists. */
export interface PipelineSummary {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly accepts: readonly ("image" | "video")[];
  /**
   * `loading`: its models are being loaded, requests wait for that. `stale`: the file on disk is broken and the last good
   * version runs. `unavailable`: it cannot run (a model is missing).
   */
  readonly status: "ok" | "loading" | "stale" | "unavailable";
  readonly error?: PublicError;
}

/** A step of a plan as a graph: nodes are stages, edges carry the parts one stage writes and another reads. */
export interface PlanGraph {
  readonly nodes: readonly {
    readonly id: string;
    readonly stage: string;
    readonly kind: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly reads: readonly string[];
    readonly writes: readonly string[];
    readonly models: readonly string[];
    /** Without its models it is there all the same, and pictures that need it fail. */
    readonly model_missing?: "fail";
    /** Models it names that have no card. */
    readonly missing_models?: readonly string[];
    readonly pool?: { readonly name: string; readonly slots: number };
    readonly when?: string;
    /** Group of processes it runs in, where the file says so; without it it runs where the request came in. */
    readonly place?: string;
    /** Mean milliseconds per item over the last runs; null before the first. */
    readonly measured_ms: number | null;
    /** The kind's own statement of its cost. */
    readonly cost: string;
  }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly parts: readonly string[];
    /** The stages are in different places: where NATS connects processes the parts go over it. */
    readonly bus?: true;
  }[];
  /** Where an item goes from one place to another, in order; null is the process where the request came in. */
  readonly hops: readonly PlanHop[];
}

/** An item's way between two places, and all it carries. */
export interface PlanHop {
  readonly from: string | null;
  readonly to: string | null;
  /** First stage in the new place; null on the way back with the results. */
  readonly before: string | null;
  /** `file`: a picture goes as it came. `jpeg`: a frame of a video goes as JPEG. Empty: no picture is sent. */
  readonly picture: readonly ("file" | "jpeg")[];
  /** Everything written on the faces so far. */
  readonly parts: readonly string[];
}

/** What `GET /v1/pipelines/{name}` answers. */
export interface PipelineDetail extends PipelineSummary {
  /** The definition as written, parsed. */
  readonly definition: unknown;
  /** The definition's own text (YAML). */
  readonly source: string;
  readonly limits: { readonly deadline_ms: number; readonly files: number };
  /** What a request may choose, by name. */
  readonly parameters: ParameterDeclarations;
  readonly aggregate: Readonly<Record<string, string>>;
  readonly plan: PlanGraph;
  /** JSON Schema of the options of every stage kind the pipeline uses. */
  readonly stage_schemas: Readonly<Record<string, unknown>>;
}

/** What dialects, the CLI and the benchmark use: pictures in, one answer per request. */
export interface Engine {
  /**
   * Runs a pipeline. Resolves with an answer whose items may have failed one by one; rejects with a
   * `FacewireError` when the request as a whole was not taken (`pipeline_unknown`, `overloaded`, `shutting_down`,
   * `pipeline_unavailable`, `request_invalid`) or was cancelled (`request_cancelled`).
   */
  run(request: RunRequest): Promise<RunResult>;
  /**
   * Runs a video of any length frame by frame, holding no more than a few frames. Each frame has the pipeline's own
   * deadline. Rejects as {@link run} does, with a `video_*` error, and with `input_not_accepted`; frames fail one by one.
   */
  runVideo(request: VideoRunRequest): Promise<VideoRunResult>;
  /** The aggregate of a pipeline over primary faces, one an item, in the order of the items. Throws `pipeline_unknown`. */
  aggregate(pipeline: string, faces: readonly PrimaryFace[]): RunResult["aggregate"];
  /**
   * Throws what {@link run} would reject with for this pipeline now, before any body is read: `pipeline_unknown` (with
   * the nearest name), `overloaded` (details.retry_after_s), `shutting_down`, `pipeline_unavailable`; with parameters also
   * `request_invalid`.
   */
  admit(pipeline: string, parameters?: ParameterValues): void;
  pipelines(): readonly PipelineSummary[];
  /** Throws `pipeline_unknown` with `details.nearest`. */
  pipeline(name: string): PipelineDetail;
  /** Checks a definition (YAML or JSON text) as if it were a file; throws `pipeline_invalid` with `details.problems`. */
  validate(source: string, file?: string): PipelineDetail;
  /** Parts by name: `workers`, `models`, `pipelines`, `queue`, …; a failed model or pipeline is named in `details`. */
  health(): Readonly<Record<string, PartHealth>>;
  /**
   * Stops taking requests and finishes the accepted ones until `timeoutMs`; what is left then ends with `shutting_down`.
   * Then stops the workers. Nothing that videos had open is left.
   */
  drain(timeoutMs: number): Promise<void>;
}
