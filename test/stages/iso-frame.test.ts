import { expect, test } from "bun:test";
import type { Face } from "../../src/stages/item.ts";
import { buildStage, openPicture, runStages, runStagesOn } from "../support/stages.ts";

const CONTEXT = { checkpoint() {}, explain() {} };

async function frameOf(face: object, options: object = {}): Promise<NonNullable<Face["frame"]>> {
  const stage = await buildStage("iso-frame", options);
  const faces = [face as Face];
  await stage.run({} as never, faces, CONTEXT);
  return faces[0]!.frame!;
}

/** A face with eyes at these points. */
const withEyes = (left: [number, number], right: [number, number]) => ({
  box: { x: 0, y: 0, width: 1, height: 1 },
  score: 1,
  landmarks: { points: [], five: [left, right, [0, 0], [0, 0], [0, 0]] },
});

test("the frame is the standard's: eyes a quarter of the width apart, at 45 % of the height, 3 by 4", async () => {
  const frame = await frameOf(withEyes([100, 200], [160, 200]));
  expect(frame).toEqual({ x: 130 - 120, y: 200 - 0.45 * 320, width: 240, height: 320 });
});

test("a tilted head has the frame of an upright one, because the distance counts and not its width", async () => {
  const [upright, tilted] = [
    await frameOf(withEyes([70, 100], [130, 100])),
    await frameOf(withEyes([70, 55], [106, 103])),
  ];
  expect([tilted.width, tilted.height]).toEqual([upright.width, upright.height]);
});

test("the frame reaches past the edges of the picture", async () => {
  const frame = await frameOf(withEyes([5, 10], [45, 10]));
  expect(frame.x).toBeLessThan(0);
  expect(frame.y).toBeLessThan(0);
});

test("without landmarks the eyes are guessed from the box, and the frame is about where it would be with them", async () => {
  expect(await frameOf({ box: { x: 100, y: 100, width: 100, height: 140 }, score: 1 }, { eyes: "box" })).toEqual({
    x: 150 - 86,
    y: 158.8 - 0.45 * (172 / 0.75),
    width: 172,
    height: 172 / 0.75,
  });
  const picture = await openPicture("sample3.jpg");
  const found = await runStagesOn(picture, [{ detect: {} }, { landmarks: {} }, { "iso-frame": {} }]);
  for (const face of found.faces) {
    const guessed = await frameOf({ box: face.box, score: 1 }, { eyes: "box" });
    const { x, y, width, height } = face.frame!;
    expect(guessed.width / width).toBeWithin(0.75, 1.25);
    expect(Math.abs(guessed.x + guessed.width / 2 - x - width / 2) / width).toBeLessThan(0.2);
    expect(Math.abs(guessed.y + guessed.height / 2 - y - height / 2) / height).toBeLessThan(0.2);
  }
  picture.release();
});

test("the frame of a face that looks here holds its upper half, with the middle inside the face", async () => {
  for (const name of ["sample1.jpg", "sample2.jpg", "sample3.jpg", "sample4.jpg", "sample5.jpg"]) {
    const { faces } = await runStages(name, [{ detect: {} }, { landmarks: {} }, { pose: {} }, { "iso-frame": {} }]);
    for (const { box, frame, pose } of faces) {
      // The eyes of a face seen from the side are nearer to each other, and its frame is smaller.
      if (Math.abs(pose!.yaw) > 30) continue;
      expect(Math.abs(frame!.width * 4 - frame!.height * 3)).toBeLessThan(1e-6);
      const middle = frame!.x + frame!.width / 2;
      expect(middle).toBeWithin(box.x, box.x + box.width);
      expect(frame!.y).toBeLessThan(box.y);
      expect(frame!.y + frame!.height).toBeGreaterThan(box.y + box.height / 2);
    }
  }
});
