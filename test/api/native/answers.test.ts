import { describe, expect, test } from "bun:test";
import type { FacewireError } from "../../../src/errors.ts";
import type { ItemResult } from "../../../src/pipeline/results.ts";
import { RawClient } from "./raw-client.ts";
import { PIPELINE, scriptedEngine } from "./scripted-engine.ts";
import { serveNative } from "./serve.ts";

const RUN = `/v1/pipelines/${PIPELINE}/run`;

/** A form with one file a name. */
function pictures(...names: string[]): FormData {
  const form = new FormData();
  for (const name of names) form.append("pictures", new Blob([`bytes of ${name}`]), name);
  return form;
}

function failed(code: FacewireError["code"]): Partial<ItemResult> {
  return { status: "failed", error: { code, message: `It is ${code}.` } };
}

describe("An address that is not there", () => {
  test("is answered with 404, JSON and the nearest one", async () => {
    await using served = await serveNative(scriptedEngine());
    const { status, body, headers } = await served.json("/v1/pipeline/face-detect/run", { method: "POST", body: "x" });
    expect(status).toBe(404);
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(body).toMatchObject({
      error: { code: "not_found", details: { nearest: "/v1/pipelines/face-detect/run" } },
      request: headers.get("x-request-id"),
    });
  });

  test("is answered with 405 and Allow when only the method is wrong", async () => {
    await using served = await serveNative(scriptedEngine());
    const { status, body, headers } = await served.json(RUN, { method: "GET" });
    expect(status).toBe(405);
    expect(headers.get("allow")).toBe("OPTIONS, POST");
    expect(body).toMatchObject({ error: { code: "method_not_allowed", details: { allowed: ["OPTIONS", "POST"] } } });
  });

  test("is found also under host names of one letter", async () => {
    await using served = await serveNative(scriptedEngine(), {
      access: { open: true },
      listen: { host: "0.0.0.0", port: 0 },
    });
    const response = await served.api.handle(new Request("http://a/v1/pipelines"));
    expect(response.status).toBe(200);
  });

  test("with a broken percent escape is answered with 400", async () => {
    await using served = await serveNative(scriptedEngine());
    const { status, body } = await served.json("/v1/pipelines/%ZZ");
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: "request_invalid" } });
  });

  test("is told from a pipeline that is not there, which is named with its nearest", async () => {
    await using served = await serveNative(scriptedEngine());
    const { status, body } = await served.json("/v1/pipelines/face-detekt/run", { method: "POST", body: "x" });
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code: "pipeline_unknown", details: { nearest: PIPELINE } } });
  });
});

test("HEAD answers as GET does, without a body; OPTIONS names the methods", async () => {
  await using served = await serveNative(scriptedEngine());
  const head = await fetch(`${served.url}/v1/pipelines`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const options = await fetch(`${served.url}/v1/pipelines/validate`, { method: "OPTIONS" });
  expect(options.status).toBe(204);
  expect(options.headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
});

describe("Query parameters", () => {
  test("reach the engine", async () => {
    const engine = scriptedEngine();
    await using served = await serveNative(engine);
    await served.json(`${RUN}?explain=1&draw=0&exif=true&priority=7&deadline=1.5s`, { method: "POST", body: "x" });
    await served.json(`${RUN}?deadline=800`, { method: "POST", body: "x" });
    expect(engine.requests[0]).toMatchObject({ explain: true, draw: false, exif: true, priority: 7, deadlineMs: 1500 });
    expect(engine.requests[1]).toMatchObject({ explain: false, deadlineMs: 800 });
    expect(engine.requests[1]).not.toHaveProperty("priority");
  });

  for (const [query, details] of [
    ["explan=1", { parameter: "explan", nearest: "explain" }],
    ["priority=10", { parameter: "priority", found: "10" }],
    ["deadline=soon", { parameter: "deadline", found: "soon" }],
    ["deadline=0", { parameter: "deadline" }],
    ["draw=maybe", { parameter: "draw" }],
    ["exif=1&exif=0", { parameter: "exif" }],
    ["__proto__=1", { parameter: "__proto__" }],
  ] as const) {
    test(`?${query} is refused with what would be right`, async () => {
      const engine = scriptedEngine();
      await using served = await serveNative(engine);
      const { status, body } = await served.json(`${RUN}?${query}`, { method: "POST", body: "x" });
      expect(status).toBe(400);
      expect(body).toMatchObject({ error: { code: "request_invalid", details } });
      expect(engine.requests).toHaveLength(0);
    });
  }
});

describe("Pictures", () => {
  for (const type of [
    undefined,
    "image/jpeg",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "text/html",
  ]) {
    test(`sent as body are taken as they are when declared as ${type ?? "nothing"}`, async () => {
      const engine = scriptedEngine();
      await using served = await serveNative(engine);
      const headers: HeadersInit = type === undefined ? {} : { "content-type": type };
      const body = new Uint8Array([1, 0, 255, 37, 38]);
      const { status } = await served.json(RUN, { method: "POST", body, headers });
      expect(status).toBe(200);
      expect([...engine.requests[0]!.files[0]!.bytes]).toEqual([...body]);
    });
  }

  test("of a form become files with their names, in order", async () => {
    const engine = scriptedEngine();
    await using served = await serveNative(engine);
    const { body } = await served.json(RUN, { method: "POST", body: pictures("a.jpg", "b.jpg") });
    expect(body.items).toMatchObject([
      { index: 0, name: "a.jpg" },
      { index: 1, name: "b.jpg" },
    ]);
  });

  test("that are not there are refused: an empty body, a form without files", async () => {
    await using served = await serveNative(scriptedEngine());
    expect((await served.json(RUN, { method: "POST" })).body).toMatchObject({ error: { code: "picture_empty" } });
    const { status, body } = await served.json(RUN, { method: "POST", body: new FormData() });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: "request_invalid" } });
  });

  test("next to a form field that looks like an option are refused: it would else be ignored", async () => {
    await using served = await serveNative(scriptedEngine());
    const form = pictures("a.jpg");
    form.append("explain", "1");
    const { status, body } = await served.json(RUN, { method: "POST", body: form });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      error: { code: "request_invalid", details: { field: "explain", nearest: "explain" } },
    });
  });

  test("of ten thousand files are refused by number", async () => {
    const engine = scriptedEngine();
    await using served = await serveNative(engine, { limits: { maxBody: 16e6, maxFiles: 10, bodyTimeoutMs: 5000 } });
    const names = Array.from({ length: 10_000 }, (_, at) => String(at));
    const { status, body } = await served.json(RUN, { method: "POST", body: pictures(...names) });
    expect(status).toBe(413);
    expect(body).toMatchObject({ error: { code: "request_too_many_files", details: { max_files: 10 } } });
    expect(engine.requests).toHaveLength(0);
  });
});

describe("The status of a run", () => {
  test("is 200 as long as one picture was worked on", async () => {
    const engine = scriptedEngine({ item: (_name, index) => (index === 0 ? failed("picture_damaged") : {}) });
    await using served = await serveNative(engine);
    const { status, body } = await served.json(RUN, { method: "POST", body: pictures("a", "b") });
    expect(status).toBe(200);
    expect(body).not.toHaveProperty("error");
    expect(body.items).toMatchObject([{ error: { code: "picture_damaged" } }, { status: "no_face" }]);
  });

  test("is that of the error when the only picture failed, with the error on top and the item below", async () => {
    await using served = await serveNative(scriptedEngine({ item: () => failed("picture_unknown_format") }));
    const { status, body } = await served.json(RUN, { method: "POST", body: "x" });
    expect(status).toBe(415);
    expect(body).toMatchObject({
      error: { code: "picture_unknown_format", message: "It is picture_unknown_format." },
      pipeline: PIPELINE,
      items: [{ status: "failed" }],
    });
  });

  test("is that of the gravest error when all failed in different ways", async () => {
    const codes = ["picture_empty", "model_unavailable", "picture_damaged"] as const;
    await using served = await serveNative(scriptedEngine({ item: (_name, index) => failed(codes[index]!) }));
    const { status, body, headers } = await served.json(RUN, { method: "POST", body: pictures("a", "b", "c") });
    expect(status).toBe(503);
    expect(headers.get("retry-after")).toBe("1");
    expect(body).toMatchObject({ error: { code: "model_unavailable" } });
  });
});

describe("draw", () => {
  const JPEG = new Uint8Array([0xff, 0xd8, 1, 2, 3]);
  const drawn = () => scriptedEngine({ item: () => ({ status: "ok", drawn: JPEG }) });

  test("answers one picture with the drawn JPEG", async () => {
    await using served = await serveNative(drawn());
    const response = await fetch(`${served.url}${RUN}?draw=1`, { method: "POST", body: "x" });
    expect(response.headers.get("content-type")).toBe("image/jpeg");
    expect(response.headers.get("x-request-id")).toBeString();
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(JPEG);
  });

  test("answers a client that asks for JSON with the result and the drawn picture in base64", async () => {
    await using served = await serveNative(drawn());
    const headers = { accept: "application/json" };
    const { body } = await served.json(`${RUN}?draw=1`, { method: "POST", body: "x", headers });
    const data = Buffer.from(JPEG).toString("base64");
    expect(body.items).toMatchObject([{ drawn: { content_type: "image/jpeg", data } }]);
  });

  test("answers several pictures with JSON", async () => {
    await using served = await serveNative(drawn());
    const { body } = await served.json(`${RUN}?draw=1`, { method: "POST", body: pictures("a", "b") });
    expect(body.items).toHaveLength(2);
  });

  test("answers a picture that failed with its error", async () => {
    await using served = await serveNative(scriptedEngine({ item: () => failed("picture_damaged") }));
    const { status, body } = await served.json(`${RUN}?draw=1`, { method: "POST", body: "x" });
    expect(status).toBe(422);
    expect(body).toMatchObject({ error: { code: "picture_damaged" } });
  });
});

describe("Request ids", () => {
  test("are taken from the client, given to the engine, and given back in header, body and log", async () => {
    const engine = scriptedEngine();
    await using served = await serveNative(engine);
    const headers = { "x-request-id": "order-42:front.1" };
    const answer = await served.json(RUN, { method: "POST", body: "x", headers });
    expect(answer.headers.get("x-request-id")).toBe("order-42:front.1");
    expect(answer.body.request).toBe("order-42:front.1");
    expect(engine.requests[0]?.id).toBe("order-42:front.1");
    expect(served.logs.at(-1)).toMatchObject({
      request: "order-42:front.1",
      route: "/v1/pipelines/:name/run",
      status: 200,
    });
  });

  for (const id of ["with blank", 'quote"', "-leading", "x".repeat(129), "<script>"]) {
    test(`are made anew when the client's is not sane: ${id.slice(0, 20)}`, async () => {
      await using served = await serveNative(scriptedEngine());
      const { headers } = await served.json("/v1/pipelines", { headers: { "x-request-id": id } });
      expect(headers.get("x-request-id")).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    });
  }
});

test("the caller's trace context reaches the engine", async () => {
  const engine = scriptedEngine();
  await using served = await serveNative(engine);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await served.json(RUN, { method: "POST", body: "x", headers: { traceparent } });
  expect(engine.requests[0]?.traceparent).toBe(traceparent);
});

test("a failure that nobody foresaw tells its code and id to the client and its cause to the log only", async () => {
  const secret = "/srv/secret/place: password=hunter2";
  const engine = scriptedEngine({ run: () => Promise.reject(new TypeError(secret)) });
  await using served = await serveNative(engine);
  const { status, body } = await served.json(RUN, { method: "POST", body: "x" });
  expect(status).toBe(500);
  expect(Object.keys(body)).toEqual(["error", "request"]);
  expect(body.error).toEqual({ code: "internal", message: "An unexpected failure." });
  expect(JSON.stringify(served.logs)).toContain("hunter2");
});

test("answers are not guessed at, framed, cached or signed with a product name", async () => {
  await using served = await serveNative(scriptedEngine());
  const { headers } = await served.json("/v1/pipelines");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.has("server") || headers.has("x-powered-by")).toBeFalse();
});

test("requests are counted by route pattern and status, not by what clients write into addresses", async () => {
  await using served = await serveNative(scriptedEngine());
  await served.json(RUN, { method: "POST", body: "x" });
  await served.json("/v1/nonsense-4711");
  const client = await RawClient.connect(served.port);
  await client.head("PROPFIND", "/v1/pipelines");
  expect((await client.answer()).status).toBe(405);
  client.leave();
  const text = await (await fetch(`${served.url}/metrics`)).text();
  expect(text).toContain('facewire_http_requests_total{method="POST",route="/v1/pipelines/:name/run",status="200"} 1');
  expect(text).toContain('method="GET",route="unmatched",status="404"} 1');
  expect(text).toContain('method="(other)"');
  expect(text).not.toContain("4711");
});

describe("Health", () => {
  test("names every part; a failed one makes it and readiness 503 while the process stays live", async () => {
    const health = async () => ({ store: { status: "failed", message: "No database." } }) as const;
    await using served = await serveNative(scriptedEngine(), { health });
    const whole = await served.json("/health");
    expect(whole.status).toBe(503);
    expect(whole.body).toMatchObject({
      status: "failed",
      parts: { store: { message: "No database." }, http: { status: "ok" } },
    });
    expect((await served.json("/health/ready")).status).toBe(503);
    expect((await served.json("/health/live")).status).toBe(200);
  });

  test("is ready, and says degraded, while a degraded part leaves the others working", async () => {
    await using served = await serveNative(scriptedEngine(), {
      health: async () => ({ models: { status: "degraded" } }),
    });
    const { status, body } = await served.json("/health/ready");
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: "degraded" });
  });
});

describe("Checking a definition", () => {
  test("gives the engine the text as it was sent and answers with the plan", async () => {
    await using served = await serveNative(scriptedEngine());
    const source = "name: größe\n";
    const { status, body } = await served.json("/v1/pipelines/validate", { method: "POST", body: source });
    expect(status).toBe(200);
    expect(body).toMatchObject({ source, plan: { nodes: [] } });
  });

  test("refuses what is no text", async () => {
    await using served = await serveNative(scriptedEngine());
    const body = new Uint8Array([0xff, 0xfe, 0x00]);
    const answer = await served.json("/v1/pipelines/validate", { method: "POST", body });
    expect(answer.status).toBe(400);
  });
});
