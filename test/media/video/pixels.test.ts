/** What the frames of a video look like: upright, of the wanted size, in the colours that were filmed. */
import { describe, expect, test } from "bun:test";
import { pictureFromFrame } from "../../../src/media/raster.ts";
import { openVideo } from "../../../src/media/video/open-video.ts";
import type { VideoInfo, VideoLimits } from "../../../src/media/video/video.ts";
import { frameBytes } from "../../../src/media/yuv.ts";
import { EVERY_FRAME, hasFfmpeg, LOSSLESS, makeVideo, runFfmpeg, WIDE_LIMITS } from "../../support/videos.ts";
import { altered } from "./files.ts";

interface FirstFrame {
  readonly info: VideoInfo;
  readonly width: number;
  readonly height: number;
  /** The planes. */
  readonly yuv: Uint8Array;
  readonly rgb: Uint8Array;
  readonly matrix: string;
  readonly range: string;
}

async function firstFrame(path: string, limits: Partial<VideoLimits> = {}): Promise<FirstFrame> {
  await using reader = await openVideo(path, { ...EVERY_FRAME, limits: { ...WIDE_LIMITS, ...limits } });
  for await (const { pixels } of reader.frames()) {
    const { width, height, matrix, range, buffer, offset } = pixels;
    const picture = pictureFromFrame(pixels);
    const rgb = picture.rgb({ x: 0, y: 0, width, height }, width, height);
    picture.release();
    const yuv = new Uint8Array(buffer, offset, frameBytes(width, height)).slice();
    return { info: reader.info, width, height, yuv, rgb, matrix, range };
  }
  throw new Error("no frame came");
}

const PATTERN = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=10", "-frames:v", "3"] as const;

describe.skipIf(!hasFfmpeg())("a turned video", () => {
  /** The first two columns of the matrix of each turn, without and with mirroring, and the degrees it is turned by. */
  const MATRICES: Readonly<Record<string, readonly [a: number, b: number, c: number, d: number, degrees: number]>> = {
    "as it is": [1, 0, 0, 1, 0],
    "turned right": [0, 1, -1, 0, 90],
    "upside down": [-1, 0, 0, -1, 180],
    "turned left": [0, -1, 1, 0, 270],
    "mirrored up and down": [1, 0, 0, -1, 0],
    "mirrored left and right": [-1, 0, 0, 1, 180],
    "turned right and mirrored": [0, 1, 1, 0, 90],
    "turned left and mirrored": [0, -1, -1, 0, 270],
  };
  for (const [what, [a, b, c, d, degrees]] of Object.entries(MATRICES)) {
    test(`is shown upright: ${what}`, async () => {
      const stored = await makeVideo("stored.mp4", ...PATTERN, ...LOSSLESS);
      const path = await altered(`turned-${what}.mp4`.replaceAll(" ", "-"), stored, (bytes) => {
        // Of the track's header, behind its version, times, number and layer.
        const at = bytes.indexOf("tkhd") + 44;
        for (const [index, value] of [a, b, 0, c, d, 0].entries()) bytes.writeInt32BE(value * 65536, at + 4 * index);
      });
      const frame = await firstFrame(path);
      const asFfmpeg = await runFfmpeg("-i", path, "-frames:v", "1", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-");
      expect(frame.yuv).toEqual(asFfmpeg);
      const [width, height] = degrees % 180 === 0 ? [96, 64] : [64, 96];
      expect(frame).toMatchObject({ width, height });
      expect(frame.info).toMatchObject({ width, height, rotation: degrees });
    });
  }

  test("is scaled along its upright sides", async () => {
    const stored = await makeVideo("stored-large.mp4", "-f", "lavfi", "-i", "testsrc2=s=400x300:d=1:r=5", ...LOSSLESS);
    const path = await makeVideo("turned-large.mp4", "-i", stored, "-c", "copy", "-metadata:s:v", "rotate=90");
    const frame = await firstFrame(path, { maxSide: 200 });
    expect(frame).toMatchObject({ width: 150, height: 200, info: { width: 300, height: 400 } });
  });
});

describe.skipIf(!hasFfmpeg())("the size of frames", () => {
  const sized = (size: string, ...options: readonly string[]) =>
    makeVideo(
      `size-${size}-${options.join("").replaceAll(/\W/g, "")}.mkv`,
      ...["-f", "lavfi", "-i", `testsrc2=s=128x96:d=1:r=5,format=gbrp,scale=${size},setsar=1`, ...options],
      "-c:v",
      "ffv1",
      "-pix_fmt",
      "yuv420p",
    );

  test("is that of the video where it fits, odd sides included", async () => {
    const frame = await firstFrame(await sized("101x75"), { maxSide: 101 });
    expect(frame).toMatchObject({ width: 101, height: 75, info: { width: 101, height: 75 } });
    expect(frame.yuv.length).toBe(101 * 75 + 2 * 51 * 38);
  });

  test("is scaled to even sides that keep the shape where it does not", async () => {
    expect(await firstFrame(await sized("640x361"), { maxSide: 320 })).toMatchObject({ width: 320, height: 180 });
    expect(await firstFrame(await sized("20x640"), { maxSide: 64 })).toMatchObject({ width: 2, height: 64 });
  });

  test("has square pixels where the video has not", async () => {
    const wide = await firstFrame(await sized("72x58", "-vf", "setsar=64/45"));
    expect(wide).toMatchObject({ width: 102, height: 58, info: { width: 102, height: 58 } });
    const tall = await firstFrame(await sized("72x58", "-vf", "setsar=1/2"));
    expect(tall).toMatchObject({ width: 72, height: 116 });
    const absurd = await firstFrame(await sized("72x58", "-vf", "setsar=1/900"));
    expect(absurd).toMatchObject({ width: 72, height: 58 });
  });
});

describe.skipIf(!hasFfmpeg())("colours", () => {
  const COLOR = [190, 60, 90] as const;
  const hex = `0x${COLOR.map((value) => value.toString(16)).join("")}`;
  /** What is written: pixel format, coefficients and range that are used, those that are said, codec, and what is read. */
  interface Stored {
    readonly pixels: string;
    readonly used?: string;
    readonly said?: readonly string[];
    readonly codec: readonly string[];
    readonly size?: string;
    readonly as: readonly [matrix: string, range: string];
    readonly grey?: true;
  }
  const x264 = ["-c:v", "libx264", "-qp", "0"] as const;
  const x265 = ["-c:v", "libx265", "-x265-params", "log-level=error:lossless=1"] as const;
  const CASES: Readonly<Record<string, Stored>> = {
    "plain.mp4": { pixels: "yuv420p", codec: x264, as: ["bt601", "limited"] },
    "said-709.mp4": {
      pixels: "yuv420p",
      used: "bt709",
      said: ["-colorspace", "bt709"],
      codec: x264,
      as: ["bt709", "limited"],
    },
    "said-601.mp4": {
      pixels: "yuv420p",
      said: ["-colorspace", "smpte170m"],
      codec: x264,
      size: "1280x720",
      as: ["bt601", "limited"],
    },
    "large.mp4": { pixels: "yuv420p", used: "bt709", codec: x264, size: "1280x720", as: ["bt709", "limited"] },
    "full.mp4": { pixels: "yuvj420p", codec: x264, as: ["bt601", "full"] },
    "full.webm": {
      pixels: "yuv420p",
      used: "bt601:out_range=pc",
      said: ["-color_range", "pc"],
      codec: ["-c:v", "libvpx-vp9", "-lossless", "1"],
      as: ["bt601", "full"],
    },
    "jpeg.avi": { pixels: "yuvj420p", codec: ["-c:v", "mjpeg", "-q:v", "2"], as: ["bt601", "full"] },
    "jpeg-422.mov": { pixels: "yuvj422p", codec: ["-c:v", "mjpeg", "-q:v", "2"], as: ["bt601", "limited"] },
    "422.mp4": { pixels: "yuv422p", codec: x264, as: ["bt601", "limited"] },
    "444.mp4": { pixels: "yuv444p", codec: x264, as: ["bt601", "limited"] },
    "10-bit.mkv": { pixels: "yuv420p10le", codec: x265, as: ["bt601", "limited"] },
    "10-bit-709.mkv": {
      pixels: "yuv422p10le",
      used: "bt709",
      said: ["-colorspace", "bt709"],
      codec: x264,
      as: ["bt709", "limited"],
    },
    "2020.mkv": {
      pixels: "yuv420p10le",
      used: "bt2020",
      said: ["-colorspace", "bt2020nc"],
      codec: x265,
      as: ["bt709", "limited"],
    },
    "rgb.mov": { pixels: "rgb24", codec: ["-c:v", "png"], as: ["bt601", "limited"] },
    "bgr.avi": { pixels: "bgr24", codec: ["-c:v", "rawvideo"], as: ["bt601", "limited"] },
    "alpha.mov": { pixels: "argb", codec: ["-c:v", "qtrle"], as: ["bt601", "limited"] },
    "gbr.mkv": { pixels: "gbrp", codec: ["-c:v", "ffv1"], as: ["bt601", "limited"] },
    "grey.mkv": { pixels: "gray", codec: ["-c:v", "ffv1"], as: ["bt601", "limited"], grey: true },
  };
  for (const [name, stored] of Object.entries(CASES)) {
    for (const maxSide of [1920, 40]) {
      test(`are those that were filmed: ${name}${maxSide === 40 ? ", scaled down" : ""}`, async () => {
        const yuv = stored.pixels.startsWith("yuv");
        const convert = yuv ? `scale=out_color_matrix=${stored.used ?? "bt601"},` : "";
        const path = await makeVideo(
          `colour-${name}`,
          ...[
            "-f",
            "lavfi",
            "-i",
            `color=${hex}:s=${stored.size ?? "96x64"}:d=0.5:r=10,format=gbrp,${convert}format=${stored.pixels}`,
          ],
          ...stored.codec,
          ...(stored.said ?? []),
        );
        const frame = await firstFrame(path, { maxSide });
        expect([frame.matrix, frame.range]).toEqual([...stored.as]);
        const middle = 3 * (Math.floor(frame.height / 2) * frame.width + Math.floor(frame.width / 2));
        const grey = Math.round(0.299 * COLOR[0] + 0.587 * COLOR[1] + 0.114 * COLOR[2]);
        const expected = stored.grey ? [grey, grey, grey] : COLOR;
        for (const [channel, value] of expected.entries()) {
          expect(Math.abs(frame.rgb[middle + channel]! - value)).toBeLessThanOrEqual(4);
        }
      });
    }
  }
});
