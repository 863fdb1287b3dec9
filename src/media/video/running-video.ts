/** A video that is being read: joins ffmpeg, the reading thread and whoever takes the frames, and ends all three together. */
import { Worker } from "node:worker_threads";
import { FacewireError } from "../../errors.ts";
import { frameBytes } from "../yuv.ts";
import { unavailability } from "./availability.ts";
import type { FramePipes } from "./frame-pipe.ts";
import type { FrameSlots } from "./frame-slots.ts";
import { cancelled, type ProbedVideo, tooLong } from "./probe.ts";
import type { FromReader, ReaderSetup } from "./reader-thread.ts";
import type { Resumption } from "./selection.ts";
import { causeOf, type ToolEnd, type ToolRun } from "./tool.ts";
import type { FramePixels, VideoFrame, VideoInfo, VideoOptions, VideoReader } from "./video.ts";

/** What a running video is made of. */
export interface RunningParts {
  readonly video: ProbedVideo;
  readonly options: VideoOptions;
  readonly after: Resumption | undefined;
  /** What all frames have in common. */
  readonly pixels: Omit<FramePixels, "buffer" | "offset">;
  readonly slots: FrameSlots;
  readonly pipes: FramePipes;
  readonly run: ToolRun;
  /** When opening began, as `performance.now` has it. */
  readonly started: number;
}

/** What waits for a frame. */
interface Waiting {
  resolve(result: IteratorResult<VideoFrame>): void;
  reject(error: Error): void;
}

/** Messages of ffmpeg that tell of data it could not use, at any place of a file. */
const DAMAGE =
  /partial file|invalid data|error while decoding|ended prematurely|truncat|corrupt|error reading|decode_slice|concealing/i;
/** What ffmpeg says when a stream ends before its first frame. */
const NO_FRAMES = /Cannot determine format of input stream/;
/** A video may end this much before the end it declares (s, and as a share): durations are rounded, last frames last. */
const SHORT = { seconds: 1, share: 0.05 } as const;

/** See the file's head. */
export class RunningVideo implements VideoReader {
  readonly info: VideoInfo;
  /** Resolves once the numbers of frames are known; false when the frame to resume after did not come. */
  readonly anchored: Promise<boolean>;
  readonly #anchored = Promise.withResolvers<boolean>();
  readonly #lastWord = Promise.withResolvers<void>();
  readonly #parts: RunningParts;
  readonly #thread: Worker;
  readonly #threadEnded: Promise<void>;
  readonly #ready: VideoFrame[] = [];
  #waiting: Waiting | undefined;
  #range: FramePixels["range"];
  #iterated = false;
  /** Time of the last frame handed out, for frames without a time stamp. */
  #timeS = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Time stamp of the last decoded frame. */
  #lastPts: number | undefined;
  #ended: VideoReader["ended"];
  #error: FacewireError | undefined;
  #finished = false;
  #closed: Promise<void> | undefined;

  constructor(parts: RunningParts) {
    const { video, options, after, pixels, slots, pipes, run } = parts;
    this.info = video.info;
    this.anchored = this.#anchored.promise;
    this.#parts = parts;
    this.#range = pixels.range;
    const { num, den } = video.timeBase;
    const setup: ReaderSetup = {
      frames: pipes.frames,
      lines: pipes.lines,
      slots: slots.shared,
      pixelBytes: frameBytes(pixels.width, pixels.height),
      width: pixels.width,
      height: pixels.height,
      after,
      lastPts: video.startPts + ((options.limits.maxDurationMs / 1000) * den) / num,
    };
    this.#thread = new Worker(new URL("./reader-thread.ts", import.meta.url), { workerData: setup });
    this.#threadEnded = new Promise((resolve) => this.#thread.once("exit", () => resolve()));
    this.#thread.on("message", (message: FromReader) => this.#take(message));
    this.#thread.on("error", (cause) => this.#fail(internal(cause)));
    void this.#threadEnded.then(() => this.#lastWord.resolve());
    void run.ended.then(() => pipes.endWriting());
    void Promise.all([run.ended, this.#lastWord.promise]).then(([end]) => this.#conclude(end));
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    if (options.signal?.aborted) this.#abort();
    this.#watch();
  }

  get decoded(): number {
    return this.#parts.slots.decoded;
  }

  get ended(): VideoReader["ended"] {
    return this.#ended;
  }

  frames(): AsyncIterable<VideoFrame> {
    if (this.#iterated) throw new Error("the frames of a video are read once");
    this.#iterated = true;
    const iterator: AsyncIterator<VideoFrame> = {
      next: () => this.#next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { slots, run, pipes, options } = this.#parts;
    options.signal?.removeEventListener("abort", this.#abort);
    clearTimeout(this.#timer);
    this.#finish();
    slots.stop();
    run.kill();
    await run.ended;
    await this.#threadEnded;
    await pipes.close();
  }

  readonly #abort = (): void => this.#fail(cancelled());

  /** Ends the video with an error, unless it has ended. */
  #fail(error: FacewireError): void {
    if (this.#finished) return;
    this.#error = error;
    this.#drop();
    void this.close();
  }

  /** Nothing further comes: whoever waits is told. */
  #finish(): void {
    this.#finished = true;
    // Errors are told to whoever takes the frames.
    this.#anchored.resolve(true);
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if (this.#error) waiting.reject(this.#error);
    else waiting.resolve({ done: true, value: undefined });
  }

  /** Frames nobody has taken yet. */
  #drop(): void {
    for (const frame of this.#ready.splice(0)) frame.release();
  }

  #next(): Promise<IteratorResult<VideoFrame>> {
    const frame = this.#ready.shift();
    if (frame) return Promise.resolve({ done: false, value: frame });
    if (this.#error) return Promise.reject(this.#error);
    if (this.#finished) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#watch();
    });
  }

  #take(message: FromReader): void {
    switch (message.type) {
      case "range":
        void this.#parts.pipes.removeNames();
        this.#range = message.range ?? this.#range;
        break;
      case "frame":
        this.#hand(this.#frame(message));
        break;
      case "anchored":
        this.#anchored.resolve(true);
        break;
      case "lost":
        this.#anchored.resolve(false);
        this.#lastWord.resolve();
        break;
      case "end":
        this.#lastPts = message.lastPts;
        if (message.tooLong)
          this.#fail(tooLong(this.#seconds(message.lastPts), this.#parts.options.limits.maxDurationMs));
        this.#lastWord.resolve();
        break;
      case "failed":
        this.#fail(internal(new Error(message.message)));
        this.#lastWord.resolve();
        break;
    }
  }

  #frame({ slot, number, pts }: Extract<FromReader, { type: "frame" }>): VideoFrame {
    const { slots, pixels } = this.#parts;
    // A frame without a time stamp comes after the one before it, by no more than is known.
    this.#timeS = pts === undefined ? this.#timeS + 1 / (this.info.frameRate ?? 25) : this.#seconds(pts);
    let held = true;
    return {
      pixels: { ...pixels, range: this.#range, buffer: slots.shared.pixels, offset: slots.offset(slot) },
      number,
      timeS: this.#timeS,
      release: () => {
        if (held) slots.free(slot);
        held = false;
      },
    };
  }

  #hand(frame: VideoFrame): void {
    if (this.#finished) {
      frame.release();
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting.resolve({ done: false, value: frame });
    else this.#ready.push(frame);
    this.#watch();
  }

  #seconds(pts: number | undefined): number {
    const { timeBase, startPts } = this.#parts.video;
    return (((pts ?? startPts) - startPts) * timeBase.num) / timeBase.den;
  }

  /** Both ffmpeg and the thread have ended, by themselves or not. */
  #conclude(end: ToolEnd): void {
    if (this.#finished) return;
    if (this.decoded === 0) {
      this.#fail(unavailability(end) ?? this.#nothing(end));
      return;
    }
    this.#ended = this.#isDamaged(end) ? "damaged" : "complete";
    if (this.#ready.length > 0) this.#finished = true;
    else this.#finish();
    void this.close();
  }

  #nothing(end: ToolEnd): FacewireError {
    const none = end.failure ? NO_FRAMES.test(end.stderr) && !DAMAGE.test(end.stderr) : end.stderr.trim() === "";
    if (none) return new FacewireError("video_no_frames", "The video has no frames.");
    return new FacewireError("video_damaged", "No frame of the video could be decoded.", { cause: causeOf(end) });
  }

  #isDamaged(end: ToolEnd): boolean {
    if (end.failure || DAMAGE.test(end.stderr)) return true;
    const declared = this.#parts.video.streamDurationS;
    const reached = this.#seconds(this.#lastPts);
    return declared !== undefined && declared - reached > Math.max(SHORT.seconds, declared * SHORT.share);
  }

  /**
   * Sees to it that ffmpeg keeps decoding: until the first frame at any time, afterwards only while somebody waits for a
   * frame and there is room for it.
   */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#finished) return;
    const { limits } = this.#parts.options;
    const first = this.decoded === 0;
    if (!first && !this.#waiting) return;
    const wait = first ? limits.probeTimeoutMs - (performance.now() - this.#parts.started) : limits.stallTimeoutMs;
    const before = this.decoded;
    this.#timer = setTimeout(
      () => {
        if (this.decoded !== before || (before > 0 && !this.#parts.slots.anyFree)) this.#watch();
        else this.#fail(new FacewireError("video_too_slow", "The video gave no frame for too long."));
      },
      Math.max(0, wait),
    );
  }
}

function internal(cause: unknown): FacewireError {
  return new FacewireError("internal", "The video's frames could not be read.", { cause });
}
