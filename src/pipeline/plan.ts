/** A checked pipeline as workers run it: plain data, so that it can be sent to threads and processes as it is. */
import type { FrameSampling } from "../media/video/video.ts";
import type { AggregateMethod } from "../stages/stage.ts";
import type { ParameterDeclarations } from "./parameters.ts";

/** A stage with its options filled in and its place in the data flow. */
export interface PlannedStage {
  readonly type: "stage";
  /** Unique in the plan, such as `3. liveness` or, where the file names it, `3. liveness (strict)`. */
  readonly id: string;
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Names of the model cards it uses (aliases resolved). */
  readonly models: readonly string[];
  /** `model_missing: fail`: without its models it is planned all the same, and items that need it fail. */
  readonly modelMissing?: "fail";
  /** Models it names that have no card. */
  readonly missingModels?: readonly string[];
  /** Source of its `when:` expression. */
  readonly when?: string;
  /** Slots it takes of a named pool while it runs. */
  readonly pool?: { readonly name: string; readonly slots: number };
  /** Group of processes that this stage and all behind it go to. */
  readonly place?: string;
}

/** Branches that do not need each other's parts; their stages may run in any order. */
export interface PlannedParallel {
  readonly type: "parallel";
  readonly branches: readonly (readonly PlannedStep[])[];
}

export type PlannedStep = PlannedStage | PlannedParallel;

/** What workers need of a pipeline. */
export interface Plan {
  readonly name: string;
  /** First 12 hex digits of the sha256 of the definition and of those it uses. */
  readonly version: string;
  readonly steps: readonly PlannedStep[];
  /** Which part of the pipeline this is, where it runs in several places; see `legs.ts`. */
  readonly leg?: number;
  readonly accepts: readonly ("image" | "video")[];
  /** What a request may choose. */
  readonly parameters: ParameterDeclarations;
  /** Which frames of videos are analysed where the request does not say. */
  readonly sampling: FrameSampling;
  readonly deadlineMs: number;
  /** Of requests with videos. */
  readonly videoDeadlineMs: number;
  readonly maxFiles: number;
  /** Most analysed frames of one request. */
  readonly maxFrames: number;
  readonly maxFaces: number;
  readonly priority: number;
  /** By key, such as `liveness`: the method and the stage whose options it is done with. */
  readonly aggregate: Readonly<
    Record<string, { method: AggregateMethod; kind: string; options: Readonly<Record<string, unknown>> }>
  >;
}

/** The stages of a plan in the order they are written, branches one after the other. */
export function stagesOf(steps: readonly PlannedStep[]): PlannedStage[] {
  return steps.flatMap((step) => (step.type === "stage" ? [step] : step.branches.flatMap(stagesOf)));
}

/** Key under which workers hold a plan. */
export function planKey({ name, version, leg }: Pick<Plan, "name" | "version" | "leg">): string {
  return leg === undefined ? `${name}@${version}` : `${name}@${version}#${leg}`;
}
