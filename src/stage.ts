/**
 * What a stage file of your own imports, wherever it lies: `import { defineStage } from "facewire/stage"`. See
 * CONTRIBUTING.md for a whole one.
 */

export { type Static, Type } from "@sinclair/typebox";
export { FacewireError } from "./errors.ts";
export type {
  Detection,
  Model,
  ModelOutput,
  ModelOutputs,
  ModelTask,
  Subject,
} from "./inference/model.ts";
export type { Box, Picture, Point } from "./media/picture.ts";
export type { Face, FaceCrop, Item, Landmarks, Liveness, Part, Pose, Quality } from "./stages/item.ts";
export { outputOf, requireLabels, requireOutput, toLabelled } from "./stages/model-outputs.ts";
export { modelName, oneOf, pixels, share, stageOptions, toPixels } from "./stages/options.ts";
export {
  AGGREGATE_METHODS,
  type AggregateInput,
  type AggregateMethod,
  defineStage,
  type ModelUse,
  type Stage,
  type StageAggregation,
  type StageContext,
  type StageEnvironment,
  type StageKind,
} from "./stages/stage.ts";
export { subjectOf } from "./stages/subject.ts";
