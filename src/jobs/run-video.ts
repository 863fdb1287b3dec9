/** A video of a job: from its first frame, or behind the last one that was committed. */
import type { FacewireError } from "../errors.ts";
import type { FrameSampling } from "../media/video/video.ts";
import type { ItemResult, PrimaryFace, RankedFrame, VideoFacts, VideoSummary } from "../pipeline/results.ts";
import type { StoredJobFile } from "../store/job-content.ts";
import { type JobContext, JobStopped, patiently, requestOf } from "./job-context.ts";

/** How far a video is. */
interface VideoPosition {
  /** Frames with a result. */
  frames: number;
  after: { readonly number: number; readonly timeS: number } | undefined;
  best: RankedFrame | undefined;
}

/**
 * Runs a video to its end. Rejects with {@link JobStopped} behind the frame that was done when the job was told to stop,
 * with `pipeline_unknown`, a `video_*` error, or what the writer rejects with.
 */
export async function runVideo(context: JobContext, file: StoredJobFile): Promise<void> {
  const { writer } = context;
  const position = await positionIn(context, file);
  const summary = await patiently(context, () => attempt(context, file, position));
  await writer.videoDone(file.position, { ...summary, frames_analysed: position.frames } satisfies VideoSummary);
}

/** A video that cannot be opened or read further, as a failed result that takes its place. */
export async function failVideo({ writer }: JobContext, file: StoredJobFile, failure: FacewireError): Promise<void> {
  const error = failure.toPublic();
  const item: ItemResult = { index: writer.next, name: file.name, status: "failed", faces: [], error };
  await writer.add(file.position, item, undefined, true);
}

async function attempt(context: JobContext, file: StoredJobFile, position: VideoPosition): Promise<VideoSummary> {
  const { engine, writer, patience, folders, job, options, stop } = context;
  let ended: { readonly with: unknown } | undefined;
  const { after, best } = position;
  try {
    const { video, version } = await engine.runVideo({
      ...requestOf(context),
      path: folders.file(job.id, file.position),
      name: file.name,
      file: file.position,
      firstIndex: writer.next,
      // The job's own is over all of its files, and over what other processes did of them.
      aggregate: false,
      ...(options.sampling ? { sampling: options.sampling } : {}),
      ...(after ? { after } : {}),
      ...(best ? { best } : {}),
      onInfo: (facts, sampling) => expectFrames(context, file, position.frames, facts, sampling),
      onBest(frame) {
        position.best = frame;
        writer.best(file.position, frame);
      },
      async onItem(item, primary) {
        try {
          await take(item, primary);
        } catch (thrown) {
          ended = { with: thrown };
          throw thrown;
        }
      },
    });
    writer.version(version);
    return video;
  } catch (thrown) {
    // Whatever the layers between made of it.
    throw ended ? ended.with : thrown;
  }

  async function take(item: ItemResult, primary: PrimaryFace | undefined): Promise<void> {
    await writer.add(file.position, item, primary, false);
    position.frames++;
    if (item.frame) position.after = { number: item.frame.number, timeS: item.frame.time_s };
    await patience.over();
    if (stop.aborted) throw new JobStopped();
  }
}

async function positionIn({ content, job }: JobContext, file: StoredJobFile): Promise<VideoPosition> {
  const { frames, last } = await content.resultsOf(job.id, file.position);
  const frame = last === undefined ? undefined : (JSON.parse(last) as ItemResult).frame;
  return {
    frames,
    after: frame && { number: frame.number, timeS: frame.time_s },
    best: file.best === undefined ? undefined : (JSON.parse(file.best) as RankedFrame),
  };
}

/** Estimates the job's results once its last video has said how long it is. */
function expectFrames(
  { writer, job, lastVideo }: JobContext,
  file: StoredJobFile,
  done: number,
  facts: VideoFacts,
  sampling: FrameSampling,
): void {
  const frames = expectedFrames(facts, sampling);
  if (frames === undefined || file.position !== lastVideo) return;
  writer.expect(writer.next - done + Math.max(frames, done) + (job.files - file.position - 1));
}

/** Frames that will be analysed of a video, as it declares itself; undefined where it does not. */
export function expectedFrames(
  { duration_s, frame_rate }: Pick<VideoFacts, "duration_s" | "frame_rate">,
  sampling: FrameSampling,
): number | undefined {
  if (duration_s === null) return undefined;
  if ("rate" in sampling) return Math.ceil(duration_s * Math.min(sampling.rate, frame_rate ?? sampling.rate));
  return frame_rate === null ? undefined : Math.ceil((duration_s * frame_rate) / sampling.every);
}
