import { expect, test } from "bun:test";
import sharp from "sharp";
import { cutsOf } from "../../src/stages/crop.ts";
import type { FaceCrop } from "../../src/stages/item.ts";
import { parseStageOptions } from "../../src/stages/options.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import { png, sample } from "../support/samples.ts";
import { runStages, type WrittenStages } from "../support/stages.ts";

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

/** Crops of the largest face with landmarks and frame. */
async function framedCrops(source: string | Uint8Array, options: object) {
  const stages: WrittenStages = [
    { detect: { faces: "largest" } },
    { landmarks: {} },
    { "iso-frame": {} },
    { crop: options },
  ];
  const face = (await runStages(source, stages)).faces[0]!;
  return { face, crops: face.crops! };
}

test("an ISO portrait is cut from the frame, 3 by 4, at most as high as asked for, and tells the frame", async () => {
  const { face, crops } = await framedCrops("sample3.jpg", { portrait_frame: "iso", portrait_height: 250 });
  expect(crops.portrait).toMatchObject({ box: face.frame!, width: 188, height: 250 });
  const small = await png(sample("sample3.jpg").resize({ width: 300 }));
  const { face: tiny, crops: less } = await framedCrops(small, { portrait_frame: "iso", portrait_height: 250 });
  expect(less.portrait!.height).toBe(Math.round(tiny.frame!.height));
  expect(less.portrait!.height).toBeLessThan(250);
});

test("an ISO portrait shows the eyes level with 45 % of its height, half a width apart from each edge", async () => {
  const { crops } = await framedCrops("sample3.jpg", { portrait_frame: "iso", portrait_height: 250 });
  const found = await runStages(crops.portrait!.bytes, [{ detect: { faces: "largest" } }, { landmarks: {} }]);
  const [left, right] = found.faces[0]!.landmarks!.five;
  expect((left[0] + right[0]) / 2 / 188).toBeWithin(0.46, 0.54);
  expect((left[1] + right[1]) / 2 / 250).toBeWithin(0.42, 0.48);
  expect(Math.hypot(right[0] - left[0], right[1] - left[1]) / 188).toBeWithin(0.22, 0.28);
});

test("an ISO portrait is padded with the picture's edge where its frame leaves the picture, and its box is not clipped", async () => {
  const { face } = await framedCrops("sample3.jpg", { portrait: false });
  const { x, y, width, height } = face.box;
  const tight = await png(
    sample("sample3.jpg").extract({
      left: Math.round(x - 0.1 * width),
      top: Math.round(y),
      width: Math.round(1.2 * width),
      height: Math.round(height),
    }),
  );
  const { crops } = await framedCrops(tight, { portrait_frame: "iso" });
  const { box, bytes } = crops.portrait!;
  expect(box.x).toBeLessThan(0);
  expect(box.x + box.width).toBeGreaterThan(1.2 * width);
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const row = Math.round(info.height * 0.6) * info.width * 3;
  const outside = Math.floor((-box.x / box.width) * info.width) - 2;
  for (let at = 3; at < outside * 3; at++) expect(Math.abs(data[row + at]! - data[row + (at % 3)]!)).toBeLessThan(24);
});

test("the whole picture can be the portrait", async () => {
  const { crops } = await framedCrops("sample3.jpg", { portrait_frame: "picture", portrait_height: 250 });
  const { width, height } = await sample("sample3.jpg").metadata();
  expect(crops.portrait!.box).toEqual({ x: 0, y: 0, width, height });
  expect(crops.portrait!.height).toBe(250);
});

test("a warp has 250 x 250 pixels, the eyes level and the points where the template has them", async () => {
  const { face, crops } = await framedCrops("sample1.jpg", { portrait: false, warp: true });
  expect(Object.keys(crops)).toEqual(["warp"]);
  expect(crops.warp).toMatchObject({ width: 250, height: 250 });
  const { box } = crops.warp!;
  for (const [x, y] of face.landmarks!.five) {
    expect(x).toBeWithin(box.x, box.x + box.width);
    expect(y).toBeWithin(box.y, box.y + box.height);
  }
  const again = await runStages(crops.warp!.bytes, [{ detect: { faces: "largest" } }, { landmarks: {} }]);
  const [left, right] = again.faces[0]!.landmarks!.five;
  expect(Math.abs(left[1] - right[1])).toBeLessThan(6);
  expect(left[0]).toBeWithin(90, 104);
  expect(right[0]).toBeWithin(146, 160);
});
