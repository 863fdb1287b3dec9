/**
 * Fits an UltraFace detector to another input size. Its convolutions take any size; what fixes it are the prior boxes
 * stored as constants. They follow from the size alone, so they are computed anew.
 */
import { FacewireError } from "../../errors.ts";
import { constantTensors, floatValues, type OnnxFile, setFloatValues, tensorDims } from "./onnx-file.ts";

/** Pixels between the cells of the four feature maps, as UltraFace was trained (vision/ssd/config/fd_config.py). */
const STEPS = [8, 16, 32, 64] as const;
/** Sides in pixels of the prior boxes of each feature map, from the same file. */
const SIDES = [
  [10, 16, 24],
  [32, 48],
  [64, 96],
  [128, 192, 256],
] as const;
/** The stored priors differ from the computed ones by rounding only. */
const TOLERANCE = 1e-4;

interface Priors {
  /** x y per prior, in 0..1 of the input. */
  readonly centres: Float32Array;
  /** width height per prior, in 0..1 of the input. */
  readonly sizes: Float32Array;
}

/** Prior boxes of an input of `width` x `height` pixels, in the order of the network's rows. */
export function ultrafacePriors(width: number, height: number): Priors {
  const centres: number[] = [];
  const sizes: number[] = [];
  STEPS.forEach((step, map) => {
    const columns = Math.ceil(width / step);
    const rows = Math.ceil(height / step);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (const side of SIDES[map]!) {
          centres.push((column + 0.5) / columns, (row + 0.5) / rows);
          sizes.push(Math.min(1, side / width), Math.min(1, side / height));
        }
      }
    }
  });
  return { centres: new Float32Array(centres), sizes: new Float32Array(sizes) };
}

/**
 * Rewrites the model in place for an input of `width` x `height`. Throws `model_prepare_failed` when the file does not
 * hold the priors of its present input size.
 */
export function setUltrafaceInput(file: OnnxFile, width: number, height: number): void {
  const dims = file.graph.input[0]?.type?.tensorType?.shape?.dim;
  if (dims?.length !== 4) throw new FacewireError("model_prepare_failed", "The detector's input is not NCHW.");
  const [, , rows, columns] = dims;
  const present = ultrafacePriors(Number(columns!.dimValue), Number(rows!.dimValue));
  const wanted = ultrafacePriors(width, height);
  const replaced = new Set<keyof Priors>();
  for (const tensor of constantTensors(file).values()) {
    const [one, count, pair] = tensorDims(tensor);
    if (one !== 1 || pair !== 2 || count !== present.centres.length / 2) continue;
    const values = floatValues(tensor);
    for (const part of ["centres", "sizes"] as const) {
      if (!near(values, present[part])) continue;
      setFloatValues(tensor, wanted[part]);
      tensor.dims = [1, wanted[part].length / 2, 2];
      replaced.add(part);
    }
  }
  if (replaced.size !== 2) {
    throw new FacewireError(
      "model_prepare_failed",
      "The file does not hold UltraFace's prior boxes for its input size.",
    );
  }
  columns!.dimValue = width;
  rows!.dimValue = height;
  for (const output of file.graph.output) {
    const priors = output.type?.tensorType?.shape?.dim?.[1];
    if (priors) priors.dimValue = wanted.centres.length / 2;
  }
  file.graph.valueInfo = [];
}

function near(values: Float32Array, expected: Float32Array): boolean {
  return values.length === expected.length && values.every((value, i) => Math.abs(value - expected[i]!) < TOLERANCE);
}
