import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../src/store/store.ts";
import { startTestApp, type TestApp } from "./support/app.ts";
import { SAMPLE_PICTURES } from "./support/cli.ts";

const picture = () => Bun.file(join(SAMPLE_PICTURES, "sample1.jpg")).bytes();

describe("a server", () => {
  let server: TestApp;
  beforeAll(async () => {
    server = await startTestApp();
  });
  afterAll(() => server.close());

  test("answers a picture over HTTP as its engine does", async () => {
    const response = await fetch(`${server.url}/v1/pipelines/face-detect/run`, {
      method: "POST",
      body: await picture(),
    });
    expect(response.status).toBe(200);
    const { items } = (await response.json()) as { items: { faces: { box: unknown }[] }[] };
    const files = [{ name: "body", bytes: await picture() }];
    const own = await server.app.engine.run({ id: "own", pipeline: "face-detect", files });
    expect(own.items[0]!.faces.length).toBeGreaterThanOrEqual(3);
    expect(items[0]!.faces.map((face) => face.box)).toEqual(own.items[0]!.faces.map((face) => face.box));
  });

  test("names every part in its health", async () => {
    const response = await fetch(`${server.url}/health`);
    const { status, parts } = (await response.json()) as { status: string; parts: Record<string, { status: string }> };
    expect(status).toBe("ok");
    expect(Object.keys(parts).sort()).toEqual(["events", "http", "models", "pipelines", "queue", "store", "workers"]);
  });

  test("counts requests, pictures and workers in its metrics", async () => {
    await fetch(`${server.url}/v1/pipelines/face-detect/run`, { method: "POST", body: await picture() });
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^facewire_items_total\{pipeline="face-detect",status="ok",code="ok"\} [1-9]/m);
    expect(text).toMatch(/^facewire_workers\{state="(idle|busy)"\} [1-9]/m);
  });
});

describe("starting and stopping", () => {
  test("stop finishes the requests that were accepted and then answers nobody", async () => {
    const server = await startTestApp();
    const body = await picture();
    const running = Array.from({ length: 6 }, () =>
      fetch(`${server.url}/v1/pipelines/face-extract/run`, { method: "POST", body }),
    );
    // Each has a connection of its own and was sent before the first was answered.
    await Promise.race(running);
    await server.app.stop();
    for (const response of await Promise.all(running)) {
      expect(response.status).toBe(200);
      expect(((await response.json()) as { items: unknown[] }).items).toHaveLength(1);
    }
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
    await server.close();
  });

  test("stop may be called again, at the same time too", async () => {
    const server = await startTestApp();
    await Promise.all([server.app.stop(), server.app.stop()]);
    await server.close();
  });

  test("beyond loopback it does not start without a token, and with one it asks for it", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "facewire-tokens-"));
    const env = { FACEWIRE_LISTEN_NATIVE: "0.0.0.0:0", FACEWIRE_DATA_DIR: dataDir };
    await expect(startTestApp(env)).rejects.toMatchObject({ code: "listen_unsafe" });

    const store = await openStore(dataDir);
    const { secret } = await store.tokens.create({ role: "read", name: "test" });
    await store.close();
    await using server = await startTestApp(env);
    const address = `http://127.0.0.1:${new URL(server.url).port}/v1/pipelines`;
    expect((await fetch(address)).status).toBe(401);
    expect((await fetch(address, { headers: { authorization: `Bearer ${secret}` } })).status).toBe(200);
    await rm(dataDir, { recursive: true, force: true });
  });
});
