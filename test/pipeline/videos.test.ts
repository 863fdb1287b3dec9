/** Videos in the engine: when their frames are handed out, and that whatever ends them gives everything back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ItemResult, VideoRunRequest } from "../../src/pipeline/results.ts";
import { PLAIN_PICTURE, type TestEngine, testEngine } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { countedFrames, hasFfmpeg, makeVideo, WIDE_LIMITS } from "../support/videos.ts";

const EVERY = "accepts: [image, video]\nvideo: { every: 1 }\n";
const FREE = `${EVERY}stages:\n  - probe: {}\n`;
const FRAMES = 12;

describe.skipIf(!hasFfmpeg())("A video in the engine", () => {
  let path: string;
  let files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  beforeAll(async () => {
    path = await makeVideo("twelve.mp4", ...countedFrames(FRAMES, { rate: "10" }));
    files = [{ name: "twelve", bytes: await Bun.file(path).bytes() }];
  });

  /** Where the engine puts videos of requests aside. */
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder("facewire-tmp-");
  });
  const probe = new ProbeChannel();
  afterAll(() => probe[Symbol.dispose]());

  /** Only one video is open at a time, so that one that is not given back is noticed. */
  function engineOf(pipelines: Readonly<Record<string, string>>, tempDir = folder): Promise<TestEngine> {
    const limits = { maxBytes: 64e6, maxRunDurationMs: 60_000, limits: WIDE_LIMITS };
    return testEngine(pipelines, { watch: false, video: { ffmpeg: "ffmpeg", concurrent: 1, tempDir, ...limits } });
  }

  function long(engine: TestEngine, pipeline: string, rest: Partial<VideoRunRequest> = {}) {
    return engine.engine.runVideo({ id: "long", pipeline, path, name: "twelve", onItem() {}, ...rest });
  }

  /** Holds the first frame, and no other. */
  function firstHeld(limits = "{}"): string {
    const once = join(temporaryFolder("facewire-once-"), "held");
    return `${EVERY}stages:\n  - probe: { does: hold, channel: ${probe.name}, once: ${once} }\nlimits: ${limits}\n`;
  }

  test("hands each frame out as soon as it and those before it are done, not when many are", async () => {
    await using engine = await engineOf({
      held: `${EVERY}stages:\n  - probe: { does: hold, channel: ${probe.name} }\n`,
    });
    const before = probe.held.length;
    const first = Promise.withResolvers<ItemResult>();
    const run = long(engine, "held", { onItem: (item) => first.resolve(item) });
    await probe.holds(before + 2);
    probe.releaseAll();
    expect((await first.promise).frame?.number).toBe(0);
    const letGo = setInterval(() => probe.releaseAll(), 10);
    expect((await run).video.frames_analysed).toBe(FRAMES);
    clearInterval(letGo);
  });

  test("whose time is up is answered with all frames that are done, also behind one that is not", async () => {
    await using engine = await engineOf({ held: firstHeld("{ video_deadline: 2s }") });
    const answer = await engine.run("held", { files });
    probe.releaseAll();
    const numbers = answer.items.map(({ frame, error, index }) => [index, frame?.number ?? error?.code]);
    const rest = Array.from({ length: FRAMES - 1 }, (_, at) => [at + 1, at + 1]);
    expect(numbers).toEqual([[0, "deadline_exceeded"], ...rest]);
    expect(answer.videos?.[0]).toMatchObject({ ended: "deadline", frames_analysed: FRAMES - 1 });
  });

  test("takes frames up while its taker is slow, and hands them out in order, one at a time", async () => {
    await using engine = await engineOf({ free: FREE });
    const order: number[] = [];
    let taking = 0;
    await long(engine, "free", {
      firstIndex: 5,
      async onItem({ index }) {
        expect(++taking).toBe(1);
        await Bun.sleep(index % 3);
        order.push(index);
        taking--;
      },
    });
    expect(order).toEqual(Array.from({ length: FRAMES }, (_, at) => at + 5));
  });

  test("whose taker wants no more ends with the taker's own error, and gives its turn back", async () => {
    await using engine = await engineOf({ free: FREE });
    const mine = new Error("enough");
    const throwing = () => {
      throw mine;
    };
    const thrownBy = (rest: Partial<VideoRunRequest>) => long(engine, "free", rest).catch((thrown: unknown) => thrown);
    expect(await thrownBy({ onItem: throwing })).toBe(mine);
    expect(await thrownBy({ onInfo: throwing })).toMatchObject({ code: "internal" });
    expect((await long(engine, "free")).video.frames_analysed).toBe(FRAMES);
  });

  test("that waits for its turn is answered by its deadline, takes no room on the disk meanwhile, and gives it back", async () => {
    await using engine = await engineOf({ held: firstHeld(), free: `${FREE}limits: { video_deadline: 500ms }\n` });
    const before = probe.held.length;
    const first = engine.run("held", { files });
    await probe.holds(before + 1);
    const late = engine.run("free", { files });
    const leaving = new AbortController();
    const left = engine.run("free", { files, signal: leaving.signal });
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: "request_cancelled" });
    expect(await readdir(folder)).toHaveLength(1);
    expect((await late).items.map(({ error }) => error?.code)).toEqual(["deadline_exceeded"]);
    probe.releaseAll();
    expect((await first).items).toHaveLength(FRAMES);
    expect((await long(engine, "free")).video.frames_analysed).toBe(FRAMES);
    await eventually(() => readdirSync(folder).length === 0);
  });

  test("whose worker dies on a frame has that frame run again, and all frames in order", async () => {
    const once = join(temporaryFolder("facewire-once-"), "died");
    const exits = `${EVERY}stages:\n  - probe: { does: exit, once: ${once} }\n`;
    await using engine = await engineOf({ exits });
    const { items } = await engine.run("exits", { files });
    expect(items.map(({ frame, status }) => [frame?.number, status])).toEqual(
      Array.from({ length: FRAMES }, (_, at) => [at, "no_face"]),
    );
    expect(Math.max(...engine.reports.map(({ attempts }) => attempts))).toBe(2);
  });

  test("whose frames wait for workers that do not come has each of them answered by its deadline", async () => {
    const hold = `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n`;
    await using engine = await engineOf({ hold, free: `${FREE}limits: { deadline: 500ms }\n` });
    const before = probe.held.length;
    const held = [engine.run("hold"), engine.run("hold")];
    await probe.holds(before + 2);
    const codes: unknown[] = [];
    const run = long(engine, "free", { onItem: ({ error }) => void codes.push(error?.code) });
    const late = setTimeout(() => probe.releaseAll(), 4000);
    await run;
    clearTimeout(late);
    expect(codes).toEqual(Array<string>(FRAMES).fill("deadline_exceeded"));
    probe.releaseAll();
    await Promise.all(held);
  });

  test("that was taken is finished when the engine is drained, though no frame of it is on its way yet", async () => {
    await using engine = await engineOf({ free: FREE });
    const taken = [long(engine, "free"), engine.run("free", { files })] as const;
    const drained = engine.engine.drain(20_000);
    await expect(long(engine, "free")).rejects.toMatchObject({ code: "shutting_down" });
    expect((await taken[0]).video.frames_analysed).toBe(FRAMES);
    expect((await taken[1]).items.map(({ status }) => status)).toEqual(Array<"no_face">(FRAMES).fill("no_face"));
    await drained;
    expect(await readdir(folder)).toEqual([]);
  });

  test("that takes longer than a drain may is ended with it, and nothing of it is left", async () => {
    await using engine = await engineOf({
      held: `${EVERY}stages:\n  - probe: { does: hold, channel: ${probe.name} }\n`,
    });
    const before = probe.held.length;
    const request = engine.run("held", { files });
    await probe.holds(before + 1);
    const waiting = long(engine, "held");
    const ends = Promise.allSettled([request, waiting]);
    const drained = engine.engine.drain(50);
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "shutting_down" } });
    probe.releaseAll();
    await drained;
    expect(await readdir(folder)).toEqual([]);
  });

  test("that cannot be put aside is not said to be damaged", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    await using engine = await engineOf({ free: FREE }, join(file, "x"));
    expect((await engine.run("free", { files })).items[0]?.error?.code).toBe("file_unwritable");
  });

  test("that a killed process left on the disk is removed by the next one, one of a living process is not", async () => {
    const [old, young, other] = [`video-${crypto.randomUUID()}`, `video-${crypto.randomUUID()}`, "other"];
    for (const name of [old, young, other]) await writeFile(join(folder, name), "");
    const yesterday = new Date(Date.now() - 86_400_000);
    for (const name of [old, other]) await utimes(join(folder, name), yesterday, yesterday);
    await using _ = await engineOf({ free: FREE });
    expect((await readdir(folder)).sort()).toEqual([other, young].sort());
  });
});

describe("Pipelines that are taken up on demand", () => {
  test("are refused to requests that are not well before any model is loaded", async () => {
    await using engine = await testEngine({ plain: "stages: [probe]\n" }, { takeUp: "demand", watch: false });
    await expect(engine.run("plain", { priority: 12 })).rejects.toMatchObject({ code: "request_invalid" });
    expect(engine.engine.pipelines()[0]?.status).toBe("loading");
    engine.engine.admit("plain");
    expect((await engine.run("plain")).items[0]?.status).toBe("no_face");
    expect(engine.engine.pipelines()[0]?.status).toBe("ok");
  });

  test("let a request go that is cancelled, or out of time, while they are loaded", async () => {
    await using engine = await testEngine(
      { real: "stages: [detect, landmarks, quality]\n" },
      { takeUp: "demand", watch: false },
    );
    const leaving = new AbortController();
    const left = engine.run("real", { signal: leaving.signal });
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: "request_cancelled" });
    await expect(engine.run("real", { deadlineMs: 1 })).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect((await engine.run("real", { files: [{ name: "p", bytes: PLAIN_PICTURE }] })).items[0]?.status).toBe(
      "no_face",
    );
  });
});
