/** Runs what was found on the command line, in its order: pictures side by side, videos one by one. */
import type { FrameSampling } from "../../media/video/video.ts";
import type { Engine, ItemResult, VideoRunResult } from "../../pipeline/results.ts";
import type { FoundInput } from "./find-inputs.ts";
import { type RunWishes, runEach } from "./run-pictures.ts";
import { runVideoFile } from "./run-videos.ts";

/** How {@link runInputs} works. */
export interface RunInputsOptions {
  readonly engine: Engine;
  readonly wishes: RunWishes;
  readonly sampling: FrameSampling | undefined;
  readonly inputs: readonly FoundInput[];
  /** Pictures worked on at the same time. */
  readonly concurrency: number;
  /** Larger pictures are refused without being read; bytes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Told how many results are likely to come in all. */
  readonly onTotal: (total: number) => void;
  /** `input`: the file the result is of. */
  readonly onResult: (item: ItemResult, input: FoundInput) => Promise<void>;
  readonly onVideo: (result: VideoRunResult, input: FoundInput) => Promise<void>;
}

/** Hands every result on in order; a file that cannot be run gives a failed one. An abort ends it early. */
export async function runInputs(options: RunInputsOptions): Promise<void> {
  const { engine, wishes, sampling, inputs, concurrency, maxBytes, signal } = options;
  let index = 0;
  for (let from = 0; from < inputs.length && !signal.aborted; ) {
    const first = inputs[from] as FoundInput;
    const left = inputs.length - from;
    if (first.kind === "video") {
      const start = index;
      await runVideoFile({
        engine,
        wishes,
        sampling,
        video: first,
        firstIndex: index,
        signal,
        onEstimate: (frames) => options.onTotal(start + frames + left - 1),
        onResult: async (item) => {
          index++;
          await options.onResult(item, first);
        },
        onEnd: (result) => options.onVideo(result, first),
      });
      from++;
    } else {
      const next = inputs.findIndex((input, at) => at > from && input.kind === "video");
      const pictures = inputs.slice(from, next < 0 ? undefined : next);
      const start = index;
      options.onTotal(start + left);
      await runEach({
        engine,
        wishes,
        pictures,
        firstIndex: start,
        concurrency,
        maxBytes,
        signal,
        onResult: async (item) => {
          index++;
          await options.onResult(item, pictures[item.index - start] as FoundInput);
        },
      });
      from += pictures.length;
    }
  }
}
