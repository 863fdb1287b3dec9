/**
 * Sets weights so small that they cannot matter to zero. Processors take tens of cycles for each denormal number, and
 * products of tiny weights become denormal: some published models run 6 to 20 times slower because of them.
 */
import { constantTensors, floatValues, ONNX_FLOAT, type OnnxFile, setFloatValues } from "./onnx-file.ts";

/**
 * Weights below this are zeroed. It lies far above the denormals of float32 (1.2e-38) because a tiny weight times a
 * small activation is denormal as well, and far below anything that changes an output (float32 resolves 6e-8 of a sum).
 */
const LEAST_WEIGHT = 1e-20;

/** Zeroes the tiny weights of all float constants in place; returns how many there were. */
export function flushDenormals(file: OnnxFile): number {
  let flushed = 0;
  for (const tensor of constantTensors(file).values()) {
    if (tensor.dataType !== ONNX_FLOAT) continue;
    const values = floatValues(tensor);
    const before = flushed;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value !== 0 && Math.abs(value) < LEAST_WEIGHT) {
        values[i] = 0;
        flushed++;
      }
    }
    if (flushed > before) setFloatValues(tensor, values);
  }
  return flushed;
}
