/** The videos everything is measured with, made by ffmpeg on the spot: one face in view, moving, with a camera's noise. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FFMPEG } from "../src/cli/system-packages.ts";
import { hdPictures, type RawPicture } from "./pictures.ts";
import { requireTool } from "./tools.ts";

/** Of every frame. */
export const VIDEO_WIDTH = 1280;
export const VIDEO_HEIGHT = 720;
/** Frames a second. */
export const VIDEO_RATE = 30;
/** Seconds of the piece that is encoded; longer videos are this one several times. */
const PIECE_S = 10;

/** How far a picture wanders to each side (px): it is made larger by twice that. */
const SWAY = { x: 64, y: 36 };
/** Strength of the noise: the file then has about 2 Mbit/s, as a camera's of this size has. */
const NOISE = 6;

/** Files of videos in one folder. */
export class BenchVideos {
  readonly #folder: string;
  readonly #ffmpeg: string;
  #piece: Promise<string> | undefined;

  /** `folder`: where they are made. Throws when there is no ffmpeg. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#ffmpeg = requireTool(FFMPEG);
  }

  /** H.264 of 1280x720 with 30 frames a second, by x264's own settings; `seconds`: a multiple of 10. */
  async hd(seconds: number): Promise<string> {
    this.#piece ??= this.#encode();
    const piece = await this.#piece;
    const file = join(this.#folder, `hd-${seconds}.mp4`);
    await this.#run("-stream_loop", String(seconds / PIECE_S - 1), "-i", piece, "-c", "copy", file);
    return file;
  }

  /** The same in other sizes, a second each. */
  async short(widths: readonly number[]): Promise<string[]> {
    const source = await this.hd(PIECE_S);
    return Promise.all(
      widths.map(async (width, i) => {
        const file = join(this.#folder, `short-${width}.mp4`);
        await this.#run("-ss", String(i), "-t", "1", "-i", source, "-vf", `scale=${width}:-2`, file);
        return file;
      }),
    );
  }

  /** `count` frames of a video, evenly over its first 10 seconds. */
  async frames(file: string, count: number): Promise<RawPicture[]> {
    const every = Math.floor((PIECE_S * VIDEO_RATE) / count);
    const select = ["-vf", `select=not(mod(n\\,${every}))`, "-fps_mode", "passthrough", "-frames:v", String(count)];
    const pixels = await this.#run("-i", file, ...select, "-pix_fmt", "rgb24", "-f", "rawvideo", "-");
    const size = VIDEO_WIDTH * VIDEO_HEIGHT * 3;
    return Array.from({ length: pixels.length / size }, (_, i) => ({
      data: pixels.slice(i * size, (i + 1) * size),
      width: VIDEO_WIDTH,
      height: VIDEO_HEIGHT,
    }));
  }

  /** ffmpeg alone, decoding every frame to nowhere with as many threads as it likes. Milliseconds, start included. */
  async decode(file: string): Promise<{ readonly elapsedMs: number; readonly cpuMs: number }> {
    const start = performance.now();
    const child = Bun.spawn([this.#ffmpeg, ...QUIET, "-i", file, "-map", "0:v:0", "-f", "null", "-"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${said}`);
    return {
      elapsedMs: performance.now() - start,
      cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0n) / 1000,
    };
  }

  /** Each picture for its part of the time, wandering. */
  async #encode(): Promise<string> {
    const pictures = await hdPictures("one-face");
    const seconds = PIECE_S / pictures.length;
    const inputs: string[] = [];
    for (const { name, bytes } of pictures) {
      const file = join(this.#folder, name);
      await writeFile(file, bytes);
      inputs.push("-loop", "1", "-framerate", String(VIDEO_RATE), "-t", String(seconds), "-i", file);
    }
    const scenes = pictures.map((_, i) => `[${i}]${sceneFilter()}[scene${i}];`).join("");
    const joined = `${pictures.map((_, i) => `[scene${i}]`).join("")}concat=n=${pictures.length}[video]`;
    const file = join(this.#folder, "piece.mp4");
    await this.#run(...inputs, "-filter_complex", scenes + joined, "-map", "[video]", "-c:v", "libx264", file);
    return file;
  }

  /** Runs ffmpeg; resolves with what it wrote to its standard output. */
  async #run(...words: readonly string[]): Promise<Uint8Array> {
    const child = Bun.spawn([this.#ffmpeg, ...QUIET, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    const [bytes, said, code] = await Promise.all([
      new Response(child.stdout).bytes(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`ffmpeg made no video: ${said}`);
    return bytes;
  }
}

const QUIET = ["-v", "error", "-nostdin", "-y"];

function sceneFilter(): string {
  const size = `${VIDEO_WIDTH + 2 * SWAY.x}:${VIDEO_HEIGHT + 2 * SWAY.y}`;
  const x = `${SWAY.x}*(1+sin(2*PI*t/4))`;
  const y = `${SWAY.y}*(1+sin(2*PI*t/3))`;
  return `scale=${size},crop=${VIDEO_WIDTH}:${VIDEO_HEIGHT}:x='${x}':y='${y}',noise=alls=${NOISE}:allf=t,format=yuv420p`;
}
