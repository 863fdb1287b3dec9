/** What becomes of ffmpeg, of the reading thread and of their pipes, however a reading ends. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { ffmpegVersion } from "../../../src/media/video/availability.ts";
import { openVideo } from "../../../src/media/video/open-video.ts";
import type { VideoFrame } from "../../../src/media/video/video.ts";
import { eventually, rejection } from "../../support/settle.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import {
  countedFrames,
  EVERY_FRAME,
  hasFfmpeg,
  LOSSLESS,
  makeVideo,
  videoPath,
  WIDE_LIMITS,
} from "../../support/videos.ts";

/**
 * A video of a name of its own, to tell its ffmpeg by. More than fits into the pipe and the slots, so that ffmpeg has to wait.
 */
async function large(name: string): Promise<string> {
  const path = videoPath(name);
  const source = ["-f", "lavfi", "-i", "testsrc=s=640x480:r=30:d=5"];
  copyFileSync(await makeVideo("large.avi", ...source, "-c:v", "mpeg4"), path);
  return path;
}

/** Ids of ffmpeg's processes whose command line names this file. */
function processesOf(path: string): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      return /^(ffmpeg|ffprobe)\0/.test(words) && words.includes(path) ? [Number(entry)] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

function signal(path: string, name: NodeJS.Signals): void {
  for (const id of processesOf(path)) process.kill(id, name);
}

/** Folders of pipes; not those of other processes. */
const pipeFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("facewire-frames-"));
const tmpBefore = process.env.TMPDIR;
beforeAll(() => {
  process.env.TMPDIR = temporaryFolder("facewire-pipes-");
});
afterAll(() => {
  if (tmpBefore === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = tmpBefore;
});

describe.skipIf(!hasFfmpeg())("a reading", () => {
  test("waits for slots: no more frames are decoded than fit between", async () => {
    const path = await large("waits.avi");
    await using reader = await openVideo(path, EVERY_FRAME);
    const held: VideoFrame[] = [];
    const frames = reader.frames()[Symbol.asyncIterator]();
    for (let count = 0; count < 3; count++) held.push((await frames.next()).value);
    expect(held.map(({ number }) => number)).toEqual([0, 1, 2]);
    const offsets = new Set(held.map(({ pixels }) => pixels.offset));
    expect(offsets.size).toBe(3);
    const fourth = frames.next();
    expect(await Promise.race([fourth.then(() => "came"), Bun.sleep(150).then(() => "waits")])).toBe("waits");
    // What lies in the pipe, and what ffmpeg holds: far from all.
    expect(reader.decoded).toBeLessThan(40);
    held[1]!.release();
    const next: VideoFrame = (await fourth).value;
    expect(next.number).toBe(3);
    expect(next.pixels.offset).toBe(held[1]!.pixels.offset);
  });

  test("is not called slow while its frames are held", async () => {
    const path = await large("held.avi");
    const limits = { ...WIDE_LIMITS, stallTimeoutMs: 100 };
    await using reader = await openVideo(path, { ...EVERY_FRAME, limits, slots: 1 });
    const frames = reader.frames()[Symbol.asyncIterator]();
    const first: VideoFrame = (await frames.next()).value;
    const second = frames.next();
    await Bun.sleep(350);
    first.release();
    expect((await second).value.number).toBe(1);
  });

  test("is called slow when ffmpeg stands still", async () => {
    const path = await large("stopped.avi");
    const limits = { ...WIDE_LIMITS, stallTimeoutMs: 300 };
    await using reader = await openVideo(path, { ...EVERY_FRAME, limits });
    const frames = reader.frames()[Symbol.asyncIterator]();
    (await frames.next()).value.release();
    signal(path, "SIGSTOP");
    const failed = rejection(
      (async () => {
        for (;;) (await frames.next()).value.release();
      })(),
    );
    expect(await failed).toMatchObject({ code: "video_too_slow" });
    await reader.close();
    expect(processesOf(path)).toEqual([]);
  });

  test("that is left in the middle leaves no ffmpeg and no pipes", async () => {
    const path = await large("left.avi");
    const reader = await openVideo(path, EVERY_FRAME);
    for await (const frame of reader.frames()) {
      expect(processesOf(path)).toHaveLength(1);
      frame.release();
      if (frame.number === 4) break;
    }
    expect(processesOf(path)).toEqual([]);
    expect(pipeFolders()).toEqual([]);
    expect(reader.ended).toBeUndefined();
    await reader.close();
  });

  test("can be closed before its first frame, while all slots are held, and twice", async () => {
    const path = await large("closed.avi");
    const fresh = await openVideo(path, EVERY_FRAME);
    await Promise.all([fresh.close(), fresh.close()]);
    const held = await openVideo(path, EVERY_FRAME);
    const frames = held.frames()[Symbol.asyncIterator]();
    const kept: VideoFrame[] = [];
    for (let count = 0; count < 3; count++) kept.push((await frames.next()).value);
    const waiting = frames.next();
    await held.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    for (const frame of kept) frame.release();
    expect(processesOf(path)).toEqual([]);
  });

  test("ends with its signal, at whatever point that comes", async () => {
    const path = await large("signalled.avi");
    expect(await rejection(openVideo(path, { ...EVERY_FRAME, signal: AbortSignal.abort() }))).toMatchObject({
      code: "request_cancelled",
    });
    for (const delay of [0, 5, 20, 40, 80, 120, 160]) {
      const timeout = AbortSignal.timeout(delay);
      const failed = rejection(
        (async () => {
          const reader = await openVideo(path, { ...EVERY_FRAME, signal: timeout });
          try {
            for await (const _ of reader.frames());
          } finally {
            await reader.close();
          }
        })(),
      );
      expect(await failed).toMatchObject({ code: "request_cancelled" });
      expect(processesOf(path)).toEqual([]);
      expect(pipeFolders()).toEqual([]);
    }
  });

  test("gives the frames that were read when ffmpeg is killed from outside", async () => {
    const path = await large("killed.avi");
    await using reader = await openVideo(path, EVERY_FRAME);
    let count = 0;
    for await (const frame of reader.frames()) {
      if (count++ === 0) signal(path, "SIGKILL");
      frame.release();
    }
    expect(count).toBeGreaterThanOrEqual(1);
    expect(count).toBeLessThan(150);
    expect(reader.ended).toBe("damaged");
  });

  test("hands out every frame that was read before its end, also late", async () => {
    const path = await makeVideo("late.mp4", ...countedFrames(3), ...LOSSLESS);
    const reader = await openVideo(path, EVERY_FRAME);
    await eventually(() => reader.ended !== undefined);
    const numbers: number[] = [];
    for await (const frame of reader.frames()) numbers.push(frame.number);
    expect(numbers).toEqual([0, 1, 2]);
  });

  test("many at once leave nothing behind", async () => {
    const path = await makeVideo("many.mp4", ...countedFrames(30), ...LOSSLESS);
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const read = async () => {
      let count = 0;
      await using reader = await openVideo(path, EVERY_FRAME);
      for await (const frame of reader.frames()) {
        count++;
        frame.release();
      }
      return count;
    };
    await read();
    const before = descriptors();
    expect(await Promise.all(Array.from({ length: 6 }, read))).toEqual(new Array(6).fill(30));
    await eventually(() => descriptors() <= before + 2);
    expect(pipeFolders()).toEqual([]);
  });
});

describe.skipIf(!hasFfmpeg() || process.platform !== "linux")("a process that reads a video", () => {
  const CHILD = new URL("./reading-process.ts", import.meta.url).pathname;

  for (const way of ["kill -9", "process.exit", "an exception"] as const) {
    test(`leaves no ffmpeg behind when it ends by ${way}`, async () => {
      const path = await large("orphan.avi");
      const child = Bun.spawn([process.execPath, CHILD, path, way], { stdout: "pipe", stderr: "ignore" });
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("reading\n");
      if (way === "kill -9") {
        expect(processesOf(path)).toHaveLength(1);
        child.kill("SIGKILL");
      }
      await child.exited;
      await eventually(() => processesOf(path).length === 0);
    });
  }
});

describe.skipIf(!hasFfmpeg())("the ffmpeg command", () => {
  test("says its version, or that it cannot be used", async () => {
    expect(await ffmpegVersion("ffmpeg")).toMatch(/^\S+$/);
    for (const command of ["no-such-command", "/etc/hostname", "true"]) {
      expect(await rejection(ffmpegVersion(command))).toMatchObject({ code: "video_unavailable" });
    }
  });
});
