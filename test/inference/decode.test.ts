import { expect, test } from "bun:test";
import { outputDecoder } from "../../src/inference/decode/output-decoder.ts";
import { softmax } from "../../src/inference/decode/probabilities.ts";
import { overlap, suppress } from "../../src/inference/decode/ultraface.ts";
import type { Affine } from "../../src/media/picture.ts";

const input = { tensor: "input", width: 10, height: 10, color: "rgb", mean: [0], std: [1] } as const;
const plain = { ...input, mean: [0], std: [1] };
/** A crop of 40 x 20 picture pixels at (100, 50). */
const map: Affine = [4, 0, 101.5, 0, 2, 50.5];

test("probabilities sum to 1 however large the scores are", () => {
  for (const scores of [
    [1000, 999, -1000],
    [-1e30, 0],
    [3, 3, 3],
  ]) {
    const sum = softmax(Float32Array.from(scores)).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 6);
  }
  expect(Array.from(softmax(Float32Array.of(0, Math.log(3))))).toEqual([0.25, 0.75]);
});

test("points come back in picture pixels, each row of the batch by its own crop", () => {
  const decoder = outputDecoder({ decode: "points", tensor: "p", count: 2 }, plain);
  const tensors = { p: { dims: [2, 4], data: Float32Array.of(0, 0, 1, 1, 0.5, 0.25, 0, 1) } };
  expect(decoder.misfit(tensors)).toBeUndefined();
  expect(decoder.decode(tensors, 0, map)).toEqual({
    kind: "points",
    points: [
      [100, 50],
      [140, 70],
    ],
  });
  expect(decoder.decode(tensors, 1, map)).toEqual({
    kind: "points",
    points: [
      [120, 55],
      [100, 70],
    ],
  });
});

test("a vector that is kept outlives the network's tensor", () => {
  const decoder = outputDecoder({ decode: "embedding", tensor: "e", length: 2, normalize: "none" }, plain);
  const data = Float32Array.of(3, 4);
  const output = decoder.decode({ e: { dims: [1, 2], data } }, 0, map) as { values: Float32Array };
  data.fill(9);
  expect(Array.from(output.values)).toEqual([3, 4]);
});

test("a vector of zeros stays one instead of becoming no number", () => {
  const decoder = outputDecoder({ decode: "embedding", tensor: "e", length: 3, normalize: "l2" }, plain);
  const output = decoder.decode({ e: { dims: [1, 3], data: new Float32Array(3) } }, 0, map);
  expect(output).toEqual({ kind: "vector", values: new Float32Array(3) });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "%p in an output is never passed on",
  (bad) => {
    const decoder = outputDecoder({ decode: "softmax", tensor: "s", labels: ["a", "b"], applied: true }, plain);
    const tensors = { s: { dims: [1, 2], data: Float32Array.of(0.5, bad) } };
    expect(() => decoder.decode(tensors, 0, map)).toThrow(expect.objectContaining({ code: "stage_failed" }));
  },
);

test("an expectation over applied probabilities takes them as they are", () => {
  const rule = { decode: "expectation", tensor: "a", applied: true, scale: 3, offset: -99 } as const;
  const tensors = { a: { dims: [1, 4], data: Float32Array.of(0, 0.5, 0, 0.5) } };
  expect(outputDecoder(rule, plain).decode(tensors, 0, map)).toEqual({ kind: "number", value: 2 * 3 - 99 });
});

const box = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });

test("overlap is the shared area over the area of both", () => {
  expect(overlap(box(0, 0, 10, 10), box(5, 0, 10, 10))).toBeCloseTo(1 / 3, 9);
  expect(overlap(box(0, 0, 10, 10), box(0, 0, 10, 10))).toBe(1);
  expect(overlap(box(0, 0, 10, 10), box(10, 0, 10, 10))).toBe(0);
});

test("of overlapping boxes the best stays, and a box that only the weaker one touches stays too", () => {
  const candidates = [
    { box: box(5, 0, 10, 10), score: 0.8 },
    { box: box(0, 0, 10, 10), score: 0.9 },
    { box: box(10, 0, 10, 10), score: 0.7 },
  ];
  expect(suppress(candidates, 0.3).map(({ score }) => score)).toEqual([0.9, 0.7]);
  expect(suppress(candidates, 0.5).map(({ score }) => score)).toEqual([0.9, 0.8, 0.7]);
});

test("a candidate at the threshold is dropped, and boxes without area are no faces", () => {
  const rule = { decode: "ultraface", scores: "s", boxes: "b", threshold: 0.5, nms_iou: 0.4 } as const;
  const tensors = {
    s: { dims: [1, 3, 2], data: Float32Array.of(0.5, 0.5, 0.1, 0.9, 0.2, 0.8) },
    b: { dims: [1, 3, 4], data: Float32Array.of(0, 0, 1, 1, 0.5, 0.5, 0.5, 0.9, 0.25, 0, 0.5, 0.5) },
  };
  expect(outputDecoder(rule, plain).decode(tensors, 0, map)).toEqual({
    kind: "detections",
    detections: [{ box: box(110, 50, 10, 10), score: Math.fround(0.8) }],
  });
});

test("scores and boxes of different numbers of priors do not fit", () => {
  const rule = { decode: "ultraface", scores: "s", boxes: "b", threshold: 0.5, nms_iou: 0.4 } as const;
  const tensors = {
    s: { dims: [1, 3, 2], data: new Float32Array(6) },
    b: { dims: [1, 2, 4], data: new Float32Array(8) },
  };
  expect(outputDecoder(rule, plain).misfit(tensors)).toContain("[1, 2, 4]");
});
