import { describe, expect, test } from "bun:test";
import { FacewireError } from "../../../src/errors.ts";
import { eventually } from "../../support/settle.ts";
import { RawClient } from "./raw-client.ts";
import { PIPELINE, scriptedEngine, untilCancelled } from "./scripted-engine.ts";
import { serveNative } from "./serve.ts";

const RUN = `/v1/pipelines/${PIPELINE}/run`;
const MB = new Uint8Array(1024 * 1024);

describe("A body over the limit is answered with 413 and JSON, and its connection stays usable", () => {
  test("when its length is declared", async () => {
    await using served = await serveNative(scriptedEngine());
    const client = await RawClient.connect(served.port);
    await client.head("POST", RUN, { "Content-Length": 5 * MB.length });
    const refusal = await client.answer();
    expect(refusal.status).toBe(413);
    expect(JSON.parse(refusal.body)).toMatchObject({
      error: { code: "request_too_large", details: { max_bytes: MB.length } },
      request: refusal.headers["x-request-id"],
    });
    for (let sent = 0; sent < 5; sent++) await client.send(MB);
    await client.head("POST", RUN, { "Content-Length": 3 });
    await client.send("abc");
    expect((await client.answer()).status).toBe(200);
    client.leave();
  });

  test("when it comes in chunks of undeclared sum", async () => {
    const engine = scriptedEngine();
    await using served = await serveNative(engine);
    const client = await RawClient.connect(served.port);
    await client.head("POST", RUN, { "Transfer-Encoding": "chunked" });
    for (let sent = 0; sent < 5; sent++) {
      await client.send(`${MB.length.toString(16)}\r\n`);
      await client.send(MB);
      await client.send("\r\n");
    }
    await client.send("0\r\n\r\n");
    const refusal = await client.answer();
    expect(refusal.status).toBe(413);
    expect(JSON.parse(refusal.body).error.code).toBe("request_too_large");
    await client.head("GET", "/v1/pipelines");
    expect((await client.answer()).status).toBe(200);
    expect(engine.requests).toHaveLength(0);
    client.leave();
  });

  test("when it is the definition of a pipeline", async () => {
    await using served = await serveNative(scriptedEngine());
    const { status, body } = await served.json("/v1/pipelines/validate", { method: "POST", body: MB });
    expect(status).toBe(413);
    expect(body).toMatchObject({ error: { code: "request_too_large" } });
  });
});

test("a body in chunks is read whole and in order", async () => {
  const engine = scriptedEngine();
  await using served = await serveNative(engine);
  const client = await RawClient.connect(served.port);
  await client.head("POST", RUN, { "Transfer-Encoding": "chunked" });
  for (const part of ["one ", "two ", "three"]) await client.send(`${part.length.toString(16)}\r\n${part}\r\n`);
  await client.send("0\r\n\r\n");
  expect((await client.answer()).status).toBe(200);
  expect(Buffer.from(engine.requests[0]!.files[0]!.bytes).toString()).toBe("one two three");
  client.leave();
});

test("a client that waits for 100 Continue gets it, and then its answer", async () => {
  await using served = await serveNative(scriptedEngine());
  const client = await RawClient.connect(served.port);
  await client.head("POST", RUN, { "Content-Length": 3, Expect: "100-continue" });
  expect((await client.answer()).status).toBe(100);
  await client.send("abc");
  expect((await client.answer()).status).toBe(200);
  client.leave();
});

test("a body that does not arrive in time is answered with 408 and JSON, without the engine", async () => {
  const engine = scriptedEngine();
  await using served = await serveNative(engine, { limits: { maxBody: MB.length, maxFiles: 10, bodyTimeoutMs: 100 } });
  const client = await RawClient.connect(served.port);
  await client.head("POST", RUN, { "Content-Length": 10 });
  await client.send("abc");
  const refusal = await client.answer();
  expect(refusal.status).toBe(408);
  expect(JSON.parse(refusal.body)).toMatchObject({ error: { code: "request_too_slow", details: { timeout_ms: 100 } } });
  expect(engine.requests).toHaveLength(0);
  await client.send("defghij");
  await client.head("GET", "/health/live");
  expect((await client.answer()).status).toBe(200);
  client.leave();
});

test("an overloaded engine refuses before any of the body has come", async () => {
  const overloaded = new FacewireError("overloaded", "The queue is full.", { details: { retry_after_s: 2.4 } });
  const engine = scriptedEngine({
    admit: () => {
      throw overloaded;
    },
  });
  await using served = await serveNative(engine);
  const client = await RawClient.connect(served.port);
  await client.head("POST", RUN, { "Content-Length": MB.length });
  const refusal = await client.answer();
  expect(refusal.status).toBe(503);
  expect(refusal.headers["retry-after"]).toBe("3");
  expect(JSON.parse(refusal.body)).toMatchObject({ error: { code: "overloaded" } });
  client.leave();
});

describe("A client that leaves has its work cancelled", () => {
  test("while the engine works", async () => {
    const engine = scriptedEngine({ run: untilCancelled });
    await using served = await serveNative(engine);
    const client = await RawClient.connect(served.port);
    await client.head("POST", RUN, { "Content-Length": 3 });
    await client.send("abc");
    await eventually(() => engine.requests.length === 1);
    client.leave();
    await eventually(() => engine.requests[0]!.signal!.aborted);
    await eventually(() => served.logs.some((line) => line.status === 499));
    expect(served.logs.at(-1)).toMatchObject({ code: "request_cancelled", pipeline: PIPELINE });
  });

  test("in the middle of its body, before the engine is asked", async () => {
    const engine = scriptedEngine();
    await using served = await serveNative(engine);
    const client = await RawClient.connect(served.port);
    await client.head("POST", RUN, { "Content-Length": 10 });
    await client.send("abc");
    client.leave();
    await eventually(() => served.logs.some((line) => line.status === 499));
    expect(engine.requests).toHaveLength(0);
  });
});

test("bodies in flight share one allowance of memory; what is over it is refused and what is done gives back", async () => {
  const engine = scriptedEngine({ run: untilCancelled });
  await using served = await serveNative(engine);
  const clients: RawClient[] = [];
  // The allowance is eight bodies of the largest size.
  for (let at = 0; at < 8; at++) {
    const client = await RawClient.connect(served.port);
    await client.head("POST", RUN, { "Content-Length": MB.length });
    await client.send(MB);
    clients.push(client);
  }
  await eventually(() => engine.requests.length === 8);
  const refused = await served.json(RUN, { method: "POST", body: "abc" });
  expect(refused.status).toBe(503);
  expect(refused.body).toMatchObject({ error: { code: "overloaded" } });
  for (const client of clients) client.leave();
  await eventually(() => served.logs.filter((line) => line.status === 499).length === 8);
  const { api } = served;
  const taken = api.handle(
    new Request(`http://localhost${RUN}`, { method: "POST", body: "abc", signal: AbortSignal.timeout(100) }),
  );
  await eventually(() => engine.requests.length === 9);
  expect((await taken).status).toBe(499);
});

test("a compressed body is refused by name instead of being taken for a broken picture", async () => {
  await using served = await serveNative(scriptedEngine());
  const { status, body } = await served.json(RUN, {
    method: "POST",
    body: "abc",
    headers: { "content-encoding": "gzip" },
  });
  expect(status).toBe(415);
  expect(body).toMatchObject({ error: { code: "media_type_unsupported" } });
});
