/** Descriptors that are sent along are compared with each other. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pack } from "msgpackr";
import type { LunaAccount, LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { Gallery, near, payload, sdk, similarityAt, VERSION, xpk } from "../../support/luna/vectors.ts";

const PATH = "/4/handlers/verify/raw";
const MSGPACK = { type: "application/msgpack" };

let server: LunaServer;
let account: LunaAccount;
let client: LunaClient;
beforeAll(async () => {
  server = await startLuna({ shipped: false });
  account = await server.newAccount();
  client = account.client;
});
afterAll(() => server.stop());

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const raw = (id: string, vector: Float32Array, version = VERSION) => ({
  id,
  type: "raw_descriptor",
  data: { descriptor: base64(payload(vector)), version },
});
const sdkOf = (id: string, vector: Float32Array, version = VERSION) => ({
  id,
  type: "sdk_descriptor",
  data: base64(sdk(vector, version)),
});
const xpkOf = (id: string, vector: Float32Array, version = VERSION) => ({
  id,
  type: "xpk_file",
  data: base64(xpk(vector, version)),
});
const post = (references: unknown, candidates: unknown) => client.post(PATH, { references, candidates });
const REFERENCE = raw("r", near(1));

function expectError({ status, body }: LunaAnswer, code: number, detail?: unknown): void {
  expect({ status, code: body.error_code }).toEqual({ status: 400, code });
  if (detail !== undefined) expect(body.detail).toEqual(detail);
}

describe("what is compared", () => {
  test("LUNA-HAND-074 raw_descriptor, sdk_descriptor and xpk_file are each taken in JSON", async () => {
    for (const make of [raw, sdkOf, xpkOf]) {
      const { status, body } = await post([make("a", near(1))], [make("b", near(0.8))]);
      expect(status).toBe(200);
      const similarity = expect.closeTo(similarityAt(0.8), 6);
      expect(body).toEqual({
        matches: [{ reference_id: "a", matches: [{ candidate_id: "b", similarity, status: true }] }],
      });
    }
  });

  test("LUNA-HAND-075 MessagePack with binary or base64 data is answered in JSON as the same in JSON is", async () => {
    const json = await post([REFERENCE], [sdkOf("b", near(0.8)), xpkOf("c", near(0.6))]);
    const binary = {
      references: [{ ...REFERENCE, data: { descriptor: payload(near(1)), version: VERSION } }],
      candidates: [
        { id: "b", type: "sdk_descriptor", data: sdk(near(0.8)) },
        { id: "c", type: "xpk_file", data: xpk(near(0.6)) },
      ],
    };
    const text = { references: [REFERENCE], candidates: [sdkOf("b", near(0.8)), xpkOf("c", near(0.6))] };
    for (const body of [binary, text]) {
      const answer = await client.post(PATH, new Uint8Array(pack(body)), MSGPACK);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([
        200,
        expect.stringContaining("application/json"),
      ]);
      expect(answer.body).toEqual(json.body);
    }
  });

  test("LUNA-HAND-076 every reference has all candidates, the most alike first; references keep their order", async () => {
    const references = [raw("far", near(-0.5, 2)), raw("near", near(1)), raw("far again", near(-0.5, 2))];
    const candidates = [
      raw("c1", near(0.3, 3)),
      raw("c2", near(0.9, 4)),
      raw("c3", near(0.6, 5)),
      raw("c2", near(0.9, 4)),
    ];
    const { body } = await post(references, candidates);
    expect(body.matches.map((match: { reference_id: string }) => match.reference_id)).toEqual([
      "far",
      "near",
      "far again",
    ]);
    for (const { matches } of body.matches) {
      expect(matches).toHaveLength(4);
      const found = matches.map(({ similarity }: { similarity: number }) => similarity);
      expect(found).toEqual(found.toSorted((a: number, b: number) => b - a));
    }
    const ids = body.matches[1].matches.map((match: { candidate_id: string }) => match.candidate_id);
    expect(ids).toEqual(["c2", "c2", "c3", "c1"]);
  });

  test("LUNA-HAND-077 status is whether the similarity is at least verify_threshold of the account", async () => {
    const statuses = async () =>
      (await post([REFERENCE], [raw("b", near(0.6))])).body.matches[0].matches[0] as {
        similarity: number;
        status: boolean;
      };
    const { similarity, status } = await statuses();
    expect(status).toBe(false);
    for (const [threshold, expected] of [
      [similarity, true],
      [similarity + 1e-12, false],
      [0.1, true],
    ] as const) {
      await client.patch("/4/handlers/verify", { verify_threshold: threshold });
      expect((await statuses()).status).toBe(expected);
    }
    // Back to what the other tests begin with.
    await client.patch("/4/handlers/verify", { verify_threshold: 0.9 });
    const other = (await server.newAccount()).client;
    const answer = await other.post(PATH, { references: [REFERENCE], candidates: [raw("b", near(0.6))] });
    expect(answer.body.matches[0].matches[0].status).toBe(false);
  });

  test("LUNA-HAND-078 ids of up to 36 characters are told back, longer ones are 12022", async () => {
    const ids = ["", "ж".repeat(36), "x".repeat(36)];
    const { body } = await post(
      ids.map((id) => raw(id, near(1))),
      [raw("c", near(1))],
    );
    expect(body.matches.map((match: { reference_id: string }) => match.reference_id)).toEqual(ids);
    expectError(await post([raw("x".repeat(37), near(1))], [REFERENCE]), 12022);
    expectError(await post([REFERENCE], [raw("x".repeat(37), near(1))]), 12022);
  });

  test("LUNA-HAND-086 nothing is stored and nobody is told", async () => {
    const events: unknown[] = [];
    const socket = client.webSocket("/4/ws");
    const next = Promise.withResolvers<void>();
    socket.addEventListener("message", ({ data }) => {
      events.push(JSON.parse(String(data)).source);
      next.resolve();
    });
    await new Promise((opened) => socket.addEventListener("open", opened));
    expect((await post([REFERENCE], [REFERENCE])).status).toBe(200);
    const gallery = new Gallery(account);
    expect(await gallery.count()).toBe(0);
    // What is told afterwards is the first that is told.
    await gallery.descriptor(near(1));
    await next.promise;
    expect(events).toEqual(["descriptors"]);
    socket.close();
  });
});

describe("what is refused", () => {
  test("LUNA-HAND-079 no references or no candidates are 12022", async () => {
    expectError(await post([], [REFERENCE]), 12022);
    expectError(await post([REFERENCE], []), 12022);
    expectError(await client.post(PATH, { references: [REFERENCE] }), 12022);
    expectError(await client.post(PATH, {}), 12022);
  });

  test("LUNA-HAND-080 an element of an unknown form is 12022 and told by its place", async () => {
    const detail = (side: string, at: number) =>
      `Failed to validate input json. Path: '${side}', message: '${side}[${at}] must be valid exactly by one of oneOf definition'`;
    for (const bad of [
      { ...REFERENCE, type: "other" },
      { ...REFERENCE, id: 7 },
      { ...REFERENCE, more: 1 },
      { ...REFERENCE, data: "text" },
      { ...REFERENCE, data: { descriptor: "AAAA" } },
      { id: "a", type: "sdk_descriptor", data: { descriptor: "AAAA", version: 1 } },
      null,
    ]) {
      expectError(await post([bad], [REFERENCE]), 12022, detail("references", 0));
      expectError(await post([REFERENCE], [REFERENCE, bad]), 12022, detail("candidates", 1));
    }
  });

  test("LUNA-HAND-081 another Content-Type is 12017", async () => {
    for (const type of ["text/plain", "application/x-msgpack", "application/octet-stream"]) {
      expectError(await client.post(PATH, "{}", { type }), 12017, "Bad content type");
    }
  });

  test("LUNA-HAND-082 broken base64 is 18001 with status 400", async () => {
    const detail = "Failed convert data from base64 to bytes";
    expectError(await post([{ id: "a", type: "sdk_descriptor", data: "%%%" }], [REFERENCE]), 18001, detail);
    const data = { descriptor: "AAA", version: VERSION };
    expectError(await post([REFERENCE], [{ id: "a", type: "raw_descriptor", data }]), 18001, detail);
  });

  test("LUNA-HAND-083 a descriptor of the wrong length is 12034", async () => {
    const data = { descriptor: base64(new Uint8Array(200)), version: VERSION };
    const detail = "Descriptor has incorrect length 200";
    expectError(await post([{ id: "a", type: "raw_descriptor", data }], [REFERENCE]), 12034, detail);
    const short = { id: "a", type: "sdk_descriptor", data: base64(sdk(near(1)).subarray(0, 208)) };
    expectError(await post([short], [REFERENCE]), 12034, detail);
  });

  test("LUNA-HAND-084 a version that is not registered is 12037", async () => {
    const detail = "Descriptor version 37 are not registered in the system";
    expectError(await post([REFERENCE], [raw("a", near(1), 37)]), 12037, detail);
    expectError(await post([REFERENCE], [sdkOf("a", near(1), 37)]), 12037, detail);
  });

  test("LUNA-HAND-085 a broken xpk is 12035, one without the default version 12037, a broken envelope 12038", async () => {
    const cut = { id: "a", type: "xpk_file", data: base64(xpk(near(1)).subarray(0, 500)) };
    expectError(await post([cut], [REFERENCE]), 12035, "Failed to parse xpk file");
    expectError(await post([xpkOf("a", near(1), 37)], [REFERENCE]), 12037, "XPK file does not contain descriptor");
    const broken = { id: "a", type: "sdk_descriptor", data: base64(Buffer.from("dp")) };
    expectError(await post([broken], [REFERENCE]), 12038, "SDK descriptor is not valid");
  });

  test("numbers that no descriptor holds are 12038", async () => {
    for (const values of [
      new Float32Array(512),
      new Float32Array(512).fill(Number.NaN),
      new Float32Array(512).fill(1),
    ]) {
      expectError(await post([raw("a", values)], [REFERENCE]), 12038);
    }
  });

  test("LUNA-HAND-087 with handlers off it is 11071", async () => {
    await using off = await startLuna({ shipped: false, settings: { luna: { handlers: false } } });
    const { status, body } = await off.post(PATH, { references: [REFERENCE], candidates: [REFERENCE] });
    expect([status, body.error_code, body.detail]).toEqual([403, 11071, "Luna Handlers service is disabled"]);
  });

  test("a body beyond 4 MiB is 413, one below is compared", async () => {
    const bodies = (count: number) => {
      const candidates = Array.from({ length: count }, (_, i) => ({
        id: String(i),
        type: "sdk_descriptor",
        data: sdk(near(1)),
      }));
      const references = [{ ...REFERENCE, data: { descriptor: payload(near(1)), version: VERSION } }];
      return new Uint8Array(pack({ references, candidates }));
    };
    expect((await client.post(PATH, bodies(2100), MSGPACK)).status).toBe(413);
    const { status, body } = await client.post(PATH, bodies(1900), MSGPACK);
    expect([status, body.matches[0].matches.length]).toEqual([200, 1900]);
  });

  test("more pairs than are compared at once are 12022", async () => {
    const many = Array.from({ length: 101 }, (_, i) => raw(String(i), near(1)));
    const answer = await post(many, many);
    expectError(answer, 12022);
    expect(answer.body.detail).toContain("10000 pairs");
    expect((await post(many.slice(1), many.slice(1))).status).toBe(200);
  });
});

describe("hostile MessagePack", () => {
  const send = (bytes: readonly number[] | Uint8Array) => client.post(PATH, Uint8Array.from(bytes), MSGPACK);

  test.each([
    ["nothing", []],
    ["cut off within a map", [0x82, 0xa1]],
    ["an array that claims four billion elements", [0xdd, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["a map that claims four billion members", [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61]],
    ["a text longer than the body", [0xdb, 0x7f, 0xff, 0xff, 0xff, 0x61]],
    ["binary longer than the body", [0xc6, 0x7f, 0xff, 0xff, 0xff, 0x61]],
    ["arrays in arrays without end", Array.from({ length: 100_000 }, () => 0x91)],
    ["arrays that each claim the rest", Array.from({ length: 3000 }, () => [0xdd, 0, 0, 0x0f, 0xff]).flat()],
    ["a record definition", [0xd4, 0x72, 0x40, 0x93, 0xa1, 0x61, 0xa1, 0x62, 0xa1, 0x63, 1, 2, 3]],
    ["a date", [0xd6, 0xff, 0, 0, 0, 0]],
    ["an extension of a length", [0xc7, 0x04, 0x73, 0x93, 1, 2, 3]],
    ["the type that is never used", [0xc1]],
    ["bytes behind the end", [0x80, 0x80]],
    ["a number", [0x07]],
    ["a map with a number for a name", [0x81, 0x07, 0x07]],
    ["the prototype", [0x81, 0xa9, ...Buffer.from("__proto__"), 0x80]],
  ])("%s is 12022, and the server goes on", async (_, bytes) => {
    expectError(await send(bytes), 12022);
    expect((await post([REFERENCE], [REFERENCE])).status).toBe(200);
  });

  test("a million small values cost next to nothing", async () => {
    const bytes = new Uint8Array(1_000_005).fill(0xc0);
    bytes.set([0xdd, 0x00, 0x0f, 0x42, 0x40]);
    const before = performance.now();
    expectError(await send(bytes), 12022);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
