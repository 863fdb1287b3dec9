/** Where faces lie, and the portraits that are kept of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import sharp from "sharp";
import type { FaceJson } from "../../../src/pipeline/results.ts";
import { MODELS_CACHE } from "../../support/engine.ts";
import { credentialHeaders, type LunaAnswer, type LunaClient } from "../../support/luna/client.ts";
import { FIRST_FACE, jpeg, oneFace, otherFace, part, twoFaces, warp } from "../../support/luna/faces.ts";
import { newDescriptor } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const DESCRIPTORS = "/4/storage/descriptors";
const PORTRAITS = "/4/storage/portraits";
const UNKNOWN = "11111111-2222-4333-8444-555555555555";
const SIDES = ["x", "y", "width", "height"] as const;

type Rect = Readonly<Record<(typeof SIDES)[number], number>>;
interface Shown {
  readonly id: string;
  readonly rect: Rect;
  readonly rectISO: Rect;
}

const options = { shipped: ["luna-extract", "luna-warp"], settings: { models_cache: MODELS_CACHE } };
let server: LunaServer;
let client: LunaClient;
let token: string;

beforeAll(async () => {
  server = await startLuna(options);
  ({ client, token } = await server.newAccount());
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const facesOf = async (bytes: Uint8Array, query: Readonly<Record<string, number>> = {}) => {
  const { status, body } = await client.call("POST", DESCRIPTORS, { body: bytes, type: "image/jpeg", query });
  expect(status).toBe(201);
  return body.faces as readonly Shown[];
};
const onlyFace = async (bytes: Uint8Array, query: Readonly<Record<string, number>> = {}) => {
  const faces = await facesOf(bytes, query);
  expect(faces).toHaveLength(1);
  return faces[0]!;
};
const portraitOf = async (id: string, suffix = "") => {
  const { status, headers, bytes } = await client.get(`${PORTRAITS}/${id}${suffix}`);
  expect([status, headers.get("content-type")]).toEqual([200, "image/jpeg"]);
  const { width, height, format } = await sharp(bytes).metadata();
  // Decodes the whole of it, too.
  const { channels } = await sharp(bytes).stats();
  expect([format, channels.length]).toEqual(["jpeg", 3]);
  return { width, height, bytes };
};

/** The eyes as the pipeline finds them, of the faces as answers order them. */
async function eyesOf(bytes: Uint8Array) {
  const { items } = await server.server.run("luna-extract", bytes);
  const faces = items[0]!.faces.toSorted((a: FaceJson, b: FaceJson) => b.score - a.score);
  return faces.map(({ landmarks }) => {
    const [left, right] = landmarks!.five as [[number, number], [number, number]];
    const distance = Math.hypot(right[0] - left[0], right[1] - left[1]);
    return { x: (left[0] + right[0]) / 2, y: (left[1] + right[1]) / 2, distance };
  });
}

describe("boxes", () => {
  test("LUNA-GEO-001 LUNA-GEO-002 LUNA-GEO-005 LUNA-GEO-006 LUNA-GEO-007 rectISO is the frame of a portrait around the eyes", async () => {
    for (const bytes of [await oneFace(), await otherFace(), await twoFaces()]) {
      const faces = await facesOf(bytes, { extract_descriptor: 0 });
      const eyes = await eyesOf(bytes);
      for (const [i, { rect, rectISO }] of faces.entries()) {
        for (const side of SIDES) expect([rect[side], rectISO[side]].every(Number.isInteger)).toBe(true);
        expect(Math.abs(4 * rectISO.width - 3 * rectISO.height)).toBeLessThanOrEqual(4);
        expect(rectISO.x).toBeLessThanOrEqual(rect.x);
        expect(rectISO.x + rectISO.width).toBeGreaterThanOrEqual(rect.x + rect.width);
        expect(rectISO.y).toBeLessThanOrEqual(rect.y);
        expect(rectISO.y + rectISO.height).toBeGreaterThanOrEqual(rect.y + rect.height / 2);
        const { x, y, distance } = eyes[i]!;
        expect(Math.abs((x - rectISO.x) / rectISO.width - 0.5)).toBeLessThan(0.05);
        expect(Math.abs((y - rectISO.y) / rectISO.height - 0.45)).toBeLessThan(0.05);
        expect(Math.abs(distance / rectISO.width - 0.25)).toBeLessThan(0.025);
      }
    }
  });

  test("LUNA-GEO-003 LUNA-GEO-017 at the edge of a picture rectISO goes beyond it, and the portrait is padded", async () => {
    const { id, rectISO } = await onlyFace(await jpeg(part({ left: 585, top: 310, width: 300, height: 400 })));
    expect(rectISO.x).toBeLessThan(0);
    expect(rectISO.y).toBeLessThan(0);
    expect(Math.abs(4 * rectISO.width - 3 * rectISO.height)).toBeLessThanOrEqual(4);
    const { width, height } = await portraitOf(id);
    expect(height).toBe(250);
    expect(Math.abs(4 * width - 3 * height)).toBeLessThanOrEqual(4);
  });

  test.each([0.5, 2])("LUNA-GEO-004 in a picture %p times as large boxes are so, too", async (scale) => {
    const base = await onlyFace(await jpeg(part(FIRST_FACE)), { extract_descriptor: 0 });
    const size = Math.round(FIRST_FACE.width * scale);
    const scaled = await onlyFace(await jpeg(part(FIRST_FACE).resize(size)), { extract_descriptor: 0 });
    for (const box of ["rect", "rectISO"] as const) {
      for (const side of SIDES) {
        // In pixels of the smaller picture: what is found there cannot be more exact.
        const apart = Math.abs(scaled[box][side] - base[box][side] * scale) / Math.max(1, scale);
        expect([box, side, apart <= 3]).toEqual([box, side, true]);
      }
    }
  });
});

describe("portraits", () => {
  let id: string;
  beforeAll(async () => {
    ({ id } = await onlyFace(await oneFace()));
  });

  test("LUNA-GEO-008 LUNA-GEO-009 a face has a portrait of 3:4, at most 250 high", async () => {
    const { width, height } = await portraitOf(id);
    expect(height).toBe(250);
    expect(Math.abs(4 * width - 3 * height)).toBeLessThanOrEqual(4);
  });

  test("LUNA-GEO-009 the portrait shows what lies within rectISO", async () => {
    const picture = await oneFace();
    const { id: own, rectISO } = await onlyFace(picture);
    const { width, height, bytes } = await portraitOf(own);
    const region = { left: rectISO.x, top: rectISO.y, width: rectISO.width, height: rectISO.height };
    const cut = await sharp(picture).extract(region).resize(width, height, { fit: "fill" }).raw().toBuffer();
    const shown = await sharp(bytes).raw().toBuffer();
    const apart = shown.reduce((sum, value, i) => sum + Math.abs(value - cut[i]!), 0) / shown.length;
    expect(apart).toBeLessThan(4);
  });

  test("LUNA-GEO-009 a small face has a small portrait", async () => {
    const small = await onlyFace(await jpeg(part(FIRST_FACE).resize(180)));
    const { width, height } = await portraitOf(small.id);
    expect(height).toBeLessThan(200);
    expect(Math.abs(4 * width - 3 * height)).toBeLessThanOrEqual(4);
    // Thumbnails have their size all the same.
    expect((await portraitOf(small.id, "_160")).height).toBe(160);
  });

  test("LUNA-GEO-010 the portrait of a warp is the warp", async () => {
    const { id: warped } = await onlyFace(await warp(), { warped_image: 1 });
    const { width, height, bytes } = await portraitOf(warped);
    expect([width, height]).toEqual([250, 250]);
    const [sent, kept] = await Promise.all([await warp(), bytes].map((each) => sharp(each).raw().toBuffer()));
    const apart = kept!.reduce((sum, value, i) => sum + Math.abs(value - sent![i]!), 0) / kept!.length;
    expect(apart).toBeLessThan(3);
    expect(await portraitOf(warped, "_64")).toMatchObject({ width: 64, height: 64 });
  });

  test.each([32, 64, 96, 160])("LUNA-GEO-011 the longer side of thumbnail _%i is exactly that", async (side) => {
    const { width, height } = await portraitOf(id, `_${side}`);
    expect(height).toBe(side);
    expect(Math.abs(width - 0.75 * side)).toBeLessThanOrEqual(1);
  });

  test.each([
    ["LUNA-GEO-012", "_100"],
    ["LUNA-GEO-013", "_032"],
    ["LUNA-GEO-012", "_0"],
    ["LUNA-GEO-012", "_250"],
  ])("%s there is no thumbnail %s", async (_id, suffix) => {
    const answer = await client.get(`${PORTRAITS}/${id}${suffix}`);
    expect(told(answer)).toEqual([404, 13003]);
    expect(answer.body.detail).toBe(`Image with id '${id}${suffix}' not found`);
  });

  test.each(["_", "_x", "_32_32", "-32", "_32.jpg"])("LUNA-GEO-012 %s is no address at all", async (suffix) => {
    expect((await client.get(`${PORTRAITS}/${id}${suffix}`)).status).toBe(404);
  });

  test("LUNA-GEO-014 an unknown descriptor, and one of another account, has no portrait", async () => {
    const stranger = (await server.newAccount()).client;
    const answer = await client.get(`${PORTRAITS}/${UNKNOWN}`);
    expect(told(answer)).toEqual([404, 13003]);
    expect(answer.body.detail).toBe(`Image with id '${UNKNOWN}' not found`);
    for (const suffix of ["", "_32"])
      expect(told(await stranger.get(`${PORTRAITS}/${id}${suffix}`))).toEqual([404, 13003]);
    expect((await server.get(`${PORTRAITS}/${id}`)).status).toBe(401);
  });

  test("LUNA-GEO-015 an uploaded descriptor has no portrait", async () => {
    const uploaded = await newDescriptor(client);
    for (const suffix of ["", "_32"]) {
      expect(told(await client.get(`${PORTRAITS}/${uploaded}${suffix}`))).toEqual([404, 13003]);
    }
  });

  test("who has a portrait already is not sent it again", async () => {
    for (const suffix of ["", "_64"]) {
      const { headers } = await client.get(`${PORTRAITS}/${id}${suffix}`);
      expect(headers.get("cache-control")).toBe("private, no-cache");
      const again = await fetch(`${server.url}${PORTRAITS}/${id}${suffix}`, {
        headers: { ...credentialHeaders({ token }), "if-none-match": headers.get("etag")! },
      });
      expect([again.status, (await again.bytes()).length]).toEqual([304, 0]);
    }
    const [whole, small] = await Promise.all(["", "_64"].map((suffix) => client.get(`${PORTRAITS}/${id}${suffix}`)));
    expect(whole!.headers.get("etag")).not.toBe(small!.headers.get("etag"));
  });
});

test("LUNA-GEO-016 without the image store no portraits are kept or shown, and descriptors are made all the same", async () => {
  await using bare = await startLuna({ ...options, settings: { ...options.settings, luna: { portraits: false } } });
  const { client: caller } = await bare.newAccount();
  const { status, body } = await caller.post(DESCRIPTORS, await oneFace(), { type: "image/jpeg" });
  expect([status, Object.keys(body.faces[0]).sort()]).toEqual([201, ["id", "rect", "rectISO", "score"]]);
  const { id } = body.faces[0];
  for (const path of [id, `${id}_32`, UNKNOWN]) {
    const answer = await caller.get(`${PORTRAITS}/${path}`);
    expect(told(answer)).toEqual([403, 11070]);
    expect(answer.body.detail).toBe("Luna Image Store service is disabled");
  }
  const { id: account } = (await bare.server.app.store.gallery.accounts.list())[0]!;
  expect(await bare.server.app.store.gallery.descriptors.sample(account, id)).toBeUndefined();
});
