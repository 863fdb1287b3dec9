import { expect, test } from "bun:test";
import { runStages } from "../support/stages.ts";

test("points lie where a face has them: eyes above nose above mouth, left of right, in and around the box", async () => {
  const { faces } = await runStages("sample3.jpg", [{ detect: {} }, { landmarks: {} }]);
  expect(faces).toHaveLength(3);
  for (const { box, landmarks } of faces) {
    const [leftEye, rightEye, nose, leftMouth, rightMouth] = landmarks!.five;
    expect(Math.max(leftEye[1], rightEye[1])).toBeLessThan(nose[1]);
    expect(nose[1]).toBeLessThan(Math.min(leftMouth[1], rightMouth[1]));
    expect(leftEye[0]).toBeLessThan(rightEye[0]);
    expect(leftMouth[0]).toBeLessThan(rightMouth[0]);
    for (const [x, y] of landmarks!.five) {
      expect(x).toBeWithin(box.x, box.x + box.width);
      expect(y).toBeWithin(box.y, box.y + box.height);
    }
    expect(landmarks!.points).toHaveLength(68);
    for (const [x, y] of landmarks!.points) {
      expect(x).toBeWithin(box.x - 0.2 * box.width, box.x + 1.2 * box.width);
      expect(y).toBeWithin(box.y - 0.2 * box.height, box.y + 1.2 * box.height);
    }
    const chin = landmarks!.points[8]!;
    expect(Math.abs(chin[1] - (box.y + box.height))).toBeLessThan(0.12 * box.height);
  }
});

test("the five points are the middles of the eyes, the tip of the nose and the corners of the mouth", async () => {
  const { faces } = await runStages("sample1.jpg", [{ detect: { faces: "largest" } }, { landmarks: {} }]);
  const { points, five } = faces[0]!.landmarks!;
  const middle = (from: number, axis: 0 | 1) => points.slice(from, from + 6).reduce((sum, p) => sum + p[axis], 0) / 6;
  expect(five[0]).toEqual([middle(36, 0), middle(36, 1)]);
  expect(five[1]).toEqual([middle(42, 0), middle(42, 1)]);
  expect(five.slice(2)).toEqual([points[30]!, points[48]!, points[54]!]);
});
