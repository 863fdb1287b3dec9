/** A server as it is put together, started and stopped. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { samplePhotograph, startTestServer, type TestServer } from "../src/testing/index.ts";
import { MODELS_CACHE } from "./support/engine.ts";

const picture = await samplePhotograph(1);
/** The models of this suite, and all of them loaded when the server is there. */
const READY = { settings: { models_cache: MODELS_CACHE }, loaded: true } as const;

describe("a server", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer(READY);
  });
  afterAll(() => server.stop());

  test("answers a picture over HTTP as its engine does", async () => {
    const { items } = await server.run("face-detect", picture);
    const files = [{ name: "body", bytes: picture }];
    const own = await server.app.engine.run({ id: "own", pipeline: "face-detect", files });
    expect(own.items[0]!.faces.length).toBeGreaterThanOrEqual(3);
    expect(items[0]!.faces.map((face) => face.box)).toEqual(own.items[0]!.faces.map((face) => face.box));
  });

  test("names every part in its health", async () => {
    const { status, parts } = await server.health();
    expect(status).toBe("ok");
    expect(Object.keys(parts).sort()).toEqual([
      "events",
      "http",
      "jobs",
      "models",
      "pipelines",
      "queue",
      "reextraction",
      "store",
      "workers",
    ]);
  });

  test("counts requests, pictures and workers in its metrics", async () => {
    await server.run("face-detect", picture);
    const text = await (await server.fetch("/metrics")).text();
    expect(text).toMatch(/^facewire_items_total\{pipeline="face-detect",status="ok",code="ok"\} [1-9]/m);
    expect(text).toMatch(/^facewire_workers\{state="(idle|busy)"\} [1-9]/m);
  });
});

describe("starting and stopping", () => {
  test("stop finishes the requests that were accepted and then answers nobody", async () => {
    await using server = await startTestServer(READY);
    const running = Array.from({ length: 6 }, () =>
      server.fetch("/v1/pipelines/face-extract/run", { method: "POST", body: picture as BodyInit }),
    );
    // Each has a connection of its own and was sent before the first was answered.
    await Promise.race(running);
    await server.app.stop();
    for (const response of await Promise.all(running)) {
      expect(response.status).toBe(200);
      expect(((await response.json()) as { items: unknown[] }).items).toHaveLength(1);
    }
    await expect(server.fetch("/health")).rejects.toThrow();
  });

  test("stop may be called again, at the same time too", async () => {
    await using server = await startTestServer(READY);
    await Promise.all([server.app.stop(), server.app.stop()]);
  });

  test("beyond loopback it does not start without a token, and with one it asks for it", async () => {
    const settings = { ...READY.settings, listen: { native: "0.0.0.0:0" } };
    await expect(startTestServer({ settings })).rejects.toMatchObject({ code: "listen_unsafe" });

    await using server = await startTestServer({ settings, tokens: { test: "read" } });
    expect((await server.fetch("/v1/pipelines")).status).toBe(401);
    expect((await server.as(server.tokens.test).fetch("/v1/pipelines")).status).toBe(200);
  });
});
