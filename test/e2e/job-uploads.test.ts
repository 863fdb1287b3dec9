/** How jobs come in: streamed to disk within limits, all or nothing, and once under a key however often they are sent. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { gate, heldAt, scripted, startTestServer, type TestServer, testPicture } from "../../src/testing/index.ts";
import { RawClient } from "../api/native/raw-client.ts";
import { accepted, endOf, jobForm, jobOf, resultsOf, submit } from "../jobs/job-client.ts";
import { serve } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { makeHome, type TestServer as ServerOnDisk, testServer } from "../support/test-server.ts";

const PICTURE = await testPicture({ width: 64, height: 64 });
const DETECT = "stages:\n  - detect: {}\n";

const quickServer = (options: Parameters<typeof startTestServer>[0] = {}) =>
  startTestServer({ shipped: false, pipelines: { detect: DETECT }, models: { "*": scripted() }, ...options });

const jobsOf = async (server: TestServer) => (await server.json<{ jobs: { id: string }[] }>("/v1/jobs")).body.jobs;

/** Resolves when neither a folder nor a row of an upload is left. */
async function nothingIsLeft(server: ServerOnDisk): Promise<void> {
  for (const end = Date.now() + 5_000; ; await Bun.sleep(5)) {
    using database = new Database(join(server.home.dataDir, "facewire.sqlite"), { readonly: true });
    const left = [
      ...(await readdir(join(server.home.dataDir, "jobs")).catch(() => [])),
      ...database.query("select id, state from jobs").all(),
      ...database.query("select job_id from job_files").all(),
    ];
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`This is left: ${JSON.stringify(left)}`);
  }
}

describe("An upload", () => {
  let server: ServerOnDisk;
  beforeAll(async () => {
    server = await testServer({
      pipelines: { detect: DETECT },
      env: { FACEWIRE_JOBS_MAX_BODY: "1MiB", FACEWIRE_JOBS_MAX_FILES: "3", FACEWIRE_JOBS_UPLOAD_TIMEOUT: "1s" },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const head = (length: number) => ({ "Content-Length": length, "Content-Type": "application/octet-stream" });

  test("whose client leaves in the middle leaves nothing behind", async () => {
    const client = await RawClient.connect(server.client.port);
    await client.head("POST", "/v1/jobs?pipeline=detect", head(100_000));
    await client.send(new Uint8Array(50_000));
    for (const end = Date.now() + 5_000; ; await Bun.sleep(5)) {
      if ((await readdir(join(server.home.dataDir, "jobs")).catch(() => [])).length === 1) break;
      if (Date.now() > end) throw new Error("The upload did not begin.");
    }
    // It is nobody's job before it is complete.
    expect((await server.client.json("/v1/jobs")).body.jobs).toEqual([]);
    client.leave();
    await nothingIsLeft(server);
  });

  test("whose form breaks off, even right behind a whole file, leaves nothing behind", async () => {
    const part = (name: string) =>
      `--b\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\nContent-Type: image/png\r\n\r\nxyz`;
    for (const body of [part("a"), `${part("a")}\r\n${part("b")}`, `${part("a")}\r\n--b`, "--b"]) {
      const answer = await submit(server.client, "?pipeline=detect", body, {
        "content-type": "multipart/form-data; boundary=b",
      });
      expect([answer.status, answer.body.error?.code]).toEqual([400, "request_invalid"]);
      await nothingIsLeft(server);
    }
  });

  test("over jobs.max_body is refused, declared or not, and leaves nothing behind", async () => {
    const large = new Uint8Array(1024 * 1024 + 1);
    const chunked = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < large.length; at += 65_536) controller.enqueue(large.subarray(at, at + 65_536));
        controller.close();
      },
    });
    for (const body of [large, chunked, jobForm([["a", large]])]) {
      const answer = await submit(server.client, "?pipeline=detect", body);
      expect([answer.status, answer.body.error?.code]).toEqual([413, "request_too_large"]);
      await nothingIsLeft(server);
    }
  });

  test("with more files than jobs.max_files is refused and leaves nothing behind", async () => {
    const files = Array.from({ length: 4 }, (_, at) => [`${at}`, PICTURE] as const);
    const answer = await submit(server.client, "?pipeline=detect", jobForm(files));
    expect([answer.status, answer.body.error]).toMatchObject([413, { code: "request_too_many_files" }]);
    await nothingIsLeft(server);
  });

  test("that takes longer than jobs.upload_timeout is refused and leaves nothing behind; meanwhile requests are answered", async () => {
    const client = await RawClient.connect(server.client.port);
    await client.head("POST", "/v1/jobs?pipeline=detect", head(100_000));
    await client.send(new Uint8Array(10));
    expect((await server.client.run("face-liveness")).status).toBe(200);
    const answer = await client.answer();
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([408, "request_too_slow"]);
    client.leave();
    await nothingIsLeft(server);
  });

  test("that cannot become a job says why, before its body is read where that is possible", async () => {
    const bad: readonly (readonly [query: string, body: FormData | Uint8Array, status: number, code: string])[] = [
      ["", PICTURE, 400, "request_invalid"],
      ["", jobForm([["a", PICTURE]]), 400, "request_invalid"],
      ["?pipeline=detct", PICTURE, 404, "pipeline_unknown"],
      ["", jobForm([["a", PICTURE]], { pipeline: "detct" }), 404, "pipeline_unknown"],
      ["?pipeline=detect", jobForm([["a", PICTURE]], { pipeline: "detect" }), 400, "request_invalid"],
      ["", jobForm([["a", PICTURE]], { pipelin: "detect" }), 400, "request_invalid"],
      ["?pipeline=detect&rate=5&every=2", PICTURE, 400, "request_invalid"],
      ["", jobForm([["a", PICTURE]], { pipeline: "detect", rate: "fast" }), 400, "request_invalid"],
      ["?pipeline=detect&draw=1", PICTURE, 400, "request_invalid"],
      ["?pipeline=detect", new Uint8Array(0), 400, "request_invalid"],
      ["", jobForm([], { pipeline: "detect" }), 400, "request_invalid"],
    ];
    for (const [query, body, status, code] of bad) {
      const answer = await submit(server.client, query, body);
      expect([query, answer.status, answer.body.error?.code]).toEqual([query, status, code]);
      await nothingIsLeft(server);
    }
    const client = await RawClient.connect(server.client.port);
    await client.head("POST", "/v1/jobs?pipeline=nothing", head(100_000));
    expect((await client.answer()).status).toBe(404);
    client.leave();
  });
});

test("an upload far larger than the memory it may take goes to disk as it comes", async () => {
  await using home = await makeHome({ detect: `${DETECT}accepts: [image]\n` });
  await using server = await serve(home);
  const size = 400 * 1024 * 1024;
  const file = join(temporaryFolder("facewire-large-"), "large");
  await Bun.write(file, "");
  await truncate(file, size);
  const before = await memoryOf(server.pid, "VmRSS");
  const id = await accepted(server.client, "?pipeline=detect", Bun.file(file).stream());
  expect((await jobOf(server.client, id)).bytes).toBe(size);
  expect((await memoryOf(server.pid, "VmHWM")) - before).toBeLessThan(size / 4);
  // It is no picture, and too large to be looked at as one.
  expect((await endOf(server.client, id)).progress).toMatchObject({ done: 1, failed: 1 });
  expect((await resultsOf(server.client, id))[0]?.error?.code).toBe("picture_too_large");
}, 60_000);

/** Bytes of a process's memory: now (`VmRSS`), or the most it ever had (`VmHWM`). */
async function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]);
}

test("videos for a pipeline that takes none are refused when they are handed in", async () => {
  await using server = await quickServer({ pipelines: { detect: `${DETECT}accepts: [image]\n` } });
  const video = Buffer.from("\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41");
  const answer = await submit(server, "?pipeline=detect", video);
  expect([answer.status, answer.body.error]).toMatchObject([
    415,
    { code: "input_not_accepted", details: { accepts: ["image"] } },
  ]);
  // Among pictures it fails by itself.
  const among = await endOf(
    server,
    await accepted(
      server,
      "?pipeline=detect",
      jobForm([
        ["a", PICTURE],
        ["b", video],
      ]),
    ),
  );
  expect([among.state, among.progress.failed]).toEqual(["completed", 1]);
});

describe("Under an idempotency key", () => {
  const key = (text: string) => ({ "idempotency-key": text });

  test("the same request is the same job, whether sent again or many times at once", async () => {
    await using server = await quickServer();
    const form = () =>
      jobForm(
        [
          ["a.png", PICTURE],
          ["b.png", PICTURE],
        ],
        { pipeline: "detect" },
      );
    const answers = await Promise.all(Array.from({ length: 6 }, () => submit(server, "", form(), key("once"))));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 202]);
    const ids = new Set(answers.map(({ body }) => body.id));
    expect(ids.size).toBe(1);
    const [id] = [...ids];
    const again = await submit(server, "", form(), key('"once"'));
    expect([again.status, again.body.id, again.headers.get("location")]).toEqual([200, id!, `/v1/jobs/${id}`]);
    await endOf(server, id!);
    expect((await submit(server, "", form(), key("once"))).body).toMatchObject({ id, state: "completed" });
    expect(await jobsOf(server)).toHaveLength(1);
    const { body } = await server.json<{ events: { type: string }[] }>("/v1/events?limit=1000");
    expect(body.events.filter(({ type }) => type === "item.completed")).toHaveLength(2);
    expect(await readdir(join(server.dataDir, "jobs"))).toEqual([]);
  }, 20_000);

  test("another request is refused: other content, name, pipeline or options", async () => {
    await using server = await quickServer({ pipelines: { detect: DETECT, other: DETECT } });
    const id = await accepted(server, "?pipeline=detect&name=a", PICTURE, key("k"));
    const changed = PICTURE.slice();
    changed[PICTURE.length - 1]! ^= 1;
    for (const [query, body] of [
      ["?pipeline=detect&name=a", changed],
      ["?pipeline=detect&name=b", PICTURE],
      ["?pipeline=other&name=a", PICTURE],
      ["?pipeline=detect&name=a&exif=1", PICTURE],
    ] as const) {
      const answer = await submit(server, query, body, key("k"));
      expect([answer.status, answer.body.error]).toMatchObject([
        409,
        { code: "idempotency_conflict", details: { job: id } },
      ]);
    }
    expect(await jobsOf(server)).toHaveLength(1);
    await endOf(server, id);
    await server.fetch(`/v1/jobs/${id}`, { method: "DELETE" });
    expect((await submit(server, "?pipeline=other", PICTURE, key("k"))).status).toBe(202);
  });

  test("that is none, nothing is taken", async () => {
    await using server = await quickServer();
    for (const bad of ["", '""', '"open', "a b", "x".repeat(256)]) {
      const answer = await submit(server, "?pipeline=detect", PICTURE, key(bad));
      expect([bad.slice(0, 9), answer.status]).toEqual([bad.slice(0, 9), 400]);
    }
    expect(await jobsOf(server)).toEqual([]);
  });
});

test("one job too many is refused with Retry-After before its body is read, but a known key finds its job", async () => {
  using held = gate();
  await using server = await quickServer({
    models: { "*": scripted(heldAt(held, {})) },
    settings: { jobs: { waiting: 2 } },
  });
  const running = await accepted(server, "?pipeline=detect", PICTURE);
  await held.holds(1);
  const second = await accepted(server, "?pipeline=detect", PICTURE, { "idempotency-key": "second" });
  await accepted(server, "?pipeline=detect", PICTURE);
  const client = await RawClient.connect(Number(new URL(server.url).port));
  await client.head("POST", "/v1/jobs?pipeline=detect", { "Content-Length": 1_000_000 });
  const refused = await client.answer();
  client.leave();
  expect([refused.status, JSON.parse(refused.body).error.code]).toEqual([503, "overloaded"]);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  const known = await submit(server, "?pipeline=detect", PICTURE, { "idempotency-key": "second" });
  expect([known.status, known.body.id]).toEqual([200, second]);
  held.open();
  await endOf(server, running);
});
