/** One video on its way through a pipeline: frames out to the workers, results back in the order of the frames. */
import { FacewireError } from "../errors.ts";
import type { VideoFrame, VideoReader } from "../media/video/video.ts";
import type { DispatchedItem, Dispatcher } from "./dispatcher.ts";
import { itemResult } from "./item-result.ts";
import { ResultLine } from "./result-line.ts";
import type { ItemResult, RankedFrame, VideoFacts, VideoSummary } from "./results.ts";
import type { SettledItem } from "./scheduler.ts";

/** What a video run works with. */
export interface VideoRunOptions {
  readonly reader: VideoReader;
  readonly dispatcher: Dispatcher;
  /** What all its items have in common. */
  readonly item: Pick<
    DispatchedItem,
    "requestId" | "legs" | "name" | "priority" | "parameters" | "explain" | "draw" | "exif" | "traceparent"
  >;
  /** Prefix of item ids, unique among all processes. */
  readonly id: string;
  /** Position of the file in its request. */
  readonly file: number;
  /** Index of the first frame's item. */
  readonly firstIndex: number;
  /** Most frames that are analysed; `video_too_long` beyond. */
  readonly maxFrames: number;
  /** Epoch milliseconds by which a frame that is sent off now must be done. */
  deadline(): number;
  /** The best frame of an earlier run that this one goes on from. */
  readonly best?: RankedFrame;
  /** Called with each frame that is better than all that are done. */
  onBest?(frame: RankedFrame): void;
  /** Gives all up with `request_cancelled`. */
  readonly signal: AbortSignal;
}

/** One frame's result. */
export interface FrameResult {
  readonly result: ItemResult;
  readonly settled: SettledItem;
}

/** Frames whose results may wait for an earlier one, or for a slow taker, while later ones are computed. */
const WINDOW = 32;

/** See the file's head. It must be closed; its reader is closed with it. */
export class VideoRun implements AsyncDisposable {
  readonly #options: VideoRunOptions;
  readonly #line = new ResultLine<FrameResult>(WINDOW);
  readonly #pending = new Map<string, (reason: FacewireError) => void>();
  #best: RankedFrame | undefined;
  /** Frames whose results were handed out. */
  #analysed = 0;
  #allSent = false;
  #closed = false;

  constructor(options: VideoRunOptions) {
    this.#options = options;
    this.#best = options.best;
  }

  /** Whether every frame there is was sent off. */
  get allSent(): boolean {
    return this.#allSent;
  }

  /** What it is called in results. */
  get name(): string {
    return this.#options.item.name;
  }

  /** What the file says of itself. */
  get facts(): VideoFacts {
    const { container, codec, width, height, rotation, durationS, frameRate } = this.#options.reader.info;
    return {
      container,
      codec,
      width,
      height,
      rotation,
      duration_s: durationS ?? null,
      frame_rate: frameRate ?? null,
    };
  }

  /**
   * The results, once, each as soon as it and all before it are there. Ends with `request_cancelled` or a `video_*` error,
   * which comes after the results of all frames before it. Leaving them early closes the run.
   */
  async *results(): AsyncGenerator<FrameResult> {
    const { signal } = this.#options;
    const giveUp = () => this.#giveUp();
    signal.addEventListener("abort", giveUp);
    try {
      void this.#sendAll();
      for await (const result of this.#line.results()) {
        this.#analysed++;
        yield result;
      }
    } finally {
      signal.removeEventListener("abort", giveUp);
      await this.close();
    }
  }

  /** Frames that were sent off and whose results were not handed out, in order; undefined for those that are not done. */
  unclaimed(): readonly (FrameResult | undefined)[] {
    return this.#line.waiting();
  }

  /** Gives up what is not done. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#line.end();
    this.#giveUp();
    await this.#options.reader.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is known of it now; `cut`: it was left early because time was up. */
  summary(cut = false): VideoSummary {
    const { reader, file } = this.#options;
    const unclaimed = cut ? this.unclaimed().filter((done) => done !== undefined).length : 0;
    return {
      file,
      name: this.name,
      ...this.facts,
      frames_decoded: reader.decoded,
      frames_analysed: this.#analysed + unclaimed,
      ended: cut ? "deadline" : (reader.ended ?? "complete"),
      best_frame: this.#bestFrame(),
    };
  }

  /** Sends frames off while the taker is at work on earlier ones. */
  async #sendAll(): Promise<void> {
    const { reader, maxFrames, firstIndex } = this.#options;
    let sent = 0;
    try {
      for await (const frame of reader.frames()) {
        if (!(await this.#line.room())) {
          frame.release();
          return;
        }
        if (sent >= maxFrames) {
          frame.release();
          throw tooManyFrames(maxFrames);
        }
        this.#line.add(this.#send(frame, firstIndex + sent++));
      }
      this.#allSent = !this.#closed;
      this.#line.end();
    } catch (thrown) {
      this.#line.end({ thrown });
    }
  }

  #send(frame: VideoFrame, index: number): Promise<FrameResult> {
    const { dispatcher, item, id, file, signal } = this.#options;
    const itemId = `${id}.${file}.${frame.number}`;
    return new Promise<FrameResult>((resolve, reject) => {
      if (signal.aborted || this.#closed) {
        frame.release();
        reject(givenUp());
        return;
      }
      this.#pending.set(itemId, reject);
      dispatcher.submit([
        {
          ...item,
          id: itemId,
          index,
          input: { type: "frame", pixels: frame.pixels },
          deadline: this.#options.deadline(),
          snapshotAbove: () => this.#best?.rank ?? Number.NEGATIVE_INFINITY,
          settle: (settled) => {
            this.#pending.delete(itemId);
            frame.release();
            const result: ItemResult = {
              ...itemResult(index, item.name, settled),
              frame: { file, number: frame.number, time_s: frame.timeS },
            };
            this.#keepBest(settled, result);
            resolve({ result, settled });
          },
        },
      ]);
    });
  }

  #keepBest({ outcome: { snapshot } }: SettledItem, result: ItemResult): void {
    if (!snapshot) return;
    const best = this.#best;
    const { rank, jpeg, width, height } = snapshot;
    // Frames are done in any order: of equals the earlier one is kept, so that the answer is always the same.
    if (best && (rank < best.rank || (rank === best.rank && result.index > best.index))) return;
    this.#best = {
      rank,
      index: result.index,
      number: result.frame?.number ?? 0,
      time_s: result.frame?.time_s ?? 0,
      content_type: "image/jpeg",
      width,
      height,
      data: Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength).toString("base64"),
    };
    this.#options.onBest?.(this.#best);
  }

  #bestFrame(): VideoSummary["best_frame"] {
    if (!this.#best) return null;
    const { rank: _rank, ...frame } = this.#best;
    return frame;
  }

  #giveUp(): void {
    for (const [id, reject] of this.#pending) {
      this.#options.dispatcher.cancel(id);
      reject(givenUp());
    }
    this.#pending.clear();
  }
}

function givenUp(): FacewireError {
  return new FacewireError("request_cancelled", "The video is no longer wanted.");
}

function tooManyFrames(limit: number): FacewireError {
  return new FacewireError("video_too_long", `More than ${limit} frames would be analysed.`, { details: { limit } });
}
