/** Descriptors that are made of pictures. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pngDeclaring } from "../../media/files.ts";
import { MODELS_CACHE } from "../../support/engine.ts";
import type { LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import {
  base64Type,
  jpeg,
  noFace,
  oneFace,
  oneFaceAs,
  otherFace,
  part,
  sameFace,
  twoFaces,
  warp,
} from "../../support/luna/faces.ts";
import { newDescriptor, newList, newPerson } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const DESCRIPTORS = "/4/storage/descriptors";
const UNKNOWN = "11111111-2222-4333-8444-555555555555";
const RANDOM = crypto.getRandomValues(new Uint8Array(4096));

type Query = Readonly<Record<string, string | number>>;

let server: LunaServer;
let client: LunaClient;
let picture: Uint8Array;
let two: Uint8Array;
let formats: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  server = await startLuna({ shipped: ["luna-extract", "luna-warp"], settings: { models_cache: MODELS_CACHE } });
  ({ client } = await server.newAccount());
  [picture, two, formats] = await Promise.all([oneFace(), twoFaces(), oneFaceAs()]);
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const send = (bytes: Uint8Array | string, query: Query = {}, type = "image/jpeg") =>
  client.call("POST", DESCRIPTORS, { body: bytes, type, query });
const stored = async () => (await client.get(DESCRIPTORS)).body.count;
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** The only face of an answer. */
async function faceOf(answer: Promise<LunaAnswer>) {
  const { status, body } = await answer;
  expect([status, body.error_code, body.faces?.length]).toEqual([201, undefined, 1]);
  return body.faces[0];
}

describe("bodies", () => {
  test("LUNA-DESC-001 a picture of one face gives its id, boxes and score, and nothing that was not asked for", async () => {
    const { status, body } = await send(picture);
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual(["faces"]);
    expect(body.faces.map((face: object) => Object.keys(face).sort())).toEqual([["id", "rect", "rectISO", "score"]]);
    expect((await client.get(`${DESCRIPTORS}/${body.faces[0].id}`)).status).toBe(200);
  });

  test("LUNA-DESC-002 each of the binary types is taken", async () => {
    const { rect } = await faceOf(send(picture));
    for (const [type, bytes] of formats) {
      const face = await faceOf(send(bytes, {}, type));
      for (const side of ["x", "y", "width", "height"]) {
        expect([type, Math.abs(face.rect[side] - rect[side]) <= 5]).toEqual([type, true]);
      }
    }
  });

  test("LUNA-DESC-003 each type is taken in base64, with the same boxes as binary", async () => {
    for (const [type, bytes] of formats) {
      const [binary, text] = [
        await faceOf(send(bytes, { extract_descriptor: 0 }, type)),
        await faceOf(send(base64(bytes), { extract_descriptor: 0 }, base64Type(type))),
      ];
      expect([type, text]).toEqual([type, binary]);
    }
    // Lines as mail and command line tools break them.
    const lines = base64(picture).replace(/.{76}/g, "$&\r\n");
    expect(await faceOf(send(`${lines}\n`, {}, "image/x-jpeg-base64"))).toHaveProperty("id");
  });

  test("LUNA-DESC-004 two faces give two descriptors", async () => {
    const { status, body } = await send(two);
    expect([status, body.faces.length]).toEqual([201, 2]);
    expect(body.faces[0].id).not.toBe(body.faces[1].id);
    expect(body.faces[0].score).toBeGreaterThanOrEqual(body.faces[1].score);
    for (const { id } of body.faces) expect((await client.get(`${DESCRIPTORS}/${id}`)).status).toBe(200);
  });

  test("LUNA-DESC-005 a picture without a face is told with 500", async () => {
    const before = await stored();
    const answer = await send(await noFace());
    expect(told(answer)).toEqual([500, 4003]);
    expect(answer.body.detail).toBe("No faces found.");
    expect(await stored()).toBe(before);
  });

  test("LUNA-DESC-006 bytes that are no picture are refused", async () => {
    expect(told(await send(RANDOM))).toEqual([400, 100033]);
    expect(told(await send(picture.subarray(0, 2000)))).toEqual([400, 100033]);
    expect(told(await send("<svg xmlns='http://www.w3.org/2000/svg'/>"))).toEqual([400, 100033]);
  });

  test("LUNA-DESC-006 pictures of more pixels than allowed are refused before they are decoded", async () => {
    const large = pngDeclaring(8000, 8000, new Uint8Array(100));
    expect(told(await send(large, {}, "image/png"))).toEqual([400, 100033]);
  });

  test("LUNA-DESC-007 the bytes say what they are, not the type", async () => {
    const png = formats.get("image/png")!;
    expect(await faceOf(send(png))).toHaveProperty("id");
    expect(await faceOf(send(base64(png), {}, "image/x-windows-bmp-base64"))).toHaveProperty("id");
  });

  test("LUNA-DESC-008 a body without a type is refused", async () => {
    const answer = await client.call("POST", DESCRIPTORS, { body: picture, headers: {} });
    expect(told(answer)).toEqual([400, 12017]);
    expect(answer.body.detail).toBe("Bad content type");
  });

  test.each(["application/pdf", "image/webp", "image/jpeg-base64", "image/x-jpeg", "application/json", "text/plain"])(
    "LUNA-DESC-009 type %s is refused",
    async (type) => {
      expect(told(await send(picture, {}, type))).toEqual([400, 12017]);
    },
  );

  test("LUNA-DESC-009 letter case and parameters of the type do not matter", async () => {
    expect(await faceOf(send(picture, {}, "IMAGE/Jpeg; name=x"))).toHaveProperty("id");
  });

  test("LUNA-DESC-010 broken base64 is told with 500", async () => {
    const text = base64(picture);
    for (const broken of [
      `${text.slice(0, 400)}*${text.slice(401)}`,
      text.slice(0, 401),
      `data:image/jpeg;base64,${text}`,
    ]) {
      const answer = await send(broken, {}, "image/x-jpeg-base64");
      expect(told(answer)).toEqual([500, 18001]);
      expect(answer.body.detail).toBe("Failed convert data from base64 to bytes");
    }
  });

  test("LUNA-DESC-011 an empty body is no picture", async () => {
    expect(told(await send(new Uint8Array(0)))).toEqual([400, 100033]);
    expect(told(await send("", {}, "image/x-jpeg-base64"))).toEqual([400, 100033]);
  });

  test("a body beyond the limit is refused with 413, and the connection goes on", async () => {
    const answer = await send(new Uint8Array(15 * 2 ** 20 + 1));
    expect(answer.status).toBe(413);
    expect(await faceOf(send(picture))).toHaveProperty("id");
  });
});

describe("parameters", () => {
  test.each([
    ["LUNA-DESC-022", "estimate_quality", "2"],
    ["LUNA-DESC-023", "warped_image", "abc"],
    ["LUNA-DESC-024", "score_threshold", "1.5"],
    ["LUNA-DESC-024", "score_threshold", "-0.1"],
    ["LUNA-DESC-024", "score_threshold", "high"],
    ["LUNA-DESC-030", "yaw__lt", "x"],
    ["LUNA-DESC-031", "pitch__lt", "x"],
    ["LUNA-DESC-031", "roll__lt", ""],
    ["LUNA-DESC-022", "estimate_attributes", "true"],
    ["LUNA-DESC-022", "estimate_emotions", ""],
    ["LUNA-DESC-022", "estimate_ethnicities", "-1"],
    ["LUNA-DESC-022", "estimate_head_pose", "01"],
    ["LUNA-DESC-022", "extract_exif", "1.0"],
    ["LUNA-DESC-022", "extract_descriptor", "no"],
    ["LUNA-DESC-022", "no_cache", "x"],
  ])("%s %s=%s is refused with its name", async (_id, name, value) => {
    const answer = await send(picture, { [name]: value });
    expect(told(answer)).toEqual([400, 12012]);
    expect(answer.body.detail).toBe(`Bad query parameters '${name}'`);
  });

  test("LUNA-DESC-025 a threshold that no face reaches turns all away", async () => {
    const answer = await send(picture, { score_threshold: 1 });
    expect(told(answer)).toEqual([400, 36003]);
    expect(answer.body).toMatchObject({ desc: "Face does not satisfy thresholds limits", detail: "No faces found." });
  });

  test("LUNA-DESC-026 a threshold between two scores keeps one face, and stores one", async () => {
    const [high, low] = (await send(two, { extract_descriptor: 0 })).body.faces;
    expect(high.score).toBeGreaterThan(low.score);
    const before = await stored();
    const kept = await faceOf(send(two, { score_threshold: (high.score + low.score) / 2 }));
    expect(kept.rect).toEqual(high.rect);
    expect(await stored()).toBe(before + 1);
  });

  test("LUNA-DESC-027 a threshold above both scores stores nothing", async () => {
    const before = await stored();
    expect(told(await send(two, { score_threshold: 1 }))).toEqual([400, 36003]);
    expect(await stored()).toBe(before);
  });

  test.each([
    ["LUNA-DESC-028", "yaw"],
    ["LUNA-DESC-031", "pitch"],
    ["LUNA-DESC-031", "roll"],
  ])(
    "%s LUNA-DESC-029 LUNA-DESC-032 %s__lt turns away what is beyond it and is ignored outside 0 to 180",
    async (_id, axis) => {
      const asked = await faceOf(send(picture, { estimate_head_pose: 1 }));
      const angle = Math.abs(asked.attributes.head_pose[axis]);
      expect(angle).toBeGreaterThan(0);
      const before = await stored();
      for (const limit of [0, angle - 0.01]) {
        expect([limit, ...told(await send(picture, { [`${axis}__lt`]: limit }))]).toEqual([limit, 400, 36003]);
      }
      expect(await stored()).toBe(before);
      for (const limit of [angle + 0.01, 180, 200, -1, 1e6]) {
        const face = await faceOf(send(picture, { [`${axis}__lt`]: limit }));
        expect(face).not.toHaveProperty("attributes");
      }
    },
  );

  test("LUNA-DESC-033 extract_descriptor=0 tells the faces and stores nothing", async () => {
    const before = await stored();
    const { status, body } = await send(two, { extract_descriptor: 0, estimate_attributes: 1 });
    expect(status).toBe(201);
    for (const face of body.faces) {
      expect(Object.keys(face).sort()).toEqual(["attributes", "rect", "rectISO", "score"]);
    }
    expect(await stored()).toBe(before);
  });

  test("LUNA-DESC-037 no_cache changes nothing", async () => {
    const { id: _, ...without } = await faceOf(send(picture, { estimate_attributes: 1 }));
    const { id: __, ...cached } = await faceOf(send(picture, { estimate_attributes: 1, no_cache: 1 }));
    expect(cached).toEqual(without);
  });

  test("LUNA-DESC-048 scores are within 0 and 1", async () => {
    for (const bytes of [picture, two, await otherFace(), await sameFace()]) {
      for (const { score } of (await send(bytes, { extract_descriptor: 0 })).body.faces) {
        expect(score > 0 && score <= 1).toBe(true);
      }
    }
  });
});

describe("warps", () => {
  test("LUNA-DESC-034 a warp gives id and score, and no boxes", async () => {
    const face = await faceOf(send(await warp(), { warped_image: 1 }));
    expect(Object.keys(face).sort()).toEqual(["id", "score"]);
    expect(face.score > 0 && face.score <= 1).toBe(true);
  });

  test("LUNA-DESC-034 a warp has estimates like any picture", async () => {
    const query = { warped_image: 1, estimate_attributes: 1, estimate_emotions: 1, estimate_quality: 1 };
    const { attributes, quality } = await faceOf(send(await warp(), query));
    expect(Object.keys(attributes).sort()).toEqual(["age", "emotions", "gender"]);
    expect(quality.saturation).toBe(1);
  });

  test.each([
    [249, 250],
    [250, 251],
    [500, 500],
    [8, 8],
  ])("LUNA-DESC-035 a picture of %i x %i is no warp", async (width, height) => {
    const region = { left: 528, top: 290, width: 330, height: 330 };
    const answer = await send(await jpeg(part(region).resize(width, height, { fit: "fill" })), { warped_image: 1 });
    expect(told(answer)).toEqual([400, 11043]);
    expect(answer.body.detail).toBe("Bad image size for face warped image");
  });

  test("LUNA-DESC-036 the pose of a warp is neither told nor a gate", async () => {
    const query = { warped_image: 1, estimate_head_pose: 1, yaw__lt: 0, pitch__lt: 0, roll__lt: 0 };
    expect(Object.keys(await faceOf(send(await warp(), query))).sort()).toEqual(["id", "score"]);
  });

  test("LUNA-DESC-034 a threshold of the score turns warps away, too", async () => {
    const { score } = await faceOf(send(await warp(), { warped_image: 1, extract_descriptor: 0 }));
    if (score < 1)
      expect(told(await send(await warp(), { warped_image: 1, score_threshold: 1 }))).toEqual([400, 36003]);
    const kept = await faceOf(send(await warp(), { warped_image: 1, score_threshold: score - 0.001 }));
    expect(kept.score).toBe(score);
  });
});

describe("reading", () => {
  let reader: LunaClient;
  beforeAll(async () => {
    ({ client: reader } = await server.newAccount());
  });

  test("LUNA-DESC-049 the list shows exactly four members of each, the newest first", async () => {
    const ids = [await newDescriptor(reader), await newDescriptor(reader)];
    const { body } = await reader.get(DESCRIPTORS);
    expect(body.descriptors.map(({ id }: { id: string }) => id)).toEqual(ids.toReversed());
    for (const each of body.descriptors) {
      expect(Object.keys(each).sort()).toEqual(["id", "last_update", "lists", "person_id"]);
    }
  });

  test("LUNA-DESC-050 LUNA-DESC-054 a new descriptor has no person and no lists, and shows no estimates", async () => {
    const before = Date.now();
    const { body } = await client.call("POST", DESCRIPTORS, {
      body: picture,
      type: "image/jpeg",
      query: { estimate_attributes: 1 },
    });
    const id = body.faces[0].id;
    const shown = (await client.get(`${DESCRIPTORS}/${id}`)).body;
    expect(shown).toEqual({ id, last_update: expect.stringMatching(/^\d{4}-.*Z$/), person_id: null, lists: [] });
    expect(Date.parse(shown.last_update)).toBeGreaterThanOrEqual(before);
  });

  test("LUNA-DESC-051 an unknown descriptor, and one of another account, is not found", async () => {
    for (const id of [UNKNOWN, await newDescriptor(reader)]) {
      const answer = await client.get(`${DESCRIPTORS}/${id}`);
      expect(told(answer)).toEqual([404, 11018]);
      expect(answer.body.detail).toBe(`Descriptor with id '${id}' not found.`);
    }
  });

  test("LUNA-DESC-052 LUNA-DESC-053 a person and lists are told once they are attached", async () => {
    const id = await newDescriptor(reader);
    const made = (await reader.get(`${DESCRIPTORS}/${id}`)).body;
    const person = await newPerson(reader);
    const list = await newList(reader, "descriptors");
    await reader.call("PATCH", `/4/storage/persons/${person}/linked_descriptors`, {
      query: { descriptor_id: id, do: "attach" },
    });
    await reader.call("PATCH", `${DESCRIPTORS}/${id}/linked_lists`, { query: { list_id: list, do: "attach" } });
    const shown = (await reader.get(`${DESCRIPTORS}/${id}`)).body;
    expect(shown).toMatchObject({ person_id: person, lists: [list] });
    expect(Date.parse(shown.last_update)).toBeGreaterThanOrEqual(Date.parse(made.last_update));
  });
});
