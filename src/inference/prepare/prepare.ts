/** Makes the file a card describes out of its source: reads it, runs the card's steps in order, writes ONNX. */
import type { ModelCard, PrepareStep } from "../card.ts";
import { makeBatchDynamic } from "./dynamic-batch.ts";
import { flushDenormals } from "./flush-denormals.ts";
import { readOnnx, writeOnnx } from "./onnx-file.ts";
import { preluToConv } from "./prelu-to-conv.ts";
import { readTfjsModel } from "./tfjs-model.ts";
import { tfjsToOnnx } from "./tfjs-to-onnx.ts";
import { setUltrafaceInput } from "./ultraface-priors.ts";

/** A model's source as bytes. */
export interface SourceFiles {
  /** The file the card names. */
  readonly main: Uint8Array;
  /** Another file of the same folder, for formats that take several. */
  beside(name: string): Promise<Uint8Array>;
}

/**
 * Returns the prepared ONNX file; the same source and card always give the same bytes. Throws `model_prepare_failed`
 * when the source is not what the steps expect. A card without steps gets the source as it is.
 */
export async function prepareModel(
  files: SourceFiles,
  card: Pick<ModelCard, "prepare" | "input">,
): Promise<Uint8Array> {
  const steps = new Set<PrepareStep>(card.prepare);
  if (steps.size === 0) return files.main;
  const file = steps.has("tfjs-to-onnx")
    ? tfjsToOnnx(await readTfjsModel(files.main, (name) => files.beside(name)))
    : readOnnx(files.main);
  if (steps.has("dynamic-batch")) makeBatchDynamic(file);
  if (steps.has("ultraface-priors")) setUltrafaceInput(file, card.input.width, card.input.height);
  if (steps.has("prelu-to-conv")) preluToConv(file);
  if (steps.has("flush-denormals")) flushDenormals(file);
  return writeOnnx(file);
}
