/** Opens a video: looks at it, starts ffmpeg and the thread that reads its frames. */
import { cpus } from "node:os";
import { frameBytes } from "../yuv.ts";
import { type ColorPlan, planColor } from "./color.ts";
import { fileUrl, safeInput } from "./containers.ts";
import { FramePipes } from "./frame-pipe.ts";
import { FrameSlots } from "./frame-slots.ts";
import { fitted, type Size, turned } from "./geometry.ts";
import { cancelled, type ProbedVideo, probe } from "./probe.ts";
import { RunningVideo } from "./running-video.ts";
import { type Resumption, selectionExpression, selectionFilters } from "./selection.ts";
import type { VideoFormat } from "./sniff.ts";
import { startTool, type ToolOptions } from "./tool.ts";
import type { VideoOptions, VideoReader } from "./video.ts";

/**
 * Frames ffmpeg decodes side by side. The inference workers use the same cores: more threads only take turns. One would fall
 * behind when every worker is free.
 */
const DECODER_THREADS = Math.min(2, cpus().length);

/** A reading that resumes begins to decode this much (s) before: beyond any distance over which pictures refer to others. */
const SEEK_MARGIN = 10;
/** Containers with an index that leads to the wanted place, and the same time stamps on any way there. */
const SEEKABLE: readonly VideoFormat[] = ["mp4", "matroska"];

/**
 * Opens a video file and begins to read it. Rejects as `probeVideo` does. The reader must be closed, or its frames read to
 * the end.
 */
export async function openVideo(path: string, options: VideoOptions): Promise<VideoReader> {
  const started = performance.now();
  const video = await probe(path, options);
  const { after } = options;
  if (!after) return start(video, options, undefined, started);
  const { num, den } = video.timeBase;
  const resumed = { number: after.number, pts: video.startPts + Math.round((after.timeS * den) / num) };
  if (after.timeS > 2 * SEEK_MARGIN && SEEKABLE.includes(video.format)) {
    const reader = await start(video, options, { ...resumed, seeks: true }, started);
    if (await reader.anchored) return reader;
    await reader.close();
  }
  return start(video, options, { ...resumed, seeks: false }, started);
}

async function start(
  video: ProbedVideo,
  options: VideoOptions,
  after: Resumption | undefined,
  started: number,
): Promise<RunningVideo> {
  const size = fitted(video.square, options.limits.maxSide);
  const color = planColor(video.color, video.stored);
  const pixels = { ...turned(size, video.orientation.rotation), matrix: color.matrix, range: color.range };
  const slots = FrameSlots.create(frameBytes(pixels.width, pixels.height), options.slots);
  const pipes = await FramePipes.create();
  try {
    if (options.signal?.aborted) throw cancelled();
    const run = await startTool(decoding({ video, options, after, size, color, folder: pipes.folder }));
    return new RunningVideo({ video, options, after, pixels, slots, pipes, run, started });
  } catch (thrown) {
    pipes.endWriting();
    await pipes.close();
    throw thrown;
  }
}

interface Decoding {
  readonly video: ProbedVideo;
  readonly options: VideoOptions;
  readonly after: Resumption | undefined;
  /** Of the frames before they are turned. */
  readonly size: Size;
  readonly color: ColorPlan;
  readonly folder: string;
}

/** ffmpeg's command line. */
function decoding({ video, options, after, size, color, folder }: Decoding): ToolOptions {
  const { ffmpeg, limits, sampling } = options;
  const from = after?.seeks ? (options.after?.timeS ?? 0) + video.startS - SEEK_MARGIN : undefined;
  return {
    command: ffmpeg,
    folder,
    input: {
      url: fileUrl(video.path),
      options: [
        ...["-v", "error", "-nostdin", "-threads", String(DECODER_THREADS), "-filter_threads", "1"],
        // Time stamps as the file has them; one graph for the whole video: counts would begin again in a second one.
        ...["-copyts", "-reinit_filter", "0", "-noautorotate"],
        ...(from === undefined ? [] : ["-noaccurate_seek", "-ss", from.toFixed(6)]),
        ...safeInput(video.format, limits),
        ...["-an", "-sn", "-dn"],
      ],
    },
    filters: [
      ...selectionFilters(selectionExpression(video, sampling, after), FramePipes.names.lines),
      `scale=${size.width}:${size.height}:${color.scale}`,
      // Behind the scaling every frame has one size: what turns them relies on it.
      ...video.orientation.filters,
      `format=${color.format}`,
    ],
    output: {
      url: FramePipes.names.frames,
      options: [
        ...["-map", "0:V:0", "-fps_mode", "passthrough", "-enc_time_base", "-1"],
        ...["-f", "yuv4mpegpipe", "-flush_packets", "1"],
      ],
    },
  };
}
