import { expect, test } from "bun:test";
import { constantTensors, floatValues, tensorDims } from "../../../src/inference/prepare/onnx-file.ts";
import { OnnxGraph } from "../../../src/inference/prepare/onnx-graph.ts";
import { setUltrafaceInput, ultrafacePriors } from "../../../src/inference/prepare/ultraface-priors.ts";

/** The decoding end of an UltraFace network, with the priors of 320 x 240 inside. */
function decodingEnd(centres = ultrafacePriors(320, 240).centres) {
  const graph = new OnnxGraph();
  const { sizes } = ultrafacePriors(320, 240);
  const stored = graph.floats(centres, [1, 4420, 2]);
  const added = graph.node("Add", [stored, graph.floats(sizes, [1, 4420, 2])]);
  graph.node("Concat", [added, added], { axis: 2 }, "boxes");
  return graph.finish([{ name: "input", dims: ["N", 3, 240, 320] }], [{ name: "boxes", dims: ["N", 4420, 4] }]);
}

test("an input of 320 x 240 has 4420 priors and one of 640 x 480 has 17640", () => {
  expect(ultrafacePriors(320, 240).centres.length / 2).toBe(4420);
  expect(ultrafacePriors(640, 480).sizes.length / 2).toBe(17640);
});

test("the first and last prior lie where the first and last cell of the feature maps are", () => {
  const { centres, sizes } = ultrafacePriors(320, 240);
  expect([...centres.slice(0, 2)]).toEqual([0.5 / 40, 0.5 / 30].map(Math.fround));
  expect([...sizes.slice(0, 2)]).toEqual([10 / 320, 10 / 240].map(Math.fround));
  // The coarsest map has 5 x 4 cells, and its largest box is taller than the picture.
  expect([...centres.slice(-2)]).toEqual([4.5 / 5, 3.5 / 4].map(Math.fround));
  expect([...sizes.slice(-2)]).toEqual([256 / 320, 1].map(Math.fround));
});

test("a detector is given the priors and sizes of its new input", () => {
  const file = decodingEnd();
  setUltrafaceInput(file, 640, 480);

  const wanted = ultrafacePriors(640, 480);
  const [centres, sizes] = [...constantTensors(file).values()];
  expect(tensorDims(centres!)).toEqual([1, 17640, 2]);
  expect(floatValues(centres!)).toEqual(wanted.centres);
  expect(floatValues(sizes!)).toEqual(wanted.sizes);
  const dims = file.graph.input[0]!.type!.tensorType!.shape!.dim!.map(({ dimValue }) => Number(dimValue));
  expect(dims.slice(1)).toEqual([3, 480, 640]);
});

test("a detector whose constants are not UltraFace's priors is refused, not bent", () => {
  const file = decodingEnd(new Float32Array(4420 * 2).fill(0.5));
  expect(() => setUltrafaceInput(file, 640, 480)).toThrow(expect.objectContaining({ code: "model_prepare_failed" }));
});
