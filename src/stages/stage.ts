/** The contract of a stage: what a file in this folder exports, and what it is given to work with. */
import type { Static, TObject } from "@sinclair/typebox";
import type { Model, ModelTask } from "../inference/model.ts";
import type { Face, Item, Part } from "./item.ts";

/** A model a stage wants, by card name or alias, and the task it must have. */
export interface ModelUse {
  readonly name: string;
  readonly task: ModelTask;
  /** Outputs its card must describe beyond what the task needs, so that asking for one that is not there fails at check. */
  readonly outputs?: readonly string[];
}

/** How values of a part are put together over the pictures of a request. */
export const AGGREGATE_METHODS = [
  "mean",
  "minimum",
  "maximum",
  "majority",
  "best-quality",
  "quality-weighted-mean",
  "quality-weighted-logit-mean",
] as const;
export type AggregateMethod = (typeof AGGREGATE_METHODS)[number];

/** One face of a request with its weight: the overall quality 0..1, or 1 where no quality was measured. */
export interface AggregateInput {
  readonly face: Face;
  readonly weight: number;
}

/** How a stage's part is aggregated; absent for parts that make no sense over several pictures. */
export interface StageAggregation {
  /** Key under `aggregate:` in a pipeline, such as `liveness`. */
  readonly key: string;
  /** Methods that fit this part; the first is the one to use when nothing speaks against it. */
  readonly methods: readonly AggregateMethod[];
  /**
   * Puts the values together. `options` are those of the stage in this pipeline; `inputs` is not empty and every face has
   * the stage's part. Returns plain JSON (descriptors as Float32Array).
   */
  aggregate(inputs: readonly AggregateInput[], method: AggregateMethod, options: unknown): unknown;
}

/** What a stage is built with, once per worker and pipeline version. */
export interface StageEnvironment {
  /** Loads a model by name or alias; rejects with `model_unavailable`. */
  model(name: string): Promise<Model>;
}

/** What a stage is given with every item. */
export interface StageContext {
  /** Throws `request_cancelled` or `deadline_exceeded` when the work is no longer wanted. Call it between faces. */
  checkpoint(): void;
  /** Notes why something came out as it did; shown by `explain`. Cheap when nobody asked: pass a function. */
  explain(reason: () => string, face?: Face): void;
}

/** A built stage. */
export interface Stage {
  /**
   * Works on one item. `faces` are the ones it should handle: not rejected, and let through by the stage's `when`.
   * It writes its parts onto them (the detector replaces `item.faces`).
   */
  run(item: Item, faces: readonly Face[], context: StageContext): void | Promise<void>;
}

/** A kind of stage: everything the planner, the docs and the workers need to know of it. */
export interface StageKind<S extends TObject = TObject> {
  /** The word in pipeline files, such as `detect`. */
  readonly kind: string;
  /** One line for lists. */
  readonly summary: string;
  /** A paragraph: what it does and how. */
  readonly description: string;
  /** A few lines of a pipeline that use it. */
  readonly example: string;
  /** Options with types, defaults, ranges and one-line descriptions; unknown options are errors. */
  readonly options: S;
  /** Parts that must have been written before, given the options. */
  reads(options: Static<S>): readonly Part[];
  /** Parts it writes on every face it handles. */
  writes(options: Static<S>): readonly Part[];
  /** What it drops or rejects, in a sentence. */
  readonly drops: string;
  /** What it costs, in a sentence with the figure and the machine it was measured on. */
  readonly cost: string;
  /** Models it needs, given the options. */
  models(options: Static<S>): readonly ModelUse[];
  readonly aggregation?: StageAggregation;
  /** Builds the stage; fails early (missing outputs, wrong sizes) rather than on the first item. */
  create(options: Static<S>, environment: StageEnvironment): Promise<Stage>;
}

/** Keeps the option types of a stage file while giving it the common type. */
export function defineStage<S extends TObject>(kind: StageKind<S>): StageKind {
  return kind as unknown as StageKind;
}
