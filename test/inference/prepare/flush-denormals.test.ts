import { expect, test } from "bun:test";
import { flushDenormals } from "../../../src/inference/prepare/flush-denormals.ts";
import { floatValues, readOnnx, writeOnnx } from "../../../src/inference/prepare/onnx-file.ts";
import { linearNetwork } from "../networks.ts";

const weightsOf = (bytes: Uint8Array) => Array.from(floatValues(readOnnx(bytes).graph.initializer[0]!));

test("weights too small to matter become zero and all others stay bit for bit", () => {
  const weights = [1e-39, -1e-39, 9e-21, -9e-21, 2e-20, -2e-20, 0, 1, -0.5].map(Math.fround);
  const file = readOnnx(writeOnnx(linearNetwork(9, 2, [weights])));

  expect(flushDenormals(file)).toBe(4);
  expect(weightsOf(writeOnnx(file))).toEqual([0, 0, 0, 0, ...weights.slice(4)]);
});

test("a network without tiny weights is written as it was", () => {
  const bytes = writeOnnx(linearNetwork(3, 2, [[1, 2, 3]]));
  const file = readOnnx(bytes);

  expect(flushDenormals(file)).toBe(0);
  expect(writeOnnx(file)).toEqual(bytes);
});

test("weights kept as a list of floats are flushed too", () => {
  const file = readOnnx(writeOnnx(linearNetwork(2, 2, [[1, 1]])));
  const tensor = file.graph.initializer[0]!;
  tensor.rawData = new Uint8Array();
  tensor.floatData = [1e-30, 3];

  expect(flushDenormals(file)).toBe(1);
  expect(weightsOf(writeOnnx(file))).toEqual([0, 3]);
});

test("bytes that are no ONNX file are refused with model_prepare_failed", () => {
  for (const bytes of [new Uint8Array(0), new TextEncoder().encode("<html>not found</html>")]) {
    expect(() => readOnnx(bytes)).toThrow(expect.objectContaining({ code: "model_prepare_failed" }));
  }
});
