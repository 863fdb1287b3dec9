/** Videos that tests are about, made by ffmpeg when they are wanted, and what reading them gives. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FFMPEG } from "../../src/cli/system-packages.ts";
import { openVideo } from "../../src/media/video/open-video.ts";
import type { VideoFrame, VideoLimits, VideoOptions, VideoReader } from "../../src/media/video/video.ts";
import { temporaryFolder } from "./temp-folder.ts";
import { hasTool } from "./tools.ts";

/** Limits no test video comes near. */
export const WIDE_LIMITS: VideoLimits = {
  maxDurationMs: 3_600_000,
  maxPixels: 9_000_000,
  maxSide: 1920,
  maxStreams: 32,
  probeTimeoutMs: 20_000,
  stallTimeoutMs: 20_000,
};

/** Options that read every frame. */
export const EVERY_FRAME: VideoOptions = { ffmpeg: "ffmpeg", limits: WIDE_LIMITS, sampling: { every: 1 }, slots: 3 };

/**
 * Whether there is an ffmpeg, so that tests can say `describe.skipIf(!hasFfmpeg())`. Where there must be one (`CI=true`) its
 * absence is an error; elsewhere it is told in one line, once.
 */
export function hasFfmpeg(): boolean {
  return hasTool(FFMPEG);
}

let folder: string | undefined;
const made = new Map<string, Promise<string>>();

/** The path of a file of this name that does not exist yet, in a folder that is removed after the tests. */
export function videoPath(name: string): string {
  folder ??= temporaryFolder("facewire-videos-");
  return join(folder, name);
}

/** Writes bytes as a file of this name, and returns its path. */
export function videoOf(name: string, bytes: Uint8Array | string): string {
  const path = videoPath(name);
  writeFileSync(path, bytes);
  return path;
}

/** Has ffmpeg write a file with these arguments, once a name, and returns its path. */
export function makeVideo(name: string, ...options: readonly string[]): Promise<string> {
  const path = videoPath(name);
  let making = made.get(name);
  if (!making) {
    making = runFfmpeg(...options, path).then(() => path);
    made.set(name, making);
  }
  return making;
}

/** Runs ffmpeg and returns what it wrote to its standard output; throws with what it said when it fails. */
export async function runFfmpeg(...options: readonly string[]): Promise<Uint8Array> {
  const child = Bun.spawn(["ffmpeg", "-v", "error", "-nostdin", "-y", ...options], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [bytes, said, code] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`ffmpeg ${options.join(" ")}: ${said}`);
  return bytes;
}

/** Frames that differ from one to the next tell which one they are: their luma is {@link lumaOf} their number. */
export function countedFrames(count: number, { rate = "30", size = "64x48" } = {}): string[] {
  const source = `nullsrc=s=${size}:r=${rate},geq=lum='32+mod(7*N,180)':cb=128:cr=128`;
  return ["-f", "lavfi", "-i", source, "-frames:v", String(count)];
}

/** The luma of a frame of {@link countedFrames}. */
export function lumaOf(number: number): number {
  return 32 + ((7 * number) % 180);
}

/** H.264 that decodes to what went in. */
export const LOSSLESS = ["-c:v", "libx264", "-preset", "veryfast", "-qp", "0", "-pix_fmt", "yuv420p"] as const;

/** A frame after it was given back. */
export interface ReadFrame {
  readonly number: number;
  readonly timeS: number;
  readonly width: number;
  readonly height: number;
  /** Luma in its middle. */
  readonly luma: number;
}

/** Reads a video to its end. */
export async function readVideo(
  path: string,
  options: Partial<VideoOptions> = {},
): Promise<{ frames: ReadFrame[]; reader: VideoReader }> {
  const reader = await openVideo(path, { ...EVERY_FRAME, ...options });
  const frames: ReadFrame[] = [];
  try {
    for await (const frame of reader.frames()) {
      frames.push(seen(frame));
      frame.release();
    }
  } finally {
    await reader.close();
  }
  return { frames, reader };
}

function seen({ pixels, number, timeS }: VideoFrame): ReadFrame {
  const { buffer, offset, width, height } = pixels;
  const middle = offset + Math.floor(height / 2) * width + Math.floor(width / 2);
  return { number, timeS, width, height, luma: new Uint8Array(buffer)[middle]! };
}

/** Time stamps (s from the first) of all frames in the order they are shown, as ffprobe has them. */
export async function shownTimes(path: string): Promise<number[]> {
  const entries = ["-select_streams", "V:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0"];
  const child = Bun.spawn(["ffprobe", "-v", "error", ...entries, path], { stdout: "pipe" });
  const text = await new Response(child.stdout).text();
  const times = text.split("\n").flatMap((line) => (/^-?[\d.]+/.test(line) ? [Number.parseFloat(line)] : []));
  return times.map((time) => time - times[0]!);
}
