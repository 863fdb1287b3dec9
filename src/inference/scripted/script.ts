/**
 * What a stand-in answers in a network's place: plain data, so that it reaches the inference workers. Written with the
 * builders of `facewire/testing`; run by {@link ScriptedModel}.
 */
import type { Box, Point } from "../../media/picture.ts";

/** A face that a scripted detector finds. */
export interface ScriptedFace {
  /** In pixels of the upright picture; as a list: left, top, width, height. */
  readonly box: Box | readonly [x: number, y: number, width: number, height: number];
  /** 0..1; 0.99 when absent. The threshold of the model's card counts as for the network. */
  readonly score?: number;
}

/**
 * The value of one output. Which forms fit follows from the card's rule for the output:
 *
 * - detections: faces;
 * - points: the points in picture pixels;
 * - embedding: numbers (zeros follow where there are fewer), or a name: each name has a vector of its own;
 * - softmax and binary: a label, probabilities by label (those left out share the rest), or, where the card says which
 *   label is a live person, the probability of that one;
 * - expectation and value: a number.
 */
export type ScriptedValue =
  | readonly ScriptedFace[]
  | readonly Point[]
  | readonly number[]
  | Readonly<Record<string, number>>
  | string
  | number;

/** Values by the names the card gives its outputs; outputs left out have neutral values. */
export type ScriptedOutputs = Readonly<Record<string, ScriptedValue>>;

/** What happens in one call of the model. */
export interface ScriptedStep {
  /** Faces for the output that gives detections, whatever the card calls it. */
  readonly faces?: readonly ScriptedFace[];
  /** One entry for each face the model is shown; the last one is also for those beyond. */
  readonly outputs?: readonly ScriptedOutputs[];
  /** Milliseconds before it answers. */
  readonly delayMs?: number;
  /** Channel of a gate it waits at before it answers; see `gate.ts`. */
  readonly gate?: string;
  /** It fails with `stage_failed` and this message. */
  readonly fail?: string;
  /** The worker that runs it ends, as a crash of the native runtime would end it. */
  readonly crash?: boolean;
}

/** Steps for some of the pictures. */
export interface ScriptedRule {
  /** The picture's name, `*` standing for any letters. */
  readonly name?: string;
  /** The mark that was drawn into the picture; see `mark.ts`. */
  readonly mark?: string;
  /** Taken in turn, call by call; the last one stays. At least one. */
  readonly steps: readonly ScriptedStep[];
  /** Calls so far: one Int32, shared by all workers so that the turns are those of the whole server. */
  readonly calls: SharedArrayBuffer;
}

/** The script of one model. The first rule that fits the picture counts; pictures that fit none are answered neutrally. */
export interface ModelScript {
  readonly rules: readonly ScriptedRule[];
  /** The model cannot be loaded, as one whose file was never brought: `model_unavailable` with this message. */
  readonly unavailable?: string;
}
