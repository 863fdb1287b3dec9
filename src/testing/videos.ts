/** Videos for tests, made by ffmpeg on the spot. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FacewireError } from "../errors.ts";
import { sceneSize, type TestScene } from "./drawn-scene.ts";
import { scenePixels } from "./pictures.ts";

/** A part of a video that shows one scene. */
export interface TestVideoScene extends Omit<TestScene, "width" | "height"> {
  /** 1 when absent. */
  readonly seconds?: number;
}

/** What a test video shows, and the file it becomes. */
export interface TestVideoOptions extends TestScene {
  /** 2 when absent. Not together with `scenes`. */
  readonly seconds?: number;
  /** Frames a second; 10 when absent. */
  readonly rate?: number;
  /** One after the other; what a scene leaves out is as the options say. */
  readonly scenes?: readonly TestVideoScene[];
  /** `mp4` (H.264) when absent. `avi` is MPEG-4 Part 2, which every build of ffmpeg can write. */
  readonly format?: "mp4" | "mov" | "mkv" | "avi";
  /** The ffmpeg command. */
  readonly ffmpeg?: string;
}

/** Whether there is an ffmpeg to make videos with. */
export function hasFfmpeg(command = "ffmpeg"): boolean {
  return Bun.which(command) !== null;
}

/**
 * Bytes of a video with a frame at each 1 / rate seconds; a white square moves along the lower edge. Throws
 * `video_unavailable` without ffmpeg, and when it cannot write the format.
 */
export async function testVideo(options: TestVideoOptions = {}): Promise<Uint8Array> {
  const { rate = 10, format = "mp4", ffmpeg = "ffmpeg" } = options;
  if (!hasFfmpeg(ffmpeg)) throw new FacewireError("video_unavailable", `There is no ${ffmpeg} to make a video with.`);
  const { width, height } = sceneSize(options);
  const folder = await mkdtemp(join(tmpdir(), "facewire-video-"));
  const file = join(folder, `video.${format}`);
  try {
    const codec = format === "avi" ? ["-c:v", "mpeg4", "-q:v", "2"] : ["-c:v", "libx264", "-preset", "ultrafast"];
    const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", `${rate}`, "-i", "-"];
    const encoder = Bun.spawn([ffmpeg, "-v", "error", "-nostdin", ...input, ...codec, "-pix_fmt", "yuv420p", file], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
    });
    const said = new Response(encoder.stderr).text();
    for await (const frame of frames(options, rate)) {
      encoder.stdin.write(frame);
      await encoder.stdin.flush();
    }
    await encoder.stdin.end();
    if ((await encoder.exited) === 0) return await Bun.file(file).bytes();
    throw new FacewireError("video_unavailable", `${ffmpeg} made no video: ${(await said).trim().split("\n").at(-1)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* frames(options: TestVideoOptions, rate: number): AsyncGenerator<Uint8Array> {
  const { seconds = 2, scenes = [{ seconds }], ...common } = options;
  const { width, height } = sceneSize(options);
  const counts = scenes.map((scene) => Math.max(1, Math.round((scene.seconds ?? 1) * rate)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  let number = 0;
  for (const [at, scene] of scenes.entries()) {
    const still = await scenePixels({ ...common, ...scene, width, height });
    for (let left = counts[at]!; left > 0; left--, number++) yield withSquare(still, width, height, number / total);
  }
}

/** A copy of a frame with a white square at a share of the way along its lower edge. */
function withSquare(still: Uint8Array, width: number, height: number, share: number): Uint8Array {
  const frame = still.slice();
  const side = Math.max(2, Math.floor(width / 40));
  const left = Math.floor(share * (width - side));
  for (let y = height - side; y < height; y++) frame.fill(255, 3 * (y * width + left), 3 * (y * width + left + side));
  return frame;
}
