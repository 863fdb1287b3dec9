import { expect, test } from "bun:test";
import sharp from "sharp";
import { cutsOf } from "../../src/stages/crop.ts";
import type { FaceCrop } from "../../src/stages/item.ts";
import { parseStageOptions } from "../../src/stages/options.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import { png, sample } from "../support/samples.ts";
import { runStages } from "../support/stages.ts";

async function cropsOf(source: string | Uint8Array, options: object): Promise<Record<string, FaceCrop>> {
  const { faces } = await runStages(source, [{ detect: { faces: "largest" } }, { crop: options }]);
  const crops = faces[0]!.crops!;
  for (const { bytes, width, height } of Object.values(crops)) {
    expect(await sharp(bytes).metadata()).toMatchObject({ format: "jpeg", width, height });
  }
  return crops;
}

test("a portrait of the stated height and ratio is cut without options", async () => {
  const crops = await cropsOf("sample3.jpg", {});
  expect(Object.keys(crops)).toEqual(["portrait"]);
  expect(crops.portrait).toMatchObject({ contentType: "image/jpeg", width: 360, height: 480 });
});

test("a portrait is never larger than it is in the picture", async () => {
  const small = await png(sample("sample3.jpg").resize({ width: 480 }));
  const { faces } = await runStages(small, [{ detect: { faces: "largest" } }]);
  const { portrait } = await cropsOf(small, {});
  expect(portrait!.height).toBe(Math.round(faces[0]!.box.height * 2.2));
  expect(portrait!.height).toBeLessThan(480);
});

test("thumbnails have exactly the sides that were asked for", async () => {
  const crops = await cropsOf("sample3.jpg", { portrait: false, thumbnails: [48, 512] });
  expect(Object.keys(crops)).toEqual(["thumbnail-48", "thumbnail-512"]);
  expect(crops["thumbnail-48"]).toMatchObject({ width: 48, height: 48 });
  expect(crops["thumbnail-512"]).toMatchObject({ width: 512, height: 512 });
});

test("the face is found again on its portrait, a little above the middle", async () => {
  const { portrait } = await cropsOf("sample3.jpg", { portrait_height: 400 });
  const { faces } = await runStages(portrait!.bytes, [{ detect: { faces: "largest" } }]);
  const { x, y, width, height } = faces[0]!.box;
  expect((x + width / 2) / portrait!.width).toBeWithin(0.45, 0.55);
  expect((y + height / 2) / portrait!.height).toBeWithin(0.38, 0.48);
});

test("a lower JPEG quality gives fewer bytes", async () => {
  const [fine, coarse] = [await cropsOf("sample3.jpg", { quality: 95 }), await cropsOf("sample3.jpg", { quality: 30 })];
  expect(coarse.portrait!.bytes.length).toBeLessThan(fine.portrait!.bytes.length / 2);
});

test("crops are laid out around the box, also past the picture's edge", () => {
  const options = parseStageOptions(new StageRegistry().get("crop"), {
    thumbnails: [100],
    thumbnail_margin: 0.5,
    portrait_margin: 1,
    portrait_ratio: 0.5,
  });
  const cuts = cutsOf(
    { width: 640, height: 480 },
    { box: { x: 0, y: 10, width: 80, height: 100 }, score: 1 },
    options as never,
  );
  expect(cuts).toEqual([
    { name: "portrait", box: { x: -10, y: -26, width: 100, height: 200 }, width: 100, height: 200 },
    { name: "thumbnail-100", box: { x: -35, y: -15, width: 150, height: 150 }, width: 100, height: 100 },
  ]);
});
