import { expect, test } from "bun:test";
import { calibrated, cosine, euclidean, similarity } from "../../src/inference/similarity.ts";
import { thrownBy } from "../support/thrown.ts";

const card = { name: "m", similarity: { metric: "cosine", slope: 13.3, midpoint: 0.47 } } as const;
const at = (angle: number) => Float32Array.of(Math.cos(angle), Math.sin(angle));

const height = 1 + Math.exp(-13.3 * 0.53);

test("similarity follows the card's curve, raised so that it ends at 1", () => {
  expect(similarity(card, at(0), at(Math.acos(0.47)))).toBeCloseTo(0.5 * height, 5);
  expect(similarity(card, at(0), at(Math.acos(0.37)))).toBeCloseTo(height / (1 + Math.exp(1.33)), 5);
  expect(height).toBeLessThan(1.0009);
});

/** Vectors of 512 numbers, the same in every run. */
function vectors(count: number): readonly Float32Array[] {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Array.from({ length: count }, () => Float32Array.from({ length: 512 }, next));
}

test("a descriptor is 1 with itself, never more, and alike in both directions", () => {
  const some = vectors(50);
  for (const a of some) {
    expect(similarity(card, a, a)).toBeCloseTo(1, 12);
    const longer = a.map((value) => value * 7);
    expect(similarity(card, a, longer)).toBeLessThanOrEqual(1);
    expect(similarity(card, a, longer)).toBeCloseTo(1, 6);
    for (const b of some) expect(similarity(card, a, b)).toBe(similarity(card, b, a));
  }
});

test("a greater cosine never is a lesser similarity", () => {
  const rising = Array.from({ length: 2001 }, (_, i) => calibrated(card.similarity, i / 1000 - 1));
  expect(rising).toEqual([...rising].sort((a, b) => a - b));
  expect([rising[0]! >= 0, rising.at(-1)]).toEqual([true, 1]);
});

test("a distance makes descriptors less alike", () => {
  const distant = { name: "d", similarity: { metric: "euclidean", slope: -10, midpoint: 0.5 } } as const;
  const least = 1 + Math.exp(-5);
  expect(similarity(distant, Float32Array.of(0, 0), Float32Array.of(0.3, 0.4))).toBeCloseTo(0.5 * least, 6);
  expect(similarity(distant, Float32Array.of(1, 2), Float32Array.of(1, 2))).toBe(1);
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
