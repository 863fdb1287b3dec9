/** Liveness of pictures that are sent, and of pictures that are named by their addresses. Models are scripted by file name. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { scripted, scriptedByName } from "../../../src/testing/index.ts";
import type { LunaAccount, LunaAnswer, LunaClient } from "../../support/luna/client.ts";
import { LunaEvents } from "../../support/luna/events.ts";
import { base64Type, oneFace, oneFaceAs } from "../../support/luna/faces.ts";
import { newDescriptor } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { eventually } from "../../support/settle.ts";

const LIVENESS = "/4/liveness";
const MIDDLE = [180, 180, 190, 230] as const;
const RAW_TYPES = ["image/jpeg", "image/png", "image/bmp", "image/tiff", "image/x-portable-pixmap"];
const SUCCESS = { error_code: 0, desc: "Success", detail: "Success" };

/** Faces on the 552 x 640 picture of the tests, by the name it is sent under. */
const detector = scriptedByName({
  "none*": [],
  "two*": [{ box: MIDDLE }, { box: [20, 20, 100, 120] }],
  "near*": [{ box: [10, 10, 530, 600] }],
  "border*": [{ box: [-5, 180, 190, 230] }],
  "cropped*": [{ box: [-80, 180, 190, 230] }],
  "small*": [{ box: [200, 200, 30, 40] }],
  "*": [{ box: MIDDLE }],
});
const models = {
  "detector-default": detector,
  "pose-default": scriptedByName({ "angle*": { yaw: 70 }, "*": {} }),
  "liveness-default": scriptedByName({ "spoof*": { live: 0.05 }, "weak*": { live: 0.7 }, "*": { live: 0.95 } }),
  "*": scripted(),
};

let server: LunaServer;
let client: LunaClient;
let account: LunaAccount;
let picture: Uint8Array;
let site: ReturnType<typeof Bun.serve>;
/** Requests that wait at the site. */
const held: (() => void)[] = [];

beforeAll(async () => {
  picture = await oneFace();
  site = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith(".jpg"))
        return new Response(picture as BodyInit, { headers: { "content-type": "image/jpeg" } });
      if (pathname === "/lie") return new Response("no picture", { headers: { "content-type": "image/jpeg" } });
      if (pathname === "/text") return new Response("text", { headers: { "content-type": "text/plain" } });
      if (pathname === "/slow") {
        return new Promise<Response>((answer) => held.push(() => answer(new Response("no", { status: 404 }))));
      }
      if (pathname === "/away") return Response.redirect("http://169.254.169.254/latest/meta-data/a.jpg");
      return new Response("no", { status: 404 });
    },
  });
  server = await startLuna({
    shipped: ["luna-liveness"],
    models,
    settings: { luna: { urls: { allow: ["127.0.0.1/32"] } } },
  });
  account = await server.newAccount();
  ({ client } = account);
});
afterAll(async () => {
  await site.stop(true);
  await server.stop();
});

const told = ({ status, body }: LunaAnswer) => [status, body?.error_code];
const raw = (body: Uint8Array | string, type: string, query: Readonly<Record<string, string | number>> = {}) =>
  client.call("POST", LIVENESS, { body, type, query });
const urls = (...named: readonly string[]) => client.post(LIVENESS, { urls: named });
const at = (path: string) => `http://127.0.0.1:${site.port}${path}`;

interface Part {
  readonly name?: string | undefined;
  readonly bytes?: Uint8Array | string;
  readonly type?: string;
  readonly field?: string;
}

/** A form of images, and of fields that are text. */
function form(
  parts: readonly (Part | string)[],
  fields: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string | number>> = {},
  to = client,
): Promise<LunaAnswer> {
  const lines: (string | Uint8Array)[] = [];
  for (const part of parts) {
    const { bytes = picture, type = "image/jpeg", field = "image", ...rest } = typeof part === "string" ? {} : part;
    const name = typeof part === "string" ? part : "name" in rest ? rest.name : "a.jpg";
    const filename = name === undefined ? "" : `; filename="${name}"`;
    lines.push(`--b\r\ncontent-disposition: form-data; name="${field}"${filename}\r\ncontent-type: ${type}\r\n\r\n`);
    lines.push(bytes, "\r\n");
  }
  for (const [field, value] of Object.entries(fields)) {
    lines.push(`--b\r\ncontent-disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`);
  }
  const body = new Uint8Array(Buffer.concat([...lines, "--b--\r\n"].map((each) => Buffer.from(each as string))));
  return to.call("POST", LIVENESS, { body, type: "multipart/form-data; boundary=b", query });
}

describe("bodies", () => {
  test("LUNA-LIVE-001 a raw JPEG gives one picture called raw_image, judged", async () => {
    const { status, body } = await raw(picture, "image/jpeg");
    expect(status).toBe(200);
    expect(body).toEqual({
      images: [
        {
          filename: "raw_image",
          status: 1,
          liveness: {
            prediction: 1,
            estimations: { probability: expect.any(Number), quality: expect.any(Number) },
          },
          error: SUCCESS,
        },
      ],
    });
  });

  test("LUNA-LIVE-002 raw PNG, BMP, TIFF and PPM and the base64 of all types are judged", async () => {
    const pictures = await oneFaceAs();
    for (const type of RAW_TYPES) {
      const bytes = pictures.get(type)!;
      const sent = [
        await raw(bytes, type),
        await raw(Buffer.from(bytes).toString("base64"), base64Type(type)),
        await form([{ bytes, type }]),
        await form([{ bytes: Buffer.from(bytes).toString("base64"), type: base64Type(type) }]),
      ];
      for (const { status, body } of sent) expect([type, status, body.images?.[0].status]).toEqual([type, 200, 1]);
    }
  });

  test("a raw body whose base64 is broken, that is empty or no picture is a picture that failed", async () => {
    const sent = [
      await raw("%%%", "image/x-jpeg-base64"),
      await raw("", "image/jpeg"),
      await raw("no picture", "image/png"),
      await raw(Buffer.from("ftypisom video"), "image/jpeg"),
    ];
    expect(sent.map(({ status, body }) => [status, body.images[0].error.error_code])).toEqual([
      [200, 32010],
      [200, 3001],
      [200, 3001],
      [200, 3001],
    ]);
  });

  test("LUNA-LIVE-003 two pictures of a form give two entries in order, called as they were sent", async () => {
    const { status, body } = await form(["zoe.jpg", "ada lovelace.png"]);
    expect(status).toBe(200);
    expect(body.images.map(({ filename }: { filename: string }) => filename)).toEqual(["zoe.jpg", "ada lovelace.png"]);
  });

  test("LUNA-LIVE-004 meta is taken, as a field and as a file, and x_meta is not looked at", async () => {
    const full = JSON.stringify({ OS: "ANDROID", MANUFACTURE: "Example", MODEL: "One" });
    expect((await form(["a.jpg"], { meta: '{"OS":"IOS"}' })).status).toBe(200);
    expect((await form(["a.jpg"], { meta: full, x_meta: "anything" })).status).toBe(200);
    const asFile = { field: "meta", bytes: '{"OS":"DESKTOP"}', type: "application/json", name: "meta.json" };
    expect((await form(["a.jpg", asFile])).status).toBe(200);
    const sent = { urls: [at("/a.jpg")], meta: { OS: "UNKNOWN" }, x_meta: { any: [1, { thing: null }] } };
    expect((await client.post(LIVENESS, sent)).status).toBe(200);
  });

  test("meta as large as a picture is refused without being read", async () => {
    const long = { field: "meta", bytes: "[".repeat(65_537), type: "application/json", name: "meta.json" };
    const { status, body } = await form(["a.jpg", long]);
    expect([status, body.error_code, body.detail]).toEqual([400, 12022, expect.stringContaining("65536 bytes")]);
  });

  test("more pictures than http.max_files are refused with 11049, however many more", async () => {
    for (const count of [101, 102, 103, 150]) {
      const parts = Array.from({ length: count }, (_, place) => ({ name: `${place}.jpg`, bytes: "no picture" }));
      expect(told(await form(parts))).toEqual([400, 11049]);
    }
  });

  test("LUNA-LIVE-005 meta without OS is refused with 12022", async () => {
    expect(told(await form(["a.jpg"], { meta: "{}" }))).toEqual([400, 12022]);
    expect(told(await form(["a.jpg"], { meta: "no JSON" }))).toEqual([400, 12022]);
    expect(told(await client.post(LIVENESS, { urls: [at("/a.jpg")], meta: { MODEL: "One" } }))).toEqual([400, 12022]);
  });

  test("LUNA-LIVE-006 an OS that is not known is refused", async () => {
    expect(told(await form(["a.jpg"], { meta: '{"OS":"LINUX"}' }))).toEqual([400, 12022]);
    expect(told(await client.post(LIVENESS, { urls: [at("/a.jpg")], meta: { OS: "ios" } }))).toEqual([400, 12022]);
  });
});

describe("addresses", () => {
  test("LUNA-LIVE-007 a picture of an address is judged and called by the address", async () => {
    const { status, body } = await urls(at("/a.jpg?size=1"));
    expect([status, body.images[0].filename, body.images[0].status]).toEqual([200, at("/a.jpg?size=1"), 1]);
  });

  test("LUNA-LIVE-008 nine addresses are refused with 12022, eight are fetched", async () => {
    const eight = Array.from({ length: 8 }, (_, i) => at(`/${i}.jpg`));
    expect(told(await urls(...eight, at("/8.jpg")))).toEqual([400, 12022]);
    const { body } = await urls(...eight);
    expect(body.images.map(({ filename }: { filename: string }) => filename)).toEqual(eight);
  });

  test("LUNA-LIVE-009 no addresses, unknown members and what is no address are refused with 12022", async () => {
    expect(told(await urls())).toEqual([400, 12022]);
    expect(told(await client.post(LIVENESS, {}))).toEqual([400, 12022]);
    expect(told(await client.post(LIVENESS, { urls: [at("/a.jpg")], more: 1 }))).toEqual([400, 12022]);
    expect(told(await client.post(LIVENESS, { urls: ["no address"] }))).toEqual([400, 12022]);
    expect(told(await client.post(LIVENESS, { urls: [at("/a.jpg")], x_meta: "text" }))).toEqual([400, 12022]);
  });

  test("LUNA-LIVE-010 an address that gives nothing is refused with 11027, whatever the others give", async () => {
    const { status, body } = await urls(at("/a.jpg"), at("/missing"));
    expect([status, body.error_code, body.desc]).toEqual([400, 11027, "External request failed"]);
    expect(body.detail).toStartWith("Failed to download image by url");
    const closed = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
    const gone = `http://127.0.0.1:${closed.port}/a.jpg`;
    await closed.stop(true);
    expect(told(await urls(gone))).toEqual([400, 11027]);
  });

  test("LUNA-LIVE-011 an address of a text, also of one that says it is a picture, is refused with 11028", async () => {
    for (const path of ["/text", "/lie"]) {
      const { status, body } = await urls(at(path));
      expect([status, body.error_code]).toEqual([400, 11028]);
      expect(body.detail).toStartWith("Bad content type of image");
    }
  });

  test.each([
    "http://127.0.0.2/a.jpg",
    "http://localhost:1/a.jpg",
    "http://10.0.0.1/a.jpg",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/a.jpg",
    "http://[::ffff:127.0.0.1]/a.jpg",
    "http://2130706434/a.jpg",
    "http://0x7f000002/a.jpg",
    "file:///etc/hostname",
    "ftp://example.org/a.jpg",
  ])("LUNA-LIVE-012 %s is refused with 11027", async (url) => {
    expect(told(await urls(url))).toEqual([400, 11027]);
  });

  test("slow servers hold no more than 256 connections of an account; others are not refused, nor is it later", async () => {
    const eight = Array.from({ length: 8 }, () => at("/slow"));
    const patient = await server.newAccount();
    const waiting = Array.from({ length: 32 }, () => patient.client.post(LIVENESS, { urls: eight }));
    await eventually(() => held.length === 256, "256 connections");
    const more = await patient.client.post(LIVENESS, { urls: [at("/a.jpg")] });
    expect([more.status, Number(more.headers.get("retry-after"))]).toEqual([503, 1]);
    expect((await urls(at("/a.jpg"))).status).toBe(200);
    for (const release of held.splice(0)) release();
    for (const answer of await Promise.all(waiting)) expect(told(answer)).toEqual([400, 11027]);
    expect((await patient.client.post(LIVENESS, { urls: [at("/a.jpg")] })).status).toBe(200);
  });

  test("LUNA-LIVE-012 an address that is redirected to a private one is refused with 11027", async () => {
    expect(told(await urls(at("/away")))).toEqual([400, 11027]);
  });

  test("LUNA-LIVE-012 loopback is refused where the settings do not allow it", async () => {
    await using strict = await startLuna({ shipped: ["luna-liveness"], models });
    const { client: there } = await strict.newAccount();
    expect(told(await there.post(LIVENESS, { urls: [at("/a.jpg")] }))).toEqual([400, 11027]);
  });
});

describe("requests that are refused as a whole", () => {
  test("LUNA-LIVE-013 a part of another type is refused with 11029", async () => {
    expect(told(await form(["a.jpg", { name: "b.txt", type: "text/plain", bytes: "text" }]))).toEqual([400, 11029]);
    expect(told(await form([{ type: "image/gif" }]))).toEqual([400, 11029]);
  });

  test("LUNA-LIVE-014 a form without a picture, and a broken one, are refused with 11049", async () => {
    expect(told(await form([]))).toEqual([400, 11049]);
    expect(told(await form([], { meta: '{"OS":"IOS"}' }))).toEqual([400, 11049]);
    expect(told(await form([{ field: "picture" }]))).toEqual([400, 11049]);
    expect(told(await raw("--b\r\ncontent-dispo", "multipart/form-data; boundary=b"))).toEqual([400, 11049]);
    expect(told(await raw("", "multipart/form-data"))).toEqual([400, 11049]);
  });

  test("LUNA-LIVE-015 parts of the same filename are refused with 11049", async () => {
    expect(told(await form(["a.jpg", "b.jpg", "a.jpg"]))).toEqual([400, 11049]);
  });

  test("LUNA-LIVE-016 a part without a filename is refused with 11049", async () => {
    expect(told(await form(["a.jpg", { name: undefined }]))).toEqual([400, 11049]);
    expect(told(await form([{ name: "" }]))).toEqual([400, 11049]);
  });

  test("LUNA-LIVE-017 other content types are refused with 12017", async () => {
    for (const type of ["application/xml", "image/gif", "text/plain", "application/x-vl-xpk"]) {
      expect(told(await raw("<a/>", type))).toEqual([400, 12017]);
    }
    expect(told(await client.call("POST", LIVENESS, { body: new Uint8Array(picture) }))).toEqual([400, 12017]);
  });

  test("LUNA-LIVE-018 aggregate is 0 or 1", async () => {
    for (const aggregate of ["2", "true", ""]) {
      const { status, body } = await raw(picture, "image/jpeg", { aggregate });
      expect([status, body.error_code, body.detail]).toEqual([400, 12012, "Bad query parameters 'aggregate'"]);
    }
  });

  test("LUNA-LIVE-019 where the service is off the answer is 403 with 11054", async () => {
    await using off = await startLuna({ shipped: ["luna-liveness"], models, settings: { luna: { liveness: false } } });
    const { body, status } = await off.call("POST", LIVENESS, { body: picture, type: "image/jpeg" });
    expect([status, body.error_code, body.detail]).toEqual([403, 11054, "Liveness service is disabled"]);
  });

  test("without credentials the answer is 401", async () => {
    expect(told(await server.call("POST", LIVENESS, { body: picture, type: "image/jpeg" }))).toEqual([401, 12010]);
  });

  test("a body over the limit is 413", async () => {
    expect((await raw(new Uint8Array(16 * 1024 * 1024), "image/jpeg")).status).toBe(413);
  });
});

describe("pictures that cannot be judged", () => {
  test("LUNA-LIVE-020 a broken picture fails with 3001 beside one that is judged", async () => {
    const { status, body } = await form(["a.jpg", { name: "broken.jpg", bytes: picture.subarray(0, 300) }]);
    expect(status).toBe(200);
    expect(body.images[0].status).toBe(1);
    expect(body.images[1]).toEqual({
      filename: "broken.jpg",
      status: 0,
      liveness: null,
      error: {
        error_code: 3001,
        desc: "Failed to decode image data",
        detail: "Failed to decodeImage image data.",
      },
    });
  });

  test.each([
    ["LUNA-LIVE-021 without a face", "none.jpg", 32006],
    ["LUNA-LIVE-022 of two people", "two.jpg", 32017],
    ["of a face that fills it", "near.jpg", 32001],
    ["of a face at its edge", "border.jpg", 32002],
    ["of a face that is cut off", "cropped.jpg", 32003],
    ["of a small face", "small.jpg", 32005],
    ["of a face that is turned away", "angle.jpg", 32007],
  ])("%s: %s fails with %d", async (_, name, code) => {
    const { status, body } = await form([name]);
    expect([status, body.images[0].status, body.images[0].liveness]).toEqual([200, 0, null]);
    expect(body.images[0].error).toEqual({
      error_code: code,
      desc: expect.any(String),
      detail: expect.any(String),
    });
  });

  test("LUNA-LIVE-023 when all pictures failed the answer still is 200", async () => {
    const { status, body } = await form(["none.jpg", { name: "broken.jpg", bytes: "no picture" }]);
    expect(status).toBe(200);
    expect(body.images.map(({ error }: { error: { error_code: number } }) => error.error_code)).toEqual([32006, 3001]);
  });
});

interface Judged {
  readonly filename: string;
  readonly liveness: { prediction: number; estimations: { probability: number; quality: number } } | null;
}

describe("verdicts", () => {
  const estimations = (images: readonly Judged[]) => images.flatMap(({ liveness }) => liveness?.estimations ?? []);
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

  test("LUNA-LIVE-024 aggregate=1 adds the arithmetic means of all pictures", async () => {
    const { body } = await form(["live.jpg", "weak.jpg"], {}, { aggregate: 1 });
    const each = estimations(body.images);
    expect(each).toHaveLength(2);
    expect(each[0]!.probability).not.toBe(each[1]!.probability);
    expect(body.aggregate_estimations).toEqual({
      liveness: {
        prediction: 1,
        estimations: {
          probability: expect.closeTo(mean(each.map(({ probability }) => probability)), 9),
          quality: expect.closeTo(mean(each.map(({ quality }) => quality)), 9),
        },
      },
    });
  });

  test("LUNA-LIVE-025 pictures that failed are no part of the aggregate", async () => {
    const { body } = await form(["none.jpg", "live.jpg", { name: "b", bytes: "" }], {}, { aggregate: 1 });
    expect(body.aggregate_estimations.liveness).toEqual(body.images[1].liveness);
  });

  test("LUNA-LIVE-026 without a picture that was judged there is no aggregate", async () => {
    const { status, body } = await form(["none.jpg"], {}, { aggregate: 1 });
    expect([status, Object.keys(body)]).toEqual([200, ["images"]]);
  });

  test("LUNA-LIVE-027 without aggregate=1 there is none", async () => {
    expect(Object.keys((await form(["a.jpg"], {}, { aggregate: 0 })).body)).toEqual(["images"]);
    expect(Object.keys((await form(["a.jpg"])).body)).toEqual(["images"]);
  });

  test("LUNA-LIVE-028 1 means a probability over 0.5, 0 one up to it, 2 a quality below the threshold", async () => {
    const { body } = await form(["live.jpg", "weak.jpg", "spoof.jpg"]);
    for (const { liveness } of body.images) {
      expect(liveness.estimations.quality).toBeGreaterThanOrEqual(0.2);
      expect(liveness.prediction).toBe(liveness.estimations.probability > 0.5 ? 1 : 0);
    }
    expect(body.images.map(({ liveness }: Judged) => liveness?.prediction)).toEqual([1, 1, 0]);
    await using picky = await startLuna({
      shipped: ["luna-liveness"],
      models,
      settings: { luna: { liveness_quality: 1 } },
    });
    const { client: there } = await picky.newAccount();
    const unknown = (await form(["live.jpg", "spoof.jpg"], {}, { aggregate: 1 }, there)).body;
    expect(unknown.images.map(({ liveness }: Judged) => liveness?.prediction)).toEqual([2, 2]);
    expect(unknown.aggregate_estimations.liveness.prediction).toBe(2);
  });

  test("LUNA-LIVE-029 probability and quality lie from 0 to 1", async () => {
    const { body } = await form(["live.jpg", "weak.jpg", "spoof.jpg"]);
    for (const { probability, quality } of estimations(body.images)) {
      for (const value of [probability, quality]) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }
    }
  });

  test("LUNA-LIVE-030 pictures are answered in the order of the request, failed ones in their places", async () => {
    const names = ["none-1.jpg", "a.jpg", "two.jpg", "spoof.jpg", "b.jpg", "small.jpg"];
    const { body } = await form([...names, { name: "c", type: "image/x-png-base64", bytes: "%" }, "d.jpg"]);
    expect(body.images.map(({ filename }: Judged) => filename)).toEqual([...names, "c", "d.jpg"]);
    expect(body.images.map(({ status }: { status: number }) => status)).toEqual([0, 1, 0, 1, 1, 0, 0, 1]);
  });

  test("LUNA-LIVE-031 no event is sent, and nothing is stored", async () => {
    using events = await LunaEvents.open(client);
    await form(["a.jpg", "none.jpg"]);
    await urls(at("/a.jpg"));
    expect((await client.get("/4/storage/descriptors")).body.count).toBe(0);
    // What comes first is what was done last.
    const id = await newDescriptor(client);
    const [event] = await events.has(1);
    expect([event.source, event.result.faces[0].id]).toEqual(["descriptors", id]);
  });
});
