import { expect, test } from "bun:test";
import type { CropRule, ModelCard } from "../../src/inference/card.ts";
import { cropBox, cropMap, toPicture } from "../../src/inference/crop.ts";
import { similarityToPicture } from "../../src/inference/similarity-transform.ts";
import type { Affine, Point } from "../../src/media/picture.ts";

const picture = { width: 400, height: 300 };
const box = { x: 100, y: 80, width: 60, height: 100 };
const card = (crop: CropRule, side = 50): Pick<ModelCard, "name" | "crop" | "input"> => ({
  name: "m",
  crop,
  input: { tensor: "input", width: side, height: side, color: "rgb", mean: [0], std: [1] },
});
const at = (map: Affine, x: number, y: number) => [map[0] * x + map[1] * y + map[2], map[3] * x + map[4] * y + map[5]];
const square: CropRule = { rule: "square", scale: 1.2, shift_y: 0.1, border: "edge" };

test("a square is as high as the rule says, centred on the box and moved down", () => {
  expect(cropBox(card(square), picture, { box })).toEqual({ x: 70, y: 80, width: 120, height: 120 });
});

test("the input's pixels lie at their centres in the crop, so its edges fall on the crop's edges", () => {
  const map = cropMap(card(square), picture, { box });
  // 120 picture pixels for 50 of the input: the first centre lies 1.2 pixels inside, less the half pixel of the picture.
  expect(at(map, 0, 0)).toEqual([70 + 1.2 - 0.5, 80 + 1.2 - 0.5]);
  expect(at(map, 49, 49)[0]).toBeCloseTo(190 - 1.2 - 0.5, 9);
});

test("a crop of the input's own size samples pixel by pixel", () => {
  const map = cropMap(card({ ...square, scale: 1, shift_y: 0 }, 100), picture, { box: { ...box, width: 100 } });
  expect(at(map, 0, 0)).toEqual([100, 80]);
  expect(at(map, 99, 99)).toEqual([199, 179]);
});

test("an inner square shrinks to the picture's shorter side and is shifted inside", () => {
  const inner: CropRule = { rule: "inner-square", scale: 2.7 };
  expect(cropBox(card(inner), picture, { box })).toEqual({ x: 0, y: 0, width: 270, height: 270 });
  expect(cropBox(card({ ...inner, scale: 5 }), picture, { box })).toEqual({ x: 0, y: 0, width: 300, height: 300 });
  const corner = { x: 350, y: 260, width: 60, height: 60 };
  const found = cropBox(card(inner), picture, { box: corner });
  expect(found.x + found.width).toBeCloseTo(400, 9);
  expect(found.y + found.height).toBeCloseTo(300, 9);
  expect(found.width).toBeCloseTo(162, 9);
});

test("a letterbox shows the whole picture at the top left with its aspect kept", () => {
  const rule: CropRule = { rule: "letterbox", pad: 127 };
  const map = cropMap(card(rule, 200), picture, { box });
  expect(cropBox(card(rule, 200), picture, { box })).toEqual({ x: 0, y: 0, width: 400, height: 300 });
  expect(map).toEqual([2, 0, 0.5, 0, 2, 0.5]);
  // Beyond the picture's 150 rows of input pixels the map leads outside, where the padding is.
  expect(at(map, 0, 150)[1]).toBeGreaterThan(299.5);
});

test("points of the crop are told where they lie in the picture", () => {
  const map = cropMap(card(square), picture, { box });
  const [x, y] = toPicture(map, { width: 50, height: 50 }, 0.5, 0.25);
  expect([x, y].map((value) => Number(value.toFixed(9)))).toEqual([130, 110]);
});

const template: readonly Point[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];
const turned = (angle: number, scale: number, dx: number, dy: number) =>
  template.map(([x, y]): Point => {
    const [c, s] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
    return [c * x - s * y + dx, s * x + c * y + dy];
  });

test("five points that are a turned, scaled and shifted template are met exactly", () => {
  const five = turned(0.4, 1.7, 120, 60);
  const map = similarityToPicture(five, template);
  template.forEach(([x, y], i) => {
    const [u, v] = at(map, x, y);
    expect(u).toBeCloseTo(five[i]![0], 9);
    expect(v).toBeCloseTo(five[i]![1], 9);
  });
});

test("for other points no similarity near the found one is better", () => {
  const five = turned(-0.2, 2, 40, 30).map(([x, y], i): Point => [x + 3 * Math.sin(5 * i), y + 2 * Math.cos(3 * i)]);
  const map = similarityToPicture(five, template);
  const error = (candidate: Affine) =>
    template.reduce((sum, [x, y], i) => {
      const [u, v] = at(candidate, x, y);
      return sum + (u! - five[i]![0]) ** 2 + (v! - five[i]![1]) ** 2;
    }, 0);
  const best = error(map);
  const [a, , c, d, , f] = map;
  for (const [da, dd, dx, dy] of [
    [0.01, 0, 0, 0],
    [0, 0.01, 0, 0],
    [0, 0, 0.1, 0],
    [0, 0, 0, 0.1],
  ] as const) {
    for (const sign of [-1, 1]) {
      const [near, turn] = [a + sign * da, d + sign * dd];
      expect(error([near, -turn, c + sign * dx, turn, near, f + sign * dy])).toBeGreaterThan(best);
    }
  }
});

test("an aligned face without its five points is a failure of the stage, not a crop of something else", () => {
  const align: CropRule = { rule: "align", template: template.map(([x, y]) => [x, y]), border: "zero" };
  expect(() => cropMap(card(align, 112), picture, { box })).toThrow(expect.objectContaining({ code: "stage_failed" }));
});

test("the box of an aligned crop holds the turned input", () => {
  const align: CropRule = { rule: "align", template: template.map(([x, y]) => [x, y]), border: "zero" };
  const five = turned(Math.PI / 2, 1, 200, 50);
  const found = cropBox(card(align, 112), picture, { box, five });
  expect(found.width).toBeCloseTo(112, 6);
  expect(found.height).toBeCloseTo(112, 6);
});
