import { beforeAll, describe, expect, test } from "bun:test";
import { modelCropRoom } from "../../src/stages/crop-room.ts";
import type { Face, Quality } from "../../src/stages/item.ts";
import { overallOf } from "../../src/stages/quality-measures.ts";
import { around, png, sample } from "../support/samples.ts";
import { environment, openPicture, runStages, runStagesOn, type WrittenStages } from "../support/stages.ts";

const FIND: WrittenStages = [{ detect: { faces: "largest" } }, { landmarks: {} }];

/** The largest face of a picture with its quality. */
async function largest(source: string | Uint8Array, options: object = {}): Promise<Face> {
  const { faces } = await runStages(source, [...FIND, { quality: options }]);
  expect(faces).toHaveLength(1);
  return faces[0]!;
}

describe("measures of the largest face of a photo", () => {
  let good: Quality;
  beforeAll(async () => {
    good = (await largest("sample3.jpg")).quality!;
  });

  test("a good face is good in all", () => {
    expect(good.overall).toBeGreaterThan(0.85);
    expect(good.overall).toBeLessThanOrEqual(1);
    expect(good.eyeDistance).toBeWithin(85, 105);
    expect(good.cropRoom).toBe(1);
  });

  test("blurring lowers sharpness step by step, and the overall quality with it", async () => {
    let before = good;
    for (const sigma of [3, 6, 12]) {
      const { quality } = await largest(await png(sample("sample3.jpg").blur(sigma)));
      expect(quality!.sharpness).toBeLessThan(before.sharpness - 0.05);
      expect(quality!.overall).toBeLessThan(before.overall);
      before = quality!;
    }
    expect(before.sharpness).toBeLessThan(0.2);
  });

  test("darkening lowers darkness and the overall quality, not the light measure", async () => {
    const { quality } = await largest(await png(sample("sample3.jpg").linear(0.3, 0)));
    expect(quality!.darkness).toBeLessThan(good.darkness - 0.3);
    expect(quality!.overall).toBeLessThan(good.overall);
    expect(quality!.light).toBe(1);
  });

  test("washing out lowers the light measure and the overall quality, not darkness", async () => {
    const { quality } = await largest(await png(sample("sample3.jpg").linear(0.5, 150)));
    expect(quality!.light).toBeLessThan(good.light - 0.2);
    expect(quality!.overall).toBeLessThan(good.overall);
    expect(quality!.darkness).toBe(1);
  });

  test("a grey picture has no saturation", async () => {
    const { quality } = await largest(await png(sample("sample3.jpg").grayscale()));
    expect(quality!.saturation).toBe(0);
    expect(quality!.overall).toBeLessThan(good.overall);
  });

  test("a smaller copy has the eyes nearer together and is worse", async () => {
    const { quality } = await largest(await png(sample("sample3.jpg").resize({ width: 640 })));
    expect(quality!.eyeDistance).toBeWithin(good.eyeDistance / 3 - 3, good.eyeDistance / 3 + 3);
    expect(quality!.overall).toBeLessThan(good.overall);
  });

  test("crop room is the share of 2.7 x box height that the picture has, as the liveness model crops", async () => {
    const { box } = await largest("sample3.jpg");
    const picture = await openPicture(await around("sample3.jpg", box, 1.6));
    try {
      const { faces } = await runStagesOn(picture, [...FIND, { quality: {} }]);
      const face = faces[0]!;
      const room = Math.min(picture.width, picture.height) / (2.7 * face.box.height);
      expect(face.quality!.cropRoom).toBeCloseTo(room, 9);
      expect(room).toBeWithin(0.4, 0.75);
      const liveness = await environment.model("liveness-default");
      expect(modelCropRoom(picture, liveness, face)).toBe(face.quality!.cropRoom);
      const crop = liveness.cropBox(picture, face);
      expect(crop.width / (2.7 * face.box.height)).toBeCloseTo(face.quality!.cropRoom, 9);
    } finally {
      picture.release();
    }
  });
});

test("the overall quality falls with every single defect", () => {
  const perfect = { sharpness: 1, darkness: 1, light: 1, saturation: 1, eyeDistance: 60, cropRoom: 1 };
  expect(overallOf(perfect)).toBeCloseTo(1, 12);
  for (const key of Object.keys(perfect) as (keyof typeof perfect)[]) {
    const at = (share: number) => overallOf({ ...perfect, [key]: perfect[key] * share });
    expect([at(0.75), at(0.5), at(0)]).toEqual([at(0.75), at(0.5), at(0)].toSorted((a, b) => b - a));
    expect(at(0.75)).toBeLessThan(1);
    expect(at(0.5)).toBeLessThan(at(0.75));
  }
});

describe("gates", () => {
  test("a face under a limit is rejected with the reason's name, its value and the limit", async () => {
    const face = await largest("sample3.jpg", { min_eye_distance: "200px" });
    expect(face.rejected).toEqual({
      stage: "quality",
      reason: "eye_distance",
      message: `eye distance ${face.quality!.eyeDistance.toFixed(1)} px is below 200 px`,
    });
  });

  test("a face over the limits goes on", async () => {
    const face = await largest("sample3.jpg", { min_eye_distance: 60, min_sharpness: 0.5, min_overall: 0.5 });
    expect(face.rejected).toBeUndefined();
  });

  test.each([
    ["sharpness", { min_sharpness: 0.8 }, (s: ReturnType<typeof sample>) => s.blur(8)],
    ["darkness", { min_darkness: 0.9 }, (s: ReturnType<typeof sample>) => s.linear(0.25, 0)],
    ["light", { min_light: 0.9 }, (s: ReturnType<typeof sample>) => s.linear(0.5, 150)],
    ["saturation", { min_saturation: 0.1 }, (s: ReturnType<typeof sample>) => s.grayscale()],
    ["overall", { min_overall: 0.8 }, (s: ReturnType<typeof sample>) => s.blur(8)],
  ])("the defect behind %s is named", async (reason, options, spoil) => {
    const face = await largest(await png(spoil(sample("sample3.jpg"))), options);
    expect(face.rejected?.reason).toBe(reason);
    expect((await largest("sample3.jpg", options)).rejected).toBeUndefined();
  });

  test("of several failed gates the first in the stated order is the reason, and explain names all", async () => {
    const options = { min_overall: 1, min_eye_distance: 500 };
    const { faces, reasons } = await runStages("sample3.jpg", [...FIND, { quality: options }]);
    expect(faces[0]!.rejected?.reason).toBe("eye_distance");
    const explained = reasons.filter((reason) => reason.startsWith("face 1: ") && reason.includes("is below"));
    expect(explained).toHaveLength(2);
  });

  test("a head turned too far is rejected either way", async () => {
    const stages: WrittenStages = [{ detect: {} }, { landmarks: {} }, { pose: {} }, { quality: { max_yaw: 25 } }];
    const { faces } = await runStages("sample5.jpg", stages);
    for (const { pose, rejected } of faces) {
      expect(rejected?.reason).toBe(Math.abs(pose!.yaw) > 25 ? "yaw" : undefined);
    }
    expect(faces.filter(({ rejected }) => rejected)).not.toHaveLength(0);
    expect(faces.filter(({ rejected }) => !rejected)).not.toHaveLength(0);
  });

  test("later stages pass a rejected face by", async () => {
    const { faces } = await runStages("sample3.jpg", [
      ...FIND,
      { quality: { min_eye_distance: 500 } },
      { emotion: {} },
    ]);
    expect(faces[0]!.emotion).toBeUndefined();
  });
});
