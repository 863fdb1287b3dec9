import { expect, test } from "bun:test";
import sharp from "sharp";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { similarity } from "../../src/inference/similarity.ts";
import type { Descriptor, Face } from "../../src/stages/item.ts";
import { WARP_TEMPLATE } from "../../src/stages/warp-template.ts";
import { PROJECT_ROOT } from "../support/cli.ts";
import { runStages, samplePath, type WrittenStages } from "../support/stages.ts";
import { thrownBy } from "../support/thrown.ts";

const CARD = (await ModelCatalog.load(`${PROJECT_ROOT}/models`)).get("descriptor-default");
const alike = (a: Descriptor, b: Descriptor) => similarity(CARD, a.values, b.values);

/** The faces of a sample with descriptors and warps. */
async function enrolled(name: string): Promise<readonly Face[]> {
  const stages: WrittenStages = [
    { detect: {} },
    { landmarks: {} },
    { descriptor: {} },
    { crop: { portrait: false, warp: true } },
  ];
  return (await runStages(name, stages)).faces;
}

async function asWarp(bytes: Uint8Array) {
  const { faces, reasons } = await runStages(bytes, [{ warp: {} }, { descriptor: {} }]);
  expect(faces).toHaveLength(1);
  return { face: faces[0]!, reasons };
}

const grey = sharp({ create: { width: 250, height: 250, channels: 3, background: "#777" } });

test("a warp made from a photo has the photo's descriptor, with a similarity above 0.99", async () => {
  for (const name of ["sample1.jpg", "sample2.jpg", "sample4.jpg"]) {
    const faces = await enrolled(name);
    expect(faces.length).toBeGreaterThanOrEqual(3);
    for (const [index, face] of faces.entries()) {
      const warp = await asWarp(face.crops!.warp!.bytes);
      expect(alike(face.descriptor!, warp.face.descriptor!), `${name} ${index}`).toBeGreaterThan(0.99);
      const others = faces.filter((other) => other !== face);
      for (const other of others) expect(alike(other.descriptor!, warp.face.descriptor!)).toBeLessThan(0.9);
    }
  }
});

test("the face of a warp has the score of the detector and the template's points", async () => {
  const [first] = await enrolled("sample3.jpg");
  const { face, reasons } = await asWarp(first!.crops!.warp!.bytes);
  expect(face.score).toBeWithin(0.6, 1);
  expect(face.score).not.toBe(1);
  expect(face.landmarks!.five).toEqual(WARP_TEMPLATE);
  expect(face.landmarks!.points).toHaveLength(68);
  expect(reasons[0]).toMatch(/^the face lies \d\.\d px from the template$/);
});

test("a warp of another template is aligned by the points that are found in it", async () => {
  const faces = await enrolled("sample3.jpg");
  for (const face of faces) {
    // The whole of the warp at four fifths of its size, a little lower: as another maker could have framed it.
    const smaller = await sharp(face.crops!.warp!.bytes).resize(200, 200).toBuffer();
    const framed = await grey
      .clone()
      .composite([{ input: smaller, left: 25, top: 40 }])
      .png()
      .toBuffer();
    const { face: found } = await asWarp(new Uint8Array(framed));
    expect(found.landmarks!.five).not.toEqual(WARP_TEMPLATE);
    expect(alike(face.descriptor!, found.descriptor!)).toBeGreaterThan(0.9);
  }
});

test("a picture in which no face is found is used as it is, with score 1", async () => {
  const { face, reasons } = await asWarp(new Uint8Array(await grey.clone().png().toBuffer()));
  expect(face).toMatchObject({ score: 1 });
  expect(face.landmarks!.five).toEqual(WARP_TEMPLATE);
  expect(face.descriptor!.values).toHaveLength(512);
  expect(reasons).toEqual(["no face was found: the picture is used as it is"]);
});

test("a face that lies on its side is not believed", async () => {
  const [first] = await enrolled("sample1.jpg");
  const turned = await sharp(first!.crops!.warp!.bytes)
    .rotate(40, { background: "#777" })
    .resize(250, 250)
    .png()
    .toBuffer();
  const { face } = await asWarp(new Uint8Array(turned));
  expect(face.score).toBe(1);
  expect(face.landmarks!.five).toEqual(WARP_TEMPLATE);
});

test.each([
  [250, 251],
  [249, 250],
  [500, 500],
  [16, 16],
])("a picture of %d x %d pixels fails with the size that is expected", async (width, height) => {
  const bytes = await sharp(samplePath("sample1.jpg")).resize(width, height, { fit: "fill" }).png().toBuffer();
  expect(await thrownBy(asWarp(new Uint8Array(bytes)))).toMatchObject({
    code: "picture_wrong_size",
    details: { width, height, expected: { width: 250, height: 250 } },
  });
});
