import { expect, test } from "bun:test";
import { nearestFace, png, sample } from "../support/samples.ts";
import { runStages, type WrittenStages } from "../support/stages.ts";

const MEASURES: WrittenStages = [{ landmarks: {} }, { pose: {} }];
const STAGES: WrittenStages = [{ detect: {} }, ...MEASURES];
const byPlace = (a: { box: { x: number } }, b: { box: { x: number } }) => a.box.x - b.box.x;

test("roll follows a picture that is turned clockwise by 20 degrees", async () => {
  const upright = (await runStages("sample3.jpg", STAGES)).faces.toSorted(byPlace);
  const picture = await png(sample("sample3.jpg").rotate(20));
  // The detector sees one of the tilted faces twice; its three best boxes are the three faces.
  const best = await runStages(picture, [{ detect: { faces: { at_most: 3 } } }, ...MEASURES]);
  const turned = best.faces.toSorted(byPlace);
  expect(turned).toHaveLength(upright.length);
  upright.forEach(({ pose }, i) => {
    expect(turned[i]!.pose!.roll - pose!.roll).toBeWithin(16, 24);
  });
});

test("a mirrored picture turns yaw and roll round and leaves pitch", async () => {
  const { width } = await sample("sample5.jpg").metadata();
  const straight = await runStages("sample5.jpg", STAGES);
  const mirrored = await runStages(await png(sample("sample5.jpg").flop()), STAGES);
  let widest = 0;
  for (const { box, pose } of straight.faces) {
    const other = nearestFace(mirrored.faces, width - box.x - box.width / 2, box.y + box.height / 2).pose!;
    expect(Math.abs(other.yaw + pose!.yaw)).toBeLessThan(8);
    expect(Math.abs(other.roll + pose!.roll)).toBeLessThan(6);
    expect(Math.abs(other.pitch - pose!.pitch)).toBeLessThan(8);
    widest = Math.max(widest, Math.abs(pose!.yaw));
  }
  expect(widest).toBeGreaterThan(20);
});

test("yaw is positive for a face that looks to the picture's left", async () => {
  const { faces } = await runStages("sample2.jpg", STAGES);
  const profile = faces.toSorted(byPlace)[0]!;
  const [leftEye, rightEye, nose] = profile.landmarks!.five;
  expect(nose[0]).toBeLessThan((leftEye[0] + rightEye[0]) / 2);
  expect(profile.pose!.yaw).toBeGreaterThan(40);
});
