/** Feeds found videos to an engine, one after the other, and hands their results on frame by frame. */
import { FacewireError } from "../../errors.ts";
import type { FrameSampling } from "../../media/video/video.ts";
import type { Engine, ItemResult, VideoRunResult } from "../../pipeline/results.ts";
import type { FoundInput } from "./find-inputs.ts";
import type { RunWishes } from "./run-pictures.ts";

/** How {@link runVideoFile} works. */
export interface RunVideoOptions {
  readonly engine: Engine;
  readonly wishes: Omit<RunWishes, "deadlineMs">;
  readonly sampling: FrameSampling | undefined;
  readonly video: FoundInput;
  /** Index of its first frame's result. */
  readonly firstIndex: number;
  readonly signal: AbortSignal;
  /** Told how many frames are likely to be analysed, when the file says enough for that. */
  readonly onEstimate: (frames: number) => void;
  readonly onResult: (item: ItemResult) => Promise<void>;
  readonly onEnd: (result: VideoRunResult) => Promise<void>;
}

/**
 * Runs one video. One that cannot be read gives a failed result; an abort ends early without one. Rejects with what
 * `onResult` or `onEnd` rejects with.
 */
export async function runVideoFile(options: RunVideoOptions): Promise<void> {
  const { engine, wishes, sampling, video, firstIndex, signal, onResult } = options;
  let index = firstIndex;
  let refused = false;
  let result: VideoRunResult;
  try {
    result = await engine.runVideo({
      ...wishes,
      id: `video-${firstIndex + 1}`,
      path: video.path,
      name: video.name,
      firstIndex,
      signal,
      ...(sampling ? { sampling } : {}),
      onInfo: ({ duration_s, frame_rate }, chosen) => {
        const rate =
          "rate" in chosen ? Math.min(chosen.rate, frame_rate ?? chosen.rate) : (frame_rate ?? 0) / chosen.every;
        if (duration_s !== null && rate > 0) options.onEstimate(Math.ceil(duration_s * rate));
      },
      onItem: async (item) => {
        index++;
        try {
          await onResult(item);
        } catch (thrown) {
          refused = true;
          throw thrown;
        }
      },
    });
  } catch (thrown) {
    if (refused) throw thrown;
    if (signal.aborted) return;
    const error = FacewireError.from(thrown).toPublic();
    await onResult({ index, name: video.name, status: "failed", faces: [], error });
    return;
  }
  await options.onEnd(result);
}
