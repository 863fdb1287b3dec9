/** A loaded model as stages use it: geometry in, decoded values out. The card says how (`card.ts`). */
import type { Box, Picture, Point } from "../media/picture.ts";
import type { ModelCard } from "./card.ts";

/** What a model is for; decides which outputs its card must describe. */
export const MODEL_TASKS = [
  "detect",
  "landmarks",
  "descriptor",
  "liveness",
  "pose",
  "eyes",
  "attributes",
  "emotion",
] as const;
export type ModelTask = (typeof MODEL_TASKS)[number];

/** What a crop is taken around. Which fields are needed depends on the card's crop rule. */
export interface Subject {
  /** The face (or eye) in picture pixels; not needed by rule `letterbox`, which takes the whole picture. */
  readonly box: Box;
  /** For rule `align`. */
  readonly five?: readonly Point[];
}

/** A face candidate of a detector, in picture pixels, after NMS, best first. */
export interface Detection {
  readonly box: Box;
  readonly score: number;
}

/** A decoded output; which kind is on the card. */
export type ModelOutput =
  | { readonly kind: "detections"; readonly detections: readonly Detection[] }
  /** Points in picture pixels. */
  | { readonly kind: "points"; readonly points: readonly Point[] }
  | { readonly kind: "vector"; readonly values: Float32Array }
  /** Probabilities that sum to 1, in the order of the card's labels. */
  | { readonly kind: "probabilities"; readonly values: Float32Array }
  | { readonly kind: "number"; readonly value: number };

/** Decoded outputs by the names the card gives them. */
export type ModelOutputs = Readonly<Record<string, ModelOutput>>;

/** A loaded model. Bound to its worker; `run` blocks that worker's thread while it computes. */
export interface Model {
  readonly card: ModelCard;
  /**
   * Crops around each subject, runs the network (in batches of at most the card's `batch`) and decodes. One result per
   * subject, in order. Throws `stage_failed` when the network fails.
   */
  run(picture: Picture, subjects: readonly Subject[]): Promise<readonly ModelOutputs[]>;
  /** The crop the card's rule takes around a subject, as an upright box in picture pixels (for quality and explain). */
  cropBox(picture: Pick<Picture, "width" | "height">, subject: Subject): Box;
}
