/** Opens videos for the engine: no more at once than may be, and those that came as bytes from a file of their own. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FacewireError } from "../errors.ts";
import type { VideoLimits, VideoOptions, VideoReader } from "../media/video/video.ts";
import { Ongoing } from "./ongoing.ts";
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

/** A video on the disk, and what is to be done when it has been read. */
interface VideoFile {
  readonly path: string;
  remove(): Promise<void>;
}

/** Videos that may wait to be opened. */
const MAX_WAITING = 64;
/** What the files of videos in requests are called. */
const TEMP_NAME = /^video-[0-9a-f-]{36}$/;
/** Age (ms) from which such a file can be of no running process, whoever shares the folder: no request takes so long. */
const LEFT_BEHIND = 3_600_000;

/** See the file's head. */
export class VideoSources {
  readonly #settings: VideoSettings;
  readonly #slots: number;
  readonly #turns: Pool;
  readonly #open = new Ongoing();

  /** `slots`: frames a video has in memory at once. */
  constructor(settings: VideoSettings, slots: number) {
    this.#settings = settings;
    this.#slots = slots;
    this.#turns = new Pool("videos", { slots: settings.concurrent, queue: MAX_WAITING });
  }

  /** Opens a file. Rejects with a `video_*` error, `pool_full`, or `request_cancelled`. */
  openFile(path: string, choice: VideoChoice): Promise<VideoReader> {
    return this.#openInTurn(this.#settings.limits, choice, async () => ({ path, remove: async () => {} }));
  }

  /** Opens a video of a request. As {@link openFile}, within the limits of requests; `file_unwritable`. */
  async openBytes(bytes: Uint8Array, choice: VideoChoice): Promise<VideoReader> {
    const { maxBytes, maxRunDurationMs, limits } = this.#settings;
    if (bytes.byteLength > maxBytes) {
      throw new FacewireError(
        "video_too_large",
        `The video has ${bytes.byteLength} bytes; at most ${maxBytes} are taken.`,
        {
          details: { bytes: bytes.byteLength, max_bytes: maxBytes },
        },
      );
    }
    const shorter = { ...limits, maxDurationMs: Math.min(limits.maxDurationMs, maxRunDurationMs) };
    return this.#openInTurn(shorter, choice, () => this.#write(bytes));
  }

  /** Resolves when every video is closed and the files of requests are removed, or after `timeoutMs`. */
  closed(timeoutMs: number): Promise<void> {
    return this.#open.none(timeoutMs);
  }

  /** Removes videos of requests that a process left behind when it was killed. */
  async removeLeftovers(): Promise<void> {
    const { tempDir } = this.#settings;
    const names = await readdir(tempDir).catch(() => []);
    for (const name of names.filter((each) => TEMP_NAME.test(each))) {
      const path = join(tempDir, name);
      const info = await stat(path).catch(() => undefined);
      if (info && Date.now() - info.mtimeMs > LEFT_BEHIND) await rm(path, { force: true });
    }
  }

  /** `fileOf` is called when it is the video's turn: what waits takes no room on the disk. */
  async #openInTurn(
    limits: VideoLimits,
    { priority, ...choice }: VideoChoice,
    fileOf: () => Promise<VideoFile>,
  ): Promise<VideoReader> {
    const release = await this.#turn(priority, choice.signal);
    const closed = this.#open.begin();
    const after = async (file?: VideoFile) => {
      release();
      try {
        await file?.remove();
      } finally {
        closed();
      }
    };
    let file: VideoFile | undefined;
    try {
      file = await fileOf();
      // Loaded when the first video comes: most servers see none for long.
      const { openVideo } = await import("../media/video/open-video.ts");
      const { ffmpeg } = this.#settings;
      const reader = await openVideo(file.path, { ...choice, ffmpeg, limits, slots: this.#slots });
      return closing(reader, () => after(file));
    } catch (thrown) {
      await after(file);
      throw thrown;
    }
  }

  async #write(bytes: Uint8Array): Promise<VideoFile> {
    const { tempDir } = this.#settings;
    const path = join(tempDir, `video-${randomUUID()}`);
    const remove = () => rm(path, { force: true });
    try {
      await mkdir(tempDir, { recursive: true });
      await writeFile(path, bytes, { flag: "wx", mode: 0o600 });
      return { path, remove };
    } catch (cause) {
      await remove().catch(() => undefined);
      throw new FacewireError("file_unwritable", "The video could not be written to disk.", { cause });
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
