import { expect, test } from "bun:test";
import { cosine, euclidean, similarity } from "../../src/inference/similarity.ts";
import { thrownBy } from "../support/thrown.ts";

const card = { name: "m", similarity: { metric: "cosine", slope: 13.3, midpoint: 0.47 } } as const;
const at = (angle: number) => Float32Array.of(Math.cos(angle), Math.sin(angle));

test("similarity is one half at the card's midpoint and follows its curve", () => {
  expect(similarity(card, at(0), at(Math.acos(0.47)))).toBeCloseTo(0.5, 5);
  expect(similarity(card, at(0), at(0))).toBeCloseTo(1 / (1 + Math.exp(-13.3 * 0.53)), 6);
  expect(similarity(card, at(0), at(Math.acos(0.37)))).toBeCloseTo(1 / (1 + Math.exp(1.33)), 5);
});

test("a distance makes descriptors less alike", () => {
  const distant = { name: "d", similarity: { metric: "euclidean", slope: -10, midpoint: 0.5 } } as const;
  expect(similarity(distant, Float32Array.of(0, 0), Float32Array.of(0.3, 0.4))).toBeCloseTo(0.5, 6);
  expect(similarity(distant, Float32Array.of(0, 0), Float32Array.of(3, 4))).toBeLessThan(0.001);
  expect(euclidean(Float32Array.of(1, 1), Float32Array.of(4, 5))).toBe(5);
});

test("the length of a descriptor does not matter to its cosine, and none at all is no likeness", () => {
  expect(cosine(Float32Array.of(3, 0), Float32Array.of(0.5, 0.5))).toBeCloseTo(Math.SQRT1_2, 6);
  expect(cosine(Float32Array.of(0, 0), at(1))).toBe(0);
});

test("descriptors that cannot be compared are refused", async () => {
  expect(await thrownBy(() => similarity(card, at(0), Float32Array.of(1)))).toMatchObject({ code: "request_invalid" });
  const silent = { name: "s", similarity: undefined };
  expect(await thrownBy(() => similarity(silent, at(0), at(0)))).toMatchObject({ code: "card_invalid" });
});
