/** Requests that are too large, too many or broken off, over real connections: answered in JSON, and nothing stays behind. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { RawClient } from "../api/native/raw-client.ts";
import { form, GOOD_PICTURE, isIdle } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

const RUN = "/v1/pipelines/face-liveness/run";
const LIMIT = 2 * 1024 * 1024;
/** Most bytes by which the process, the test's own part included, may grow. */
const MOST_GROWTH = 120e6;
const WHOLE = new Uint8Array(LIMIT);

let probe: ProbeChannel;
let server: TestServer;
beforeAll(async () => {
  probe = new ProbeChannel();
  server = await testServer({
    pipelines: {
      held: `stages:\n  - probe: { does: hold, channel: ${probe.name} }\nlimits: { deadline: 60s }\n`,
      few: "stages: [probe]\nlimits: { files: 3 }\n",
    },
    env: { FACEWIRE_HTTP_MAX_BODY: "2MiB", FACEWIRE_INFERENCE_WORKERS: "1", FACEWIRE_HTTP_BODY_TIMEOUT: "2s" },
  });
});
afterAll(async () => {
  probe[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});
afterEach(() => server.client.expectAsBefore());

/** A connection to the server. */
const connect = () => RawClient.connect(server.client.port);
/** How many requests were answered with a code so far, as the log has it. */
const logged = (code: string) => server.logs.filter((line) => line.code === code && line.status !== undefined).length;

async function expectVerdict(client: RawClient): Promise<void> {
  await client.head("POST", RUN, { "Content-Length": GOOD_PICTURE.length });
  await client.send(GOOD_PICTURE);
  const { status, body } = await client.answer();
  expect([status, JSON.parse(body).items[0].faces[0].liveness.prediction]).toEqual([200, "live"]);
}

describe("A body over the limit is answered with 413 and JSON, and its connection brings the next verdict:", () => {
  test("a declared length", async () => {
    const client = await connect();
    await client.head("POST", RUN, { "Content-Length": 8 * LIMIT });
    const { status, body } = await client.answer();
    expect([status, JSON.parse(body).error.code]).toEqual([413, "request_too_large"]);
    for (let sent = 0; sent < 8; sent++) await client.send(WHOLE);
    await expectVerdict(client);
    client.leave();
  });

  test("chunks", async () => {
    const client = await connect();
    await client.head("POST", RUN, { "Transfer-Encoding": "chunked" });
    for (let sent = 0; sent < 8; sent++) {
      await client.send(`${LIMIT.toString(16)}\r\n`);
      await client.send(WHOLE);
      await client.send("\r\n");
    }
    await client.send("0\r\n\r\n");
    const { status, body } = await client.answer();
    expect([status, JSON.parse(body).error.code]).toEqual([413, "request_too_large"]);
    await expectVerdict(client);
    client.leave();
  });
});

test("bodies over the limit are thrown away as they come: 480 MB of them leave memory as it was", async () => {
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      const client = await connect();
      await client.head("POST", RUN, { "Content-Length": 8 * LIMIT });
      expect((await client.answer()).status).toBe(413);
      for (let sent = 0; sent < 8; sent++) await client.send(WHOLE);
      await client.head("GET", "/health/live");
      expect((await client.answer()).status).toBe(200);
      client.leave();
    }),
  );
  expect(process.memoryUsage.rss() - before).toBeLessThan(MOST_GROWTH);
});

describe("Too many files are refused with request_too_many_files:", () => {
  test("10,000 in one request, more than the server takes", async () => {
    const many = form(Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`${at}.jpg`, "x"])));
    const { status, body } = await server.client.run("face-liveness", many);
    expect([status, body.error]).toMatchObject([413, { code: "request_too_many_files", details: { max_files: 100 } }]);
  });

  test("10,000 in one request to a server that would take them, more than the pipeline takes", async () => {
    await using roomy = await testServer({ env: { FACEWIRE_HTTP_MAX_FILES: "10000" } });
    const many = form(Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`${at}.jpg`, "x"])));
    const { status, body } = await roomy.client.run("face-liveness", many);
    expect([status, body.error]).toMatchObject([413, { code: "request_too_many_files", details: { limit: 100 } }]);
    await roomy.client.expectAsBefore();
  });

  test("four to a pipeline that takes three", async () => {
    const four = form({ "1": PLAIN_PICTURE, "2": PLAIN_PICTURE, "3": PLAIN_PICTURE, "4": PLAIN_PICTURE });
    const { status, body } = await server.client.run("few", four);
    expect([status, body.error?.code]).toEqual([413, "request_too_many_files"]);
  });
});

describe("A client that leaves", () => {
  test("in the middle of its body is forgotten", async () => {
    const before = logged("request_cancelled");
    const client = await connect();
    await client.head("POST", RUN, { "Content-Length": GOOD_PICTURE.length });
    await client.send(GOOD_PICTURE.subarray(0, 1000));
    client.leave();
    await eventually(() => logged("request_cancelled") > before);
  });

  test("in the middle of the work has it cancelled: what waits is dropped, what runs stops at its next step", async () => {
    const before = logged("request_cancelled");
    const from = probe.held.length;
    const clients = await Promise.all(Array.from({ length: 6 }, connect));
    for (const client of clients) {
      await client.head("POST", "/v1/pipelines/held/run", { "Content-Length": PLAIN_PICTURE.length });
      await client.send(PLAIN_PICTURE);
    }
    // The one worker holds two pictures; the other four wait.
    await probe.holds(from + 2);
    await server.client.healthBecomes(({ parts }) => parts.queue?.details?.waiting === 4);
    for (const client of clients) client.leave();
    await eventually(() => logged("request_cancelled") === before + 6);
    await server.client.healthBecomes(({ parts }) => parts.queue?.details?.waiting === 0);
    probe.releaseAll();
    await server.client.healthBecomes(isIdle);
    expect(probe.held.length).toBe(from + 2);
    expect(await server.client.metric("facewire_dead_letters_total")).toBe(0);
  });

  test("while it sends too slowly does not get in the way, and one that stays is told with 408", async () => {
    const client = await connect();
    await client.head("POST", RUN, { "Content-Length": 10 });
    const { status, body } = await client.answer();
    expect([status, JSON.parse(body).error.code]).toEqual([408, "request_too_slow"]);
    client.leave();
  });
});

describe("A request that is not as documented is told what is wrong and what was meant:", () => {
  test("an unknown pipeline, with the nearest name, before its body is read", async () => {
    const client = await connect();
    await client.head("POST", "/v1/pipelines/face-livenes/run", { "Content-Length": LIMIT });
    const { status, body } = await client.answer();
    expect([status, JSON.parse(body).error]).toMatchObject([
      404,
      { code: "pipeline_unknown", details: { nearest: "face-liveness" } },
    ]);
    client.leave();
  });

  test("a misspelt address, a wrong method, a misspelt parameter", async () => {
    const { client } = server;
    expect(await client.json("/v1/pipeline")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    const wrong = await client.json(RUN);
    expect(wrong).toMatchObject({ status: 405, body: { error: { code: "method_not_allowed" } } });
    expect(wrong.headers.get("allow")).toContain("POST");
    expect(await client.run("face-liveness", GOOD_PICTURE, "?explian=1")).toMatchObject({
      status: 400,
      body: { error: { code: "request_invalid", details: { nearest: "explain" } } },
    });
  });

  test("a form that breaks off, a form without files, a form with a field", async () => {
    const multipart = { "content-type": "multipart/form-data; boundary=b" };
    const send = (body: string) => server.client.json(RUN, { method: "POST", headers: multipart, body });
    const part = (disposition: string) => `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n1`;
    for (const body of [
      part('name="f"; filename="a.jpg"'),
      "--b--\r\n",
      `${part('name="explain"')}\r\n--b--\r\n`,
      "",
    ]) {
      expect(await send(body)).toMatchObject({ status: 400, body: { error: { code: "request_invalid" } } });
    }
  });
});
