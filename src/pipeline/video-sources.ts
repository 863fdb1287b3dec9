/** Opens videos for the engine: no more at once than may be, and those that came as bytes from a file of their own. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FacewireError } from "../errors.ts";
import type { VideoLimits, VideoOptions, VideoReader } from "../media/video/video.ts";
import { Pool } from "./pools.ts";

/** How videos are read. */
export interface VideoSettings {
  /** The ffmpeg command. */
  readonly ffmpeg: string;
  readonly limits: VideoLimits;
  /** Largest video in a request, in bytes. */
  readonly maxBytes: number;
  /** Longest video in a request, in ms. */
  readonly maxRunDurationMs: number;
  /** Videos that are decoded at once. */
  readonly concurrent: number;
  /** Folder for videos that came with a request; they are removed when they have been read. */
  readonly tempDir: string;
}

/** What is chosen video by video. */
export type VideoChoice = Pick<VideoOptions, "sampling" | "after"> & {
  readonly signal: AbortSignal;
  /** 0..9; who is served first when too many want to be opened. */
  readonly priority: number;
};

/** Videos that may wait to be opened. */
const MAX_WAITING = 64;

/** See the file's head. */
export class VideoSources {
  readonly #settings: VideoSettings;
  readonly #slots: number;
  readonly #turns: Pool;

  /** `slots`: frames a video has in memory at once. */
  constructor(settings: VideoSettings, slots: number) {
    this.#settings = settings;
    this.#slots = slots;
    this.#turns = new Pool("videos", { slots: settings.concurrent, queue: MAX_WAITING });
  }

  /** Opens a file. Rejects with a `video_*` error, `pool_full`, or `request_cancelled`. */
  async openFile(path: string, choice: VideoChoice): Promise<VideoReader> {
    return this.#open(path, this.#settings.limits, choice, async () => {});
  }

  /** Opens a video of a request. As {@link openFile}, within the limits of requests. */
  async openBytes(bytes: Uint8Array, choice: VideoChoice): Promise<VideoReader> {
    const { maxBytes, maxRunDurationMs, limits, tempDir } = this.#settings;
    if (bytes.byteLength > maxBytes) {
      throw new FacewireError(
        "video_too_large",
        `The video has ${bytes.byteLength} bytes; at most ${maxBytes} are taken.`,
        {
          details: { bytes: bytes.byteLength, max_bytes: maxBytes },
        },
      );
    }
    const path = join(tempDir, `video-${randomUUID()}`);
    const remove = () => rm(path, { force: true });
    try {
      await mkdir(tempDir, { recursive: true });
      await writeFile(path, bytes, { flag: "wx", mode: 0o600 });
      const shorter = { ...limits, maxDurationMs: Math.min(limits.maxDurationMs, maxRunDurationMs) };
      return await this.#open(path, shorter, choice, remove);
    } catch (thrown) {
      await remove();
      throw thrown;
    }
  }

  async #open(
    path: string,
    limits: VideoLimits,
    { priority, ...choice }: VideoChoice,
    after: () => Promise<void>,
  ): Promise<VideoReader> {
    const release = await this.#turn(priority, choice.signal);
    try {
      // Loaded when the first video comes: most servers see none for long.
      const { openVideo } = await import("../media/video/open-video.ts");
      const reader = await openVideo(path, { ...choice, ffmpeg: this.#settings.ffmpeg, limits, slots: this.#slots });
      return closing(reader, async () => {
        release();
        await after();
      });
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  #turn(priority: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const cancelled = () => new FacewireError("request_cancelled", "The video is no longer wanted.");
      if (signal.aborted) {
        reject(cancelled());
        return;
      }
      const leave = () => {
        turn.withdraw();
        reject(cancelled());
      };
      const turn = this.#turns.claim({
        slots: 1,
        priority,
        granted: (release) => {
          signal.removeEventListener("abort", leave);
          resolve(release);
        },
      });
      if (!turn.immediate) signal.addEventListener("abort", leave, { once: true });
    });
  }
}

/** A reader that does something once when it is closed. */
function closing(reader: VideoReader, after: () => Promise<void>): VideoReader {
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= reader.close().finally(after);
    return closed;
  };
  return {
    info: reader.info,
    frames: () => reader.frames(),
    get decoded() {
      return reader.decoded;
    },
    get ended() {
      return reader.ended;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
