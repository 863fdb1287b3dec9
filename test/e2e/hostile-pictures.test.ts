/** Pictures that are none, or are meant to hurt, over the real door: a coded answer each, and the server is as before. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import sharp from "sharp";
import { gifOfFrames, pngDeclaring } from "../media/files.ts";
import { form, GOOD_PICTURE } from "../support/api-client.ts";
import { type ServerProcess, serve } from "../support/server-process.ts";
import { type Home, makeHome, testServer } from "../support/test-server.ts";

/**
 * Most bytes by which the server's resident memory may grow over all of the requests below: what the collector leaves
 * lying about goes up and down by half of it. The 10,000 frames would take 2.3 GB, one picture of 14,000 x 14,000 588 MB.
 */
const MOST_GROWTH = 250e6;
/** The same over requests that are refused before anything is decoded. */
const MOST_GROWTH_UNDECODED = 60e6;

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

let home: Home;
let server: ServerProcess;
let atFirst = 0;
const memory = () => server.client.metric("process_resident_memory_bytes");

beforeAll(async () => {
  home = await makeHome({}, ["face-detect"]);
  server = await serve(home, { FACEWIRE_HTTP_MAX_BODY: "8MiB", FACEWIRE_HTTP_MAX_FILES: "1000" });
  // Warm before it is weighed: both workers have decoded and run every model.
  await Promise.all(Array.from({ length: 12 }, () => server.client.run("face-liveness")));
  atFirst = await memory();
}, 30_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

/** Sends it and expects to be refused with a code, in the form of the reference, the server unharmed. */
async function refused(bytes: Uint8Array, code: string, status: number): Promise<Readonly<Record<string, unknown>>> {
  const answer = await server.client.run("face-liveness", bytes);
  expect([answer.body.error?.code, answer.status]).toEqual([code, status]);
  expect(answer.headers.get("content-type")).toStartWith("application/json");
  expect(answer.body.error?.message).not.toMatch(/vips|node_modules|\/src\/|\bat \//);
  expect(answer.body.request).toBe(answer.headers.get("x-request-id") ?? "");
  await server.client.expectAsBefore();
  expect((await memory()) - atFirst).toBeLessThan(MOST_GROWTH);
  return answer.body.error?.details ?? {};
}

describe("What is not a picture is refused by name:", () => {
  test("an empty body with picture_empty", async () => {
    await refused(new Uint8Array(), "picture_empty", 400);
  });

  test("text and random bytes with picture_unknown_format", async () => {
    await refused(text("This is not a picture."), "picture_unknown_format", 415);
    // The first byte is of no format's.
    await refused(
      joined(new Uint8Array([7]), crypto.getRandomValues(new Uint8Array(50_000))),
      "picture_unknown_format",
      415,
    );
  });

  for (const [format, bytes] of Object.entries({
    svg: text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    heic: joined(new Uint8Array([0, 0, 0, 24]), text("ftypheic\0\0\0\0heicmif1"), new Uint8Array(100)),
    pdf: text("%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"),
    html: joined(text("<!DOCTYPE html><html><body><img src='data:"), GOOD_PICTURE, text("'></body></html>")),
  })) {
    test(`${format} with picture_unsupported_format`, async () => {
      expect(await refused(bytes, "picture_unsupported_format", 415)).toMatchObject({ format });
    });
  }
});

test("a JPEG with HTML behind it is the JPEG: it gets its verdict, and the answer is JSON that no browser guesses at", async () => {
  const polyglot = joined(GOOD_PICTURE, text("<html><script>alert(1)</script></html>"));
  const { status, headers, body } = await server.client.run("face-liveness", polyglot);
  expect([status, body.items?.[0]?.faces[0]?.liveness?.prediction]).toEqual([200, "live"]);
  expect(headers.get("content-type")).toStartWith("application/json");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  await server.client.expectAsBefore();
});

describe("A truncated JPEG", () => {
  const half = GOOD_PICTURE.slice(0, GOOD_PICTURE.length / 2);

  test("is refused with picture_truncated when the settings say refuse", async () => {
    await refused(half, "picture_truncated", 422);
  });

  test("is decoded as far as it goes when the settings say decode", async () => {
    await using lenient = await testServer({ env: { FACEWIRE_PICTURES_TRUNCATED: "decode" } });
    const { status, body } = await lenient.client.run("face-liveness", half);
    expect(status).toBe(200);
    const { width, height } = await sharp(GOOD_PICTURE).metadata();
    expect(body.items?.[0]?.picture).toMatchObject({ width, height, format: "jpeg" });
    await lenient.client.expectAsBefore();
  });
});

describe("A picture over a limit is refused before it costs anything:", () => {
  test("14,000 x 14,000 pixels in few bytes, fifty times", async () => {
    const bomb = pngDeclaring(14_000, 14_000, new Uint8Array(14_000 * 30));
    expect(bomb.length).toBeLessThan(10_000);
    const before = await memory();
    const answers = await Promise.all(Array.from({ length: 50 }, () => server.client.run("face-liveness", bomb)));
    for (const { status, body } of answers) {
      expect([status, body.error?.code]).toEqual([413, "picture_too_many_pixels"]);
    }
    expect(await refused(bomb, "picture_too_many_pixels", 413)).toMatchObject({ width: 14_000, height: 14_000 });
    expect((await memory()) - before).toBeLessThan(MOST_GROWTH_UNDECODED);
  });

  test("1 x 1 pixel", async () => {
    const dot = sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } });
    await refused(new Uint8Array(await dot.png().toBuffer()), "picture_too_small", 422);
  });
});

test("a GIF of 10,000 frames is its first frame, fifty times", async () => {
  const gif = gifOfFrames(320, 240, 10_000);
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => server.client.run("face-liveness", gif)));
    for (const { status, body } of answers) {
      expect([status, body.items?.[0]?.status]).toEqual([200, "no_face"]);
      expect(body.items?.[0]?.picture).toMatchObject({ width: 320, height: 240 });
    }
  }
  await server.client.expectAsBefore();
  expect((await memory()) - atFirst).toBeLessThan(MOST_GROWTH);
});

test("bad pictures among good ones cost themselves only", async () => {
  const { status, body } = await server.client.run(
    "face-liveness",
    form({
      "good.jpg": GOOD_PICTURE,
      "empty.jpg": "",
      "text.jpg": "no picture",
      "bomb.png": pngDeclaring(14_000, 14_000, new Uint8Array(100)),
      "cut.jpg": GOOD_PICTURE.slice(0, 9000),
      "again.jpg": GOOD_PICTURE,
    }),
  );
  expect(status).toBe(200);
  expect(body.items?.map(({ name, error, faces }) => [name, error?.code ?? faces[0]?.liveness?.prediction])).toEqual([
    ["good.jpg", "live"],
    ["empty.jpg", "picture_empty"],
    ["text.jpg", "picture_unknown_format"],
    ["bomb.png", "picture_too_many_pixels"],
    ["cut.jpg", "picture_truncated"],
    ["again.jpg", "live"],
  ]);
  expect(body.aggregate?.liveness?.pictures).toBe(2);
  await server.client.expectAsBefore();
});
