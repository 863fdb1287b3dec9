import { expect, test } from "bun:test";
import sharp from "sharp";
import { overlap } from "../../src/inference/decode/ultraface.ts";
import { mergeDetections } from "../../src/stages/detect.ts";
import { png, sample } from "../support/samples.ts";
import { runStages } from "../support/stages.ts";

const area = ({ box }: { box: { width: number; height: number } }) => box.width * box.height;

test.each([
  ["sample1.jpg", 3],
  ["sample3.jpg", 3],
  ["sample4.jpg", 4],
  ["sample5.jpg", 5],
])("every face of %s is found, best first", async (name, count) => {
  const { faces } = await runStages(name, [{ detect: {} }]);
  expect(faces).toHaveLength(count);
  const scores = faces.map(({ score }) => score);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
});

test("largest keeps the face with the greatest area and says what it dropped", async () => {
  const all = await runStages("sample1.jpg", [{ detect: {} }]);
  const { faces, reasons } = await runStages("sample1.jpg", [{ detect: { faces: "largest" } }]);
  expect(faces).toHaveLength(1);
  expect(area(faces[0]!)).toBe(Math.max(...all.faces.map(area)));
  expect(reasons).toContain("dropped 2 because faces is largest");
});

test("at_most keeps the faces with the best scores", async () => {
  const all = await runStages("sample4.jpg", [{ detect: {} }]);
  const { faces, reasons } = await runStages("sample4.jpg", [{ detect: { faces: { at_most: 2 } } }]);
  expect(faces).toEqual(all.faces.slice(0, 2));
  expect(reasons).toContain("dropped 2 because faces is at most 2");
});

test("min_face drops faces by the height of their box and says so", async () => {
  const all = await runStages("sample1.jpg", [{ detect: {} }]);
  const heights = all.faces.map(({ box }) => box.height).sort((a, b) => a - b);
  const limit = Math.ceil(heights[1]!);
  const { faces, reasons } = await runStages("sample1.jpg", [{ detect: { min_face: `${limit}px` } }]);
  expect(faces.map(({ box }) => box.height)).toEqual([heights[2]!]);
  expect(reasons).toContain(`dropped 2 lower than min_face ${limit} px`);
});

test("threshold drops faces with a lower score and says so", async () => {
  const all = await runStages("sample4.jpg", [{ detect: {} }]);
  const least = all.faces.at(-1)!.score;
  const { faces, reasons } = await runStages("sample4.jpg", [
    { detect: { threshold: least + 1e-6, small_faces: "never" } },
  ]);
  expect(faces).toHaveLength(3);
  expect(reasons).toContain("dropped 1 below the threshold");
});

test("small faces are found by the second detector, unless it is not wanted", async () => {
  const small = await sample("sample1.jpg").resize({ width: 180 }).toBuffer();
  const room = sharp({ create: { width: 1600, height: 1200, channels: 3, background: "#778899" } });
  const picture = await png(room.composite([{ input: small, left: 700, top: 500 }]));
  const never = await runStages(picture, [{ detect: { small_faces: "never" } }]);
  expect(never.faces).toHaveLength(0);
  const auto = await runStages(picture, [{ detect: {} }]);
  expect(auto.faces.length).toBeGreaterThan(0);
  for (const { box } of auto.faces) {
    expect(box.x).toBeGreaterThan(690);
    expect(box.x + box.width).toBeLessThan(890);
  }
  const strict = await runStages(picture, [{ detect: { small_faces_threshold: 1 } }]);
  expect(strict.faces).toHaveLength(0);
});

test("both detectors together give each face once", async () => {
  const { faces } = await runStages("sample5.jpg", [{ detect: { small_faces: "always" } }]);
  expect(faces).toHaveLength(5);
});

test("a picture without faces gives none and says that both detectors looked", async () => {
  const flat = await png(sharp({ create: { width: 640, height: 480, channels: 3, background: "#345678" } }));
  const { faces, reasons } = await runStages(flat, [{ detect: {} }, { landmarks: {} }]);
  expect(faces).toEqual([]);
  expect(reasons.filter((reason) => reason.includes("found 0"))).toHaveLength(2);
});

test("of two boxes on one face the better stays; boxes apart stay both", () => {
  const box = (x: number, score: number) => ({ box: { x, y: 0, width: 10, height: 10 }, score });
  expect(overlap(box(0, 1).box, box(5, 1).box)).toBeCloseTo(50 / 150, 12);
  expect(overlap(box(0, 1).box, box(10, 1).box)).toBe(0);
  expect(mergeDetections([box(0, 0.7), box(30, 0.9)], [box(1, 0.8)], 0.4)).toEqual([box(30, 0.9), box(1, 0.8)]);
});
