import { expect, test } from "bun:test";
import type { Point } from "../../src/media/picture.ts";
import { eyeShape } from "../../src/stages/eyes.ts";
import type { Landmarks } from "../../src/stages/item.ts";
import { runStages, type WrittenStages } from "../support/stages.ts";

const STAGES: WrittenStages = [{ detect: {} }, { landmarks: {} }, { eyes: {} }];
const byPlace = (a: { box: { x: number } }, b: { box: { x: number } }) => a.box.x - b.box.x;

test("lowered lids are closed, open eyes are open", async () => {
  const faces = (await runStages("sample1.jpg", STAGES)).faces.toSorted(byPlace);
  const states = faces.map(({ eyes }) => [eyes!.left.state, eyes!.right.state]);
  expect(states).toEqual([
    ["open", "open"],
    ["closed", "closed"],
    ["open", "open"],
  ]);
});

test("an eye is closed only when model and landmarks agree", async () => {
  const lidsApart: WrittenStages = [{ detect: {} }, { landmarks: {} }, { eyes: { closed_aspect_ratio: 0.05 } }];
  const [, lowered] = (await runStages("sample1.jpg", lidsApart)).faces.toSorted(byPlace);
  expect(lowered!.eyes!.left).toMatchObject({ state: "open", closedProbability: expect.closeTo(1, 1) });
});

test("the crop is as wide as the eye, around the middle of its lids", () => {
  const points = Array.from({ length: 68 }, (): Point => [0, 0]);
  const eye = [
    [10, 20],
    [14, 17],
    [18, 17],
    [22, 20],
    [18, 23],
    [14, 23],
  ] as const;
  const landmarks = { points: points.toSpliced(42, 6, ...eye), five: [] } as unknown as Landmarks;
  expect(eyeShape(landmarks, "right")).toEqual({ box: { x: 10, y: 14, width: 12, height: 12 }, aspectRatio: 0.5 });
});
