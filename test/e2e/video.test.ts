/** Videos in requests: what they are answered with, what is refused, and that nothing of them stays behind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import sharp from "sharp";
import { RunResultSchema } from "../../src/api/native/schemas/run.ts";
import { form, GOOD_PICTURE } from "../support/api-client.ts";
import { SAMPLE_PICTURES } from "../support/cli.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { countedFrames, hasFfmpeg, makeVideo } from "../support/videos.ts";

const HELD = new ProbeChannel();
const PIPELINES = {
  nothing: "accepts: [video]\nvideo: { every: 1 }\nstages:\n  - probe: {}\n",
  held: `accepts: [video]\nvideo: { every: 1 }\nstages:\n  - probe: { does: hold, channel: ${HELD.name} }\nlimits: { video_deadline: 2s }\n`,
  pictures: "stages:\n  - probe: {}\n",
  "second-place":
    "accepts: [video]\nvideo: { every: 2 }\nstages:\n  - detect: {}\n  - landmarks: {}\n    place: faces\n  - quality: {}\nlimits: { frames: 4 }\n",
};

/** Two seconds at ten frames a second of a photograph that moves. */
function faces(): Promise<Uint8Array> {
  const photo = join(SAMPLE_PICTURES, "sample1.jpg");
  const move = "scale=960:-2,crop=640:480:20*n:60,setsar=1";
  const source = ["-loop", "1", "-framerate", "10", "-i", photo, "-vf", move, "-t", "2"];
  return bytesOf("faces.mp4", ...source, "-pix_fmt", "yuv420p");
}

async function bytesOf(name: string, ...options: readonly string[]): Promise<Uint8Array> {
  return Bun.file(await makeVideo(name, ...options)).bytes();
}

describe.skipIf(!hasFfmpeg())("A video in a request", () => {
  let server: TestServer;
  let video: Uint8Array;
  let plain: Uint8Array;
  beforeAll(async () => {
    server = await testServer({
      pipelines: PIPELINES,
      shipped: ["video-liveness", "face-detect"],
      env: { FACEWIRE_VIDEO_MAX_RUN_DURATION: "3s", FACEWIRE_VIDEO_MAX_BYTES: "1MiB" },
    });
    video = await faces();
    plain = await bytesOf("plain.mp4", ...countedFrames(6, { rate: "10" }));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function expectNothingLeft(): Promise<void> {
    expect(await readdir(join(server.home.dataDir, "tmp"))).toEqual([]);
    expect(await ffmpegsOf(server.home.dataDir)).toEqual([]);
  }

  test("gives an item for each analysed frame, an aggregate over the frames, and its best frame as JPEG", async () => {
    const { status, body } = await server.client.run("video-liveness", video);
    expect(status).toBe(200);
    expect([...Value.Errors(RunResultSchema, body)]).toEqual([]);
    expect(body.items?.map(({ index, name, frame }) => [index, name, frame?.number, frame?.time_s])).toEqual(
      Array.from({ length: 10 }, (_, at) => [at, "body", 2 * at, (2 * at) / 10]),
    );
    expect(body.aggregate?.liveness).toMatchObject({ method: "quality-weighted-logit-mean", pictures: 10 });
    const [summary] = body.videos ?? [];
    expect(summary).toMatchObject({ codec: "h264", width: 640, height: 480, duration_s: 2, frame_rate: 10 });
    expect(summary).toMatchObject({ frames_decoded: 20, frames_analysed: 10, ended: "complete" });
    const best = summary?.best_frame;
    const quality = body.items?.map(({ faces: [face] }) => face?.quality?.overall ?? 0) ?? [];
    expect(quality[best?.index ?? -1]).toBe(Math.max(...quality));
    const jpeg = await sharp(Buffer.from(best?.data ?? "", "base64")).metadata();
    expect([jpeg.format, jpeg.width, jpeg.height]).toEqual(["jpeg", 640, 480]);
    await expectNothingLeft();
  });

  test("is analysed at the rate, or every n-th frame, that the request asks for", async () => {
    const numbers = async (query: string) => {
      const { body } = await server.client.run("nothing", plain, query);
      return body.items?.map(({ frame }) => frame?.number);
    };
    expect(await numbers("")).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await numbers("?every=4")).toEqual([0, 4]);
    expect(await numbers("?rate=5")).toEqual([0, 2, 4]);
    for (const query of ["?rate=5&every=2", "?rate=0.009", "?rate=Infinity", "?rate=1e2", "?every=0", "?every=1.5"]) {
      expect(await server.client.run("nothing", plain, query)).toMatchObject({
        status: 400,
        body: { error: { code: "request_invalid" } },
      });
    }
  });

  test("beside pictures keeps the order of the files, and each file is told by its position", async () => {
    const files = form({ "a.jpg": GOOD_PICTURE, "b.mp4": video, "c.pgm": PLAIN_PICTURE });
    const { body } = await server.client.run("face-detect", files, "?rate=1");
    expect(body.items?.map(({ name, frame, status }) => [name, frame?.file, frame?.number, status])).toEqual([
      ["a.jpg", undefined, undefined, "ok"],
      ["b.mp4", 1, 0, "ok"],
      ["b.mp4", 1, 10, "ok"],
      ["c.pgm", undefined, undefined, "no_face"],
    ]);
    expect(body.videos).toHaveLength(1);
  });

  test("is explained and drawn frame by frame", async () => {
    const { body } = await server.client.run("face-detect", video, "?rate=1&explain=1&draw=1");
    for (const item of body.items ?? []) {
      expect(item.explain?.map(({ kind }) => kind)).toEqual(["detect", "landmarks", "pose"]);
      expect(item).toHaveProperty("drawn.content_type", "image/jpeg");
    }
  });

  test("is answered with JSON however many of its frames are drawn: one is no picture of its own", async () => {
    const { status, body } = await server.client.run("face-detect", video, "?every=1000&draw=1");
    expect([status, body.items?.length, body.videos?.length]).toEqual([200, 1, 1]);
  });

  test("is refused where the pipeline takes pictures only, as pictures are where it takes videos only", async () => {
    expect(await server.client.run("pictures", plain)).toMatchObject({
      status: 415,
      body: { error: { code: "input_not_accepted", details: { accepts: ["image"] } } },
    });
    expect(await server.client.run("nothing", PLAIN_PICTURE)).toMatchObject({
      status: 415,
      body: { error: { code: "input_not_accepted" } },
    });
    expect(await server.client.run("nothing", "#EXTM3U\n")).toMatchObject({
      status: 415,
      body: { error: { code: "video_unknown_format" } },
    });
  });

  test("that is damaged, too long, too large or gives too many frames is told with its code, and leaves nothing", async () => {
    const code = async (pipeline: string, bytes: Uint8Array) => {
      const { status, body } = await server.client.run(pipeline, bytes);
      return [status, body.error?.code];
    };
    const damaged = new Uint8Array(4000);
    damaged.set(plain.subarray(0, 40));
    expect((await code("nothing", damaged))[0]).toBe(422);
    expect(await code("nothing", await bytesOf("long.mp4", ...countedFrames(40, { rate: "10" })))).toEqual([
      413,
      "video_too_long",
    ]);
    const large = new Uint8Array(2 ** 20 + 1);
    large.set(plain);
    expect(await code("nothing", large)).toEqual([413, "video_too_large"]);
    const { body } = await server.client.run("second-place", video);
    expect(body.items?.map(({ error }) => error?.code)).toEqual([
      ...Array<undefined>(4).fill(undefined),
      "video_too_long",
    ]);
    await expectNothingLeft();
  });

  test("whose time is up is answered with the frames that are done, and said to be cut off", async () => {
    const answer = server.client.run("held", plain);
    await HELD.holds(1);
    const { status, body } = await answer;
    HELD.releaseAll();
    expect(status).toBe(504);
    expect(body.error?.code).toBe("deadline_exceeded");
    expect(body.videos?.[0]).toMatchObject({ ended: "deadline", best_frame: null });
    await server.client.healthBecomes(({ status }) => status === "ok");
    await expectNothingLeft();
  });

  test("whose client leaves is given up, its ffmpeg with it", async () => {
    const before = HELD.held.length;
    const leaving = new AbortController();
    const answer = server.client.fetch("/v1/pipelines/held/run", {
      method: "POST",
      body: new Blob([(await bytesOf("slow.mp4", ...countedFrames(29, { rate: "10" }))) as Uint8Array<ArrayBuffer>]),
      signal: leaving.signal,
    });
    await HELD.holds(before + 1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    HELD.releaseAll();
    while ((await ffmpegsOf(server.home.dataDir)).length > 0) await Bun.sleep(10);
    while ((await readdir(join(server.home.dataDir, "tmp"))).length > 0) await Bun.sleep(10);
    expect((await server.client.run("nothing", plain)).status).toBe(200);
  });
});

test("Without ffmpeg videos are refused with what to do, and pictures work", async () => {
  await using server = await testServer({
    pipelines: PIPELINES,
    env: { FACEWIRE_VIDEO_FFMPEG: "/nowhere/ffmpeg" },
  });
  const start = new TextEncoder().encode("\0\0\0\x18ftypisom\0\0\0\0isommp42 and so on");
  const { status, body } = await server.client.run("nothing", start);
  expect([status, body.error?.code]).toEqual([503, "video_unavailable"]);
  expect((await server.client.run("pictures", PLAIN_PICTURE)).status).toBe(200);
});

/** Command lines of running ffmpegs that read something of a folder. */
async function ffmpegsOf(folder: string): Promise<string[]> {
  const child = Bun.spawn(["ps", "-eo", "args"], { stdout: "pipe" });
  const lines = (await new Response(child.stdout).text()).split("\n");
  return lines.filter((line) => line.includes("ffmpeg") && line.includes(folder));
}
