/** What is told of the faces of a picture beside their boxes, and of the picture itself. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import sharp from "sharp";
import { MODELS_CACHE } from "../../support/engine.ts";
import type { LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { FIRST_FACE, jpeg, oneFace, part } from "../../support/luna/faces.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const DESCRIPTORS = "/4/storage/descriptors";

type Query = Readonly<Record<string, string | number>>;

let server: LunaServer;
let client: LunaClient;
let picture: Uint8Array;

beforeAll(async () => {
  server = await startLuna({ shipped: ["luna-extract"], settings: { models_cache: MODELS_CACHE } });
  ({ client } = await server.newAccount());
  picture = await oneFace();
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const send = (bytes: Uint8Array, query: Query = {}) =>
  client.call("POST", DESCRIPTORS, { body: bytes, type: "image/jpeg", query });
const stored = async () => (await client.get(DESCRIPTORS)).body.count;

/** The only face of an answer. */
async function faceOf(answer: Promise<LunaAnswer>) {
  const { status, body } = await answer;
  expect([status, body.error_code, body.faces?.length]).toEqual([201, undefined, 1]);
  return body.faces[0];
}

describe("estimates", () => {
  test("LUNA-DESC-012 LUNA-DESC-013 attributes are age and gender and nothing else", async () => {
    const { attributes } = await faceOf(send(picture, { estimate_attributes: 1 }));
    expect(Object.keys(attributes).sort()).toEqual(["age", "gender"]);
    expect(Number.isInteger(attributes.age) && attributes.age >= 0 && attributes.age <= 100).toBe(true);
    expect([0, 1]).toContain(attributes.gender);
  });

  test("LUNA-DESC-014 emotions are seven shares that add up to 1, and the greatest", async () => {
    const { attributes } = await faceOf(send(picture, { estimate_emotions: 1 }));
    expect(Object.keys(attributes)).toEqual(["emotions"]);
    const { estimations, predominant_emotion } = attributes.emotions;
    const names = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"];
    expect(Object.keys(estimations).sort()).toEqual(names);
    const shares = Object.values<number>(estimations);
    expect(shares.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
    expect(estimations[predominant_emotion]).toBe(Math.max(...shares));
  });

  test("LUNA-DESC-016 the head pose is three angles", async () => {
    const { attributes } = await faceOf(send(picture, { estimate_head_pose: 1 }));
    expect(Object.keys(attributes)).toEqual(["head_pose"]);
    expect(Object.keys(attributes.head_pose).sort()).toEqual(["pitch", "roll", "yaw"]);
    for (const angle of Object.values<number>(attributes.head_pose)) expect(Math.abs(angle)).toBeLessThan(90);
  });

  test("LUNA-DESC-017 quality is four measures, the saturation always 1", async () => {
    const { quality, attributes } = await faceOf(send(picture, { estimate_quality: 1 }));
    expect(attributes).toBeUndefined();
    expect(Object.keys(quality).sort()).toEqual(["blurriness", "dark", "light", "saturation"]);
    expect(quality.saturation).toBe(1);
    for (const each of Object.values<number>(quality)) expect(each >= 0 && each <= 1).toBe(true);
  });

  test("LUNA-DESC-017 each measure of quality falls with its defect", async () => {
    const qualityOf = async (bytes: Uint8Array) => (await faceOf(send(bytes, { estimate_quality: 1 }))).quality;
    const good = await qualityOf(picture);
    expect((await qualityOf(await jpeg(part(FIRST_FACE).blur(8)))).blurriness).toBeLessThan(good.blurriness - 0.1);
    expect((await qualityOf(await jpeg(part(FIRST_FACE).linear(0.2)))).dark).toBeLessThan(good.dark - 0.1);
    expect((await qualityOf(await jpeg(part(FIRST_FACE).linear(1.1, 130)))).light).toBeLessThan(good.light - 0.1);
  });

  test("LUNA-DESC-018 with all flags 0 nothing is estimated", async () => {
    const flags = ["attributes", "emotions", "ethnicities", "head_pose", "quality"];
    const query = Object.fromEntries(flags.map((flag) => [`estimate_${flag}`, 0]));
    expect(Object.keys(await faceOf(send(picture, query))).sort()).toEqual(["id", "rect", "rectISO", "score"]);
  });

  test("all estimates can be had at once", async () => {
    const query = { estimate_attributes: 1, estimate_emotions: 1, estimate_head_pose: 1, estimate_quality: 1 };
    const { attributes, quality } = await faceOf(send(picture, query));
    expect(Object.keys(attributes).sort()).toEqual(["age", "emotions", "gender", "head_pose"]);
    expect(quality).toBeDefined();
  });

  test("ethnicities without a model for them are refused with its name, and nothing is stored", async () => {
    const before = await stored();
    const answer = await send(picture, { estimate_ethnicities: 1 });
    expect(told(answer)).toEqual([500, 1]);
    expect(answer.body.detail).toContain("ethnicity-default");
    expect(await stored()).toBe(before);
  });

  test("the operator reads once that the model is missing; requests that ask for it are no failures in the log", async () => {
    for (let asked = 0; asked < 3; asked++) await send(picture, { estimate_ethnicities: 1 });
    const { logs } = server.server;
    expect(logs.where({ level: "warn", model: "ethnicity-default" })).toHaveLength(1);
    expect(logs.where({ level: "info", status: 500, code: "model_unknown" }).length).toBeGreaterThanOrEqual(3);
    expect(logs.where({ level: "error" })).toEqual([]);
  });
});

describe("EXIF", () => {
  const tagged = () =>
    jpeg(
      part(FIRST_FACE).withExif({
        IFD0: { Make: "Acme", Model: "Eye 3", Software: "Shutter 2.1", Artist: "A. Photographer", Orientation: "1" },
        IFD2: { Flash: "16" },
        IFD3: {
          GPSLatitudeRef: "S",
          GPSLatitude: "51/1 30/1 0/1",
          GPSLongitudeRef: "E",
          GPSLongitude: "0/1 7/1 30/1",
        },
      }),
    );

  test("LUNA-DESC-019 the fields of a picture are told when they are asked for", async () => {
    const { body } = await send(await tagged(), { extract_exif: 1 });
    expect(body.exif).toEqual({
      make: "Acme",
      model: "Eye 3",
      software: "Shutter 2.1",
      artist: "A. Photographer",
      flash: expect.any(String),
      orientation: 1,
      gps: { latitude: "-51.500000", longitude: "0.125000" },
    });
  });

  test.each([2, 3, 4, 5, 6, 7, 8])("LUNA-DESC-019 orientation %i is told and honoured", async (orientation) => {
    const turned = await turnedAs(orientation);
    const { status, body } = await send(turned, { extract_exif: 1 });
    expect([status, body.exif]).toEqual([201, { orientation }]);
    const { rect } = await faceOf(send(picture));
    for (const side of ["x", "y", "width", "height"]) {
      expect(Math.abs(body.faces[0].rect[side] - rect[side])).toBeLessThan(12);
    }
  });

  test("LUNA-DESC-020 the fields are not told when they are not asked for", async () => {
    expect((await send(await tagged(), { extract_exif: 0 })).body).not.toHaveProperty("exif");
    expect((await send(await tagged())).body).not.toHaveProperty("exif");
  });

  test("LUNA-DESC-021 a picture without fields has none to tell", async () => {
    const { status, body } = await send(picture, { extract_exif: 1 });
    expect([status, body.exif]).toEqual([201, {}]);
  });

  /** The picture stored so that a viewer which honours the orientation sees it as it was. */
  async function turnedAs(orientation: number): Promise<Uint8Array> {
    const upright = part(FIRST_FACE);
    const pixels = await upright.png().toBuffer();
    // What undoes each orientation, as the EXIF standard numbers them.
    const undo: Record<number, [angle: number, mirrored: boolean]> = {
      2: [0, true],
      3: [180, false],
      4: [180, true],
      5: [90, true],
      6: [270, false],
      7: [270, true],
      8: [90, false],
    };
    const [angle, mirrored] = undo[orientation]!;
    const turned = sharp(await sharp(pixels).rotate(angle).png().toBuffer());
    return jpeg((mirrored ? turned.flop() : turned).withMetadata({ orientation }));
  }
});
