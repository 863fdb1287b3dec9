import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssri from "ssri";
import { type DownloadProgress, download } from "../../../src/inference/sources/download.ts";
import { thrownBy } from "../../support/thrown.ts";

const body = Buffer.alloc(300_000, "weights ");
const integrity = ssri.fromData(body).toString();
const plain = {
  protocols: ["http:"] as const,
  maxBytes: 1_000_000,
  patience: { idleMs: 10_000, retryAfterMs: [1, 1] },
};
let folder: string;
let server: ReturnType<typeof Bun.serve>;
/** Requests by path. */
const asked = new Map<string, number>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-download-"));
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      const count = (asked.get(pathname) ?? 0) + 1;
      asked.set(pathname, count);
      switch (pathname) {
        case "/file":
          return new Response(body);
        case "/redirect":
          return Response.redirect("/file");
        case "/to-https":
          return Response.redirect("https://127.0.0.1:1/file");
        case "/to-disk":
          return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
        case "/round":
          return Response.redirect("/round");
        case "/flaky":
          return count < 3 ? new Response("later", { status: 503 }) : new Response(body);
        case "/busy":
          return new Response("no", { status: 503 });
        case "/silent":
          return new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) }));
        case "/hanging":
          return new Response(
            new ReadableStream({
              pull: async (controller) => {
                controller.enqueue(new Uint8Array(1000));
                await Bun.sleep(20);
              },
            }),
          );
        default:
          return new Response("no such file", { status: 404 });
      }
    },
  });
});

afterAll(async () => {
  await server.stop(true);
  await rm(folder, { recursive: true });
});

const at = (path: string) => new URL(path, server.url).href;
const filesLike = async (name: string) => (await readdir(folder)).filter((file) => file.startsWith(name));

test("a file arrives whole, with progress in bytes", async () => {
  const progress: DownloadProgress[] = [];
  const path = join(folder, "whole");
  await download("it", at("/file"), path, { ...plain, integrity, onProgress: (step) => progress.push(step) });

  expect(await readFile(path)).toEqual(body);
  expect(progress.at(-1)).toEqual({ receivedBytes: body.length, totalBytes: body.length });
});

test("bytes of another integrity are refused, and nothing of them stays", async () => {
  const wrong = ssri.fromData("something else").toString();
  const thrown = await thrownBy(download("it", at("/file"), join(folder, "wrong"), { ...plain, integrity: wrong }));

  expect(thrown).toMatchObject({ code: "model_source_failed", details: { expected: wrong, actual: integrity } });
  expect(await filesLike("wrong")).toEqual([]);
});

test("a file over the size limit is given up, and nothing of it stays", async () => {
  const thrown = await thrownBy(download("it", at("/file"), join(folder, "large"), { ...plain, maxBytes: 100_000 }));

  expect(thrown).toMatchObject({ code: "model_source_failed", message: expect.stringContaining("larger than 100000") });
  expect(await filesLike("large")).toEqual([]);
});

test("redirects are followed within the allowed protocols", async () => {
  const path = join(folder, "redirected");
  await download("it", at("/redirect"), path, { ...plain, integrity });
  expect(await readFile(path)).toEqual(body);
});

test.each([
  ["/to-https", "https: address"],
  ["/to-disk", "file: address"],
  ["/round", "redirected more than"],
])("the redirect of %s is refused", async (path, words) => {
  const thrown = await thrownBy(download("it", at(path), join(folder, "astray"), plain));
  expect(thrown).toMatchObject({ code: "model_source_failed", message: expect.stringContaining(words) });
});

test("an address of a protocol that is not allowed is not even asked", async () => {
  const before = asked.get("/file");
  const thrown = await thrownBy(
    download("it", at("/file"), join(folder, "plain"), { ...plain, protocols: ["https:"] }),
  );
  expect(thrown).toMatchObject({ code: "model_source_failed" });
  expect(asked.get("/file")).toBe(before);
});

test("a server that fails for a moment is asked again", async () => {
  const path = join(folder, "flaky");
  await download("it", at("/flaky"), path, { ...plain, integrity });
  expect(await readFile(path)).toEqual(body);
});

test("a server that keeps failing is given up after three attempts", async () => {
  const thrown = await thrownBy(download("it", at("/busy"), join(folder, "busy"), plain));
  expect(thrown).toMatchObject({ code: "model_source_failed", message: expect.stringContaining("503") });
  expect(asked.get("/busy")).toBe(3);
});

test("a server that falls silent is given up, on each attempt", async () => {
  const patience = { idleMs: 30, retryAfterMs: [1] };
  const thrown = await thrownBy(download("it", at("/silent"), join(folder, "silent"), { ...plain, patience }));
  expect(thrown).toMatchObject({ code: "model_source_failed", message: expect.stringContaining("nothing came for") });
  expect(asked.get("/silent")).toBe(2);
  expect(await filesLike("silent")).toEqual([]);
});

test("a file that is not there is no matter for a second attempt", async () => {
  const thrown = await thrownBy(download("it", at("/none"), join(folder, "none"), plain));
  expect(thrown).toMatchObject({ code: "model_source_failed", message: expect.stringContaining("404") });
  expect(asked.get("/none")).toBe(1);
});

test("a download that is called off leaves nothing behind", async () => {
  const caller = new AbortController();
  const work = download("it", at("/hanging"), join(folder, "called-off"), {
    ...plain,
    signal: caller.signal,
    onProgress: () => caller.abort(),
  });
  expect(await thrownBy(work)).toMatchObject({ name: "AbortError" });
  expect(await filesLike("called-off")).toEqual([]);
});
