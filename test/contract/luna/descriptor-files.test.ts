/** Descriptors that are uploaded as files, and files of stored ones. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writePayload } from "../../../src/gallery/formats/payload.ts";
import { writeSdk } from "../../../src/gallery/formats/sdk.ts";
import { writeXpk } from "../../../src/gallery/formats/xpk.ts";
import { MODELS_CACHE } from "../../support/engine.ts";
import { credentialHeaders, type LunaAnswer, type LunaClient } from "../../support/luna/client.ts";
import { oneFace, sameFace } from "../../support/luna/faces.ts";
import {
  newDescriptor,
  randomNumbers,
  SDK_TYPE,
  SDK_VERSION,
  sdkFile,
  unitVector,
  XPK_TYPE,
} from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

const DESCRIPTORS = "/4/storage/descriptors";
const UNKNOWN = "11111111-2222-4333-8444-555555555555";
const RANDOM = crypto.getRandomValues(new Uint8Array(2056));

let server: LunaServer;
let client: LunaClient;
let token: string;

beforeAll(async () => {
  server = await startLuna({ shipped: ["luna-extract"], settings: { models_cache: MODELS_CACHE } });
  ({ client, token } = await server.newAccount());
});
afterAll(() => server.stop());

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const upload = (bytes: Uint8Array | string, type: string, query: Readonly<Record<string, string>> = {}) =>
  client.call("POST", DESCRIPTORS, { body: bytes, type, query });
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const xpkFile = (seed: number) => writeXpk([{ version: SDK_VERSION, payload: writePayload(unitVector(seed)) }]);

/** The stored descriptor as a file. The description does not know this answer, so it is asked for plainly. */
async function exported(id: string, type: string) {
  const response = await fetch(`${server.url}${DESCRIPTORS}/${id}`, {
    headers: { ...credentialHeaders({ token }), accept: type },
  });
  return { status: response.status, type: mediaType(response), bytes: await response.bytes() };
}

function mediaType({ headers }: Response): string | undefined {
  return headers.get("content-type")?.split(";")[0];
}

test.each([
  ["LUNA-DESC-038", SDK_TYPE, sdkFile(1)],
  ["LUNA-DESC-039", `${SDK_TYPE}-base64`, base64(sdkFile(2))],
  ["LUNA-DESC-044", XPK_TYPE, xpkFile(3)],
  ["LUNA-DESC-045", `${XPK_TYPE}-base64`, base64(xpkFile(4))],
])("%s %s is stored and gives its id only", async (_id, type, bytes) => {
  const { status, body } = await upload(bytes, type);
  expect(status).toBe(201);
  expect(body).toEqual({ faces: [{ id: expect.any(String) }] });
  expect((await client.get(`${DESCRIPTORS}/${body.faces[0].id}`)).status).toBe(200);
});

test("LUNA-DESC-040 of a descriptor nothing is estimated, whatever the query says", async () => {
  const query = { estimate_attributes: "2", warped_image: "1", score_threshold: "x", extract_descriptor: "0" };
  const { status, body } = await upload(sdkFile(5), SDK_TYPE, query);
  expect([status, Object.keys(body.faces[0])]).toEqual([201, ["id"]]);
});

describe("what is refused", () => {
  let before: number;
  const count = async () => (await client.get(DESCRIPTORS)).body.count;
  beforeAll(async () => {
    before = await count();
  });
  afterAll(async () => {
    expect(await count()).toBe(before);
  });

  test.each([
    ["bytes at random", RANDOM],
    ["no bytes", new Uint8Array(0)],
    ["a descriptor that is cut", sdkFile(1).subarray(0, -1)],
    ["a descriptor of other numbers", writeSdk({ version: SDK_VERSION, payload: writePayload(new Float32Array(128)) })],
    ["a descriptor of zeros", writeSdk({ version: SDK_VERSION, payload: new Uint8Array(2048) })],
    ["a descriptor of NaN", writeSdk({ version: SDK_VERSION, payload: new Uint8Array(2048).fill(0xff) })],
    ["a container", xpkFile(1)],
  ])("LUNA-DESC-041 %s as SDK descriptor", async (_what, bytes) => {
    const answer = await upload(bytes, SDK_TYPE);
    expect(told(answer)).toEqual([400, 12038]);
    expect(answer.body.detail).toBe("SDK descriptor is not valid");
    expect(told(await upload(base64(bytes), `${SDK_TYPE}-base64`))).toEqual([400, 12038]);
  });

  test.each([54, 42, 0, 1002, 0xffff_ffff])("LUNA-DESC-042 descriptors of version %i", async (version) => {
    const answer = await upload(writeSdk({ version, payload: new Uint8Array(512) }), SDK_TYPE);
    expect(told(answer)).toEqual([400, 34001]);
    expect(answer.body).toMatchObject({ desc: "Forbidden", detail: `Descriptor version ${version} is not supported` });
  });

  test.each([
    ["bytes at random", RANDOM],
    ["no bytes", new Uint8Array(0)],
    ["a container that is cut", xpkFile(1).subarray(0, -1)],
    ["a container of zeros", writeXpk([{ version: SDK_VERSION, payload: new Uint8Array(2048) }])],
    ["an SDK descriptor", sdkFile(1)],
  ])("LUNA-DESC-043 %s as container", async (_what, bytes) => {
    const answer = await upload(bytes, XPK_TYPE);
    expect(told(answer)).toEqual([400, 12035]);
    expect(answer.body.detail).toBe("Failed to parse xpk file");
    expect(told(await upload(base64(bytes), `${XPK_TYPE}-base64`))).toEqual([400, 12035]);
  });

  test("a container without a descriptor of the default model", async () => {
    const answer = await upload(writeXpk([{ version: 54, payload: new Uint8Array(512) }]), XPK_TYPE);
    expect(told(answer)).toEqual([400, 12037]);
    expect(answer.body.detail).toBe("XPK file does not contain descriptor");
  });

  test("LUNA-DESC-010 descriptors in broken base64", async () => {
    for (const type of [SDK_TYPE, XPK_TYPE]) {
      expect(told(await upload("*", `${type}-base64`))).toEqual([500, 18001]);
    }
  });
});

describe("files of stored descriptors", () => {
  test.each([
    [SDK_TYPE, sdkFile(11)],
    [XPK_TYPE, xpkFile(11)],
  ])("what was uploaded as %s comes back byte by byte", async (type, bytes) => {
    const { body } = await upload(bytes, type);
    const file = await exported(body.faces[0].id, type);
    expect([file.status, file.type]).toEqual([200, type]);
    expect(Buffer.from(file.bytes).equals(bytes)).toBe(true);
  });

  test("only who asks for the type by name gets a file", async () => {
    const id = await newDescriptor(client);
    for (const type of [
      "*/*",
      "application/*",
      "application/json",
      "text/html",
      "application/x-vl-face-descriptor-base64",
    ]) {
      expect(await exported(id, type)).toMatchObject({ status: 200, type: "application/json" });
    }
    expect(await exported(id, `application/json;q=0.5, ${SDK_TYPE};q=0.9`)).toMatchObject({ type: SDK_TYPE });
  });

  test("an unknown descriptor, and one of another account, has no file", async () => {
    const theirs = await newDescriptor((await server.newAccount()).client);
    for (const id of [UNKNOWN, theirs]) {
      for (const type of [SDK_TYPE, XPK_TYPE]) expect((await exported(id, type)).status).toBe(404);
    }
  });
});

test("LUNA-DESC-046 an extracted descriptor that went out and came back has the same similarities", async () => {
  const store = async (bytes: Uint8Array) =>
    (await client.post(DESCRIPTORS, bytes, { type: "image/jpeg" })).body.faces[0].id as string;
  const [first, second] = [await store(await oneFace()), await store(await sameFace())];
  const file = await exported(first, SDK_TYPE);
  const again = (await upload(file.bytes, SDK_TYPE)).body.faces[0].id;
  const packed = await exported(first, XPK_TYPE);
  const third = (await upload(packed.bytes, XPK_TYPE)).body.faces[0].id;
  const similarities = await Promise.all(
    [first, again, third].map(async (descriptor_id) => {
      const query = { descriptor_id, descriptor_ids: second };
      const { status, body } = await client.call("POST", "/4/matching/match", { query });
      expect(status).toBe(201);
      return body.candidates[0].similarity as number;
    }),
  );
  expect(similarities[0]).toBeGreaterThan(0.9);
  for (const similarity of similarities) expect(Math.abs(similarity - similarities[0]!)).toBeLessThan(1e-6);
});

test("files with bytes changed never do more than be refused", async () => {
  const sources = [sdkFile(1), xpkFile(1)];
  const next = randomNumbers(7);
  const below = (end: number) => Math.floor(next() * end);
  for (let round = 0; round < 200; round++) {
    const type = [SDK_TYPE, XPK_TYPE][round % 2]!;
    const bytes = Uint8Array.from(sources[round % 2]!);
    for (let change = 0; change <= round % 4; change++) bytes[below(round % 3 === 0 ? 24 : bytes.length)] = below(256);
    const { status } = await upload(bytes.subarray(0, round % 5 === 0 ? below(bytes.length) : bytes.length), type);
    expect([201, 400]).toContain(status);
  }
});
