import { expect, test } from "bun:test";
import { type OnnxFile, writeOnnx } from "../../../src/inference/prepare/onnx-file.ts";
import { preluToConv } from "../../../src/inference/prepare/prelu-to-conv.ts";
import { network, numbers, runOnnx } from "../networks.ts";

const SIDE = 5;

/** A PRelu with slopes of the given sizes behind nothing else. */
function prelu(channels: number, slopes: readonly number[], dims: readonly number[]): OnnxFile {
  return network(channels, SIDE, (graph) => {
    graph.node("PRelu", ["input", graph.floats(slopes, dims)], {}, "output");
    return [{ name: "output", dims: ["N", channels, SIDE, SIDE] }];
  });
}

const operators = (file: OnnxFile) => file.graph.node.map(({ opType }) => opType);

test("a PRelu with a slope per channel becomes scalings that give the same values", async () => {
  const slopes = [0.25, 0, -0.5, 1, 0.9, -1.35, 0.01, 1e-3];
  const file = prelu(8, slopes, [8, 1, 1]);
  const values = numbers(2 * 8 * SIDE * SIDE).map((value) => 10 * value);

  expect(preluToConv(file)).toBe(1);
  expect(operators(file)).toEqual(["Conv", "Relu", "Conv", "Add"]);
  const { output } = await runOnnx(writeOnnx(file), "input", values, [2, 8, SIDE, SIDE]);
  const expected = values.map((value, i) => {
    const slope = slopes[Math.floor(i / (SIDE * SIDE)) % 8]!;
    return value > 0 ? value : slope * value;
  });
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - output!.data[i]!)));
  expect(worst).toBeLessThan(5e-6);
  // The test would pass with any operator if all values were positive.
  expect(values.some((value) => value < 0)).toBe(true);
});

test("the slopes of a rewritten PRelu are no longer in the file", () => {
  const file = prelu(2, [0.5, 0.25], [2, 1, 1]);
  const before = file.graph.initializer.map(({ name }) => name);

  preluToConv(file);
  const after = file.graph.initializer.map(({ name }) => name);
  expect(after.filter((name) => before.includes(name))).toEqual([]);
});

test("slopes above 1, a single slope and slopes per value are left as they are", () => {
  const perValue = Array.from({ length: 2 * SIDE * SIDE }, () => 0.5);
  for (const file of [prelu(2, [0.5, 1.5], [2, 1, 1]), prelu(2, [0.5], [1]), prelu(2, perValue, [2, SIDE, SIDE])]) {
    const bytes = writeOnnx(file);
    expect(preluToConv(file)).toBe(0);
    expect(writeOnnx(file)).toEqual(bytes);
  }
});
