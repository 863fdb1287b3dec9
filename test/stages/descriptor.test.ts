import { expect, test } from "bun:test";
import { cosine, similarity } from "../../src/inference/similarity.ts";
import { nearestFace, png, sample } from "../support/samples.ts";
import { environment, runStages, type WrittenStages } from "../support/stages.ts";

const STAGES: WrittenStages = [{ detect: {} }, { landmarks: {} }, { descriptor: {} }];

test("a descriptor names its model and version and has length 1", async () => {
  const { card } = await environment.model("descriptor-default");
  const { faces } = await runStages("sample3.jpg", STAGES);
  for (const { descriptor } of faces) {
    expect(descriptor).toMatchObject({ model: card.name, version: card.version });
    expect(Math.hypot(...descriptor!.values)).toBeCloseTo(1, 4);
  }
});

test("the same face on a smaller copy is the same person, the others are not", async () => {
  const { card } = await environment.model("descriptor-default");
  const large = (await runStages("sample3.jpg", STAGES)).faces;
  const small = (await runStages(await png(sample("sample3.jpg").resize({ width: 1100 })), STAGES)).faces;
  expect(small).toHaveLength(large.length);
  const scale = 1100 / (await sample("sample3.jpg").metadata()).width;
  for (const { box, descriptor } of large) {
    const same = nearestFace(small, (box.x + box.width / 2) * scale, (box.y + box.height / 2) * scale);
    for (const face of small) {
      const alike = similarity(card, descriptor!.values, face.descriptor!.values);
      if (face === same) expect(alike).toBeGreaterThan(0.9);
      else expect(alike).toBeLessThan(0.5);
    }
  }
});

test("a picture turned by 20 degrees gives nearly the same descriptor, because the crop is aligned", async () => {
  const three: WrittenStages = [{ detect: { faces: { at_most: 3 } } }, ...STAGES.slice(1)];
  const upright = (await runStages("sample3.jpg", three)).faces;
  const turned = (await runStages(await png(sample("sample3.jpg").rotate(20)), three)).faces;
  for (const { descriptor } of upright) {
    const best = Math.max(...turned.map((face) => cosine(descriptor!.values, face.descriptor!.values)));
    expect(best).toBeGreaterThan(0.6);
  }
});
