/** Which frames of a video are handed out, and what is said of them. */
import { describe, expect, test } from "bun:test";
import type { VideoOptions } from "../../../src/media/video/video.ts";
import { countedFrames, hasFfmpeg, LOSSLESS, lumaOf, makeVideo, readVideo, shownTimes } from "../../support/videos.ts";
import { concatenated } from "./files.ts";

const FOUR_SECONDS = countedFrames(120);
/** Frames at uneven distances, as phones film. */
const UNEVEN = ["-vf", "select='not(mod(n,3))+not(mod(n,7))+gt(n,100)'", "-fps_mode", "vfr"];

const CONTAINERS: Readonly<Record<string, readonly string[]>> = {
  "h264.mp4": LOSSLESS,
  "h264-b.mov": ["-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-qp", "4"],
  "h265.mkv": ["-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p", "-preset", "ultrafast"],
  "vp8.webm": ["-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime", "-cpu-used", "8"],
  "mpeg4.avi": ["-c:v", "mpeg4", "-q:v", "2"],
  "h264.ts": [...LOSSLESS, "-f", "mpegts"],
  "mpeg2.mpg": ["-c:v", "mpeg2video", "-q:v", "2", "-f", "vob"],
  "flv1.flv": ["-c:v", "flv", "-q:v", "2"],
  "theora.ogv": ["-c:v", "libtheora", "-q:v", "10"],
  "wmv2.wmv": ["-c:v", "wmv2", "-q:v", "2"],
  "raw.y4m": ["-pix_fmt", "yuv420p"],
};

const counted = (name: string, ...options: readonly string[]) => makeVideo(name, ...FOUR_SECONDS, ...options);
const uneven = (name: string) => counted(name, ...UNEVEN, ...LOSSLESS);
const tick = (timeS: number, rate: number) => Math.floor(timeS * rate + 1e-6);

describe.skipIf(!hasFfmpeg())("frames of a video", () => {
  for (const [name, codec] of Object.entries(CONTAINERS)) {
    test(`all come in order, each once, with their numbers and times: ${name}`, async () => {
      const path = await counted(name, ...codec);
      const { frames, reader } = await readVideo(path);
      const times = await shownTimes(path);
      expect(frames.map(({ number }) => number)).toEqual(Array.from({ length: 120 }, (_, index) => index));
      // ffprobe leaves the last frame of some containers out.
      expect(times.length).toBeGreaterThanOrEqual(119);
      for (const { number, timeS, luma } of frames) {
        if (number < times.length) expect(timeS).toBeCloseTo(times[number]!, 4);
        expect(Math.abs(luma - lumaOf(number))).toBeLessThan(6);
      }
      expect(reader).toMatchObject({ decoded: 120, ended: "complete" });
      expect(reader.info).toMatchObject({ width: 64, height: 48, rotation: 0 });
    });
  }

  test("uneven distances between frames are neither filled nor evened out", async () => {
    for (const name of ["uneven.mp4", "uneven.mkv"]) {
      const path = await uneven(name);
      const { frames } = await readVideo(path);
      const times = await shownTimes(path);
      expect(times.length).toBeGreaterThan(60);
      expect(frames.map(({ timeS }) => Math.round(timeS * 1000))).toEqual(times.map((time) => Math.round(time * 1000)));
    }
  });

  test("every n-th frame keeps its number among all", async () => {
    const { frames, reader } = await readVideo(await counted("h264.mp4", ...LOSSLESS), { sampling: { every: 7 } });
    expect(frames.map(({ number }) => number)).toEqual(Array.from({ length: 18 }, (_, index) => index * 7));
    expect(frames.every(({ number, luma }) => luma === lumaOf(number))).toBe(true);
    expect(reader.decoded).toBe(120);
  });

  test("a rate takes the first frame at or after each tick", async () => {
    for (const rate of [5, 7.5, 0.5, 100]) {
      const path = await uneven("uneven.mp4");
      const all = (await readVideo(path)).frames;
      const { frames } = await readVideo(path, { sampling: { rate } });
      const expected = all.filter(
        ({ timeS }, index) => index === 0 || tick(timeS, rate) > tick(all[index - 1]!.timeS, rate),
      );
      expect(frames).toEqual(expected);
    }
  });

  test("time that begins anew in the middle does not end a rate", async () => {
    const part = await counted("part.ts", ...LOSSLESS, "-f", "mpegts");
    const { frames } = await readVideo(await concatenated("twice.ts", part, part), { sampling: { rate: 1 } });
    expect(frames.filter(({ number }) => number >= 120).length).toBeGreaterThanOrEqual(4);
  });
});

describe.skipIf(!hasFfmpeg())("a video read in two halves", () => {
  /** Long enough that the second half is found by a seek, with frames that are shown in another order than stored. */
  const long = (name: string) =>
    makeVideo(
      name,
      ...countedFrames(1200),
      "-c:v",
      "libx264",
      "-g",
      "100",
      "-bf",
      "2",
      "-qp",
      "0",
      "-pix_fmt",
      "yuv420p",
    );
  const cases: readonly (readonly [string, VideoOptions["sampling"]])[] = [
    ["every frame", { every: 1 }],
    ["every 7th frame", { every: 7 }],
    ["3 frames a second", { rate: 3 }],
  ];
  for (const [what, sampling] of cases) {
    for (const container of ["mp4", "mkv", "ts"]) {
      test(`gives the same as in one: ${what} of ${container}`, async () => {
        const path = await long(`long.${container}`);
        const whole = (await readVideo(path, { sampling })).frames;
        for (const share of [0.1, 0.8]) {
          const cut = Math.floor(whole.length * share);
          const { frames, reader } = await readVideo(path, { sampling, after: whole[cut - 1]! });
          expect(frames).toEqual(whole.slice(cut));
          expect(reader.decoded).toBe(1200);
        }
      });
    }
  }

  test("goes on also where no frame has the time it stopped at", async () => {
    const path = await long("long.mp4");
    const { frames } = await readVideo(path, { after: { number: 1000, timeS: 33.3401 } });
    expect(frames.map(({ number }) => number)).toEqual(Array.from({ length: 199 }, (_, index) => 1001 + index));
  });

  test("ends at once when the last frame was had", async () => {
    const { frames, reader } = await readVideo(await long("long.mp4"), { after: { number: 1199, timeS: 1199 / 30 } });
    expect(frames).toEqual([]);
    expect(reader.ended).toBe("complete");
  });
});
