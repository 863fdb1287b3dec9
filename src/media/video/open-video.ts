/** Opens a video: looks at it, starts ffmpeg and the thread that reads its frames. */
import { cpus } from "node:os";
import { frameBytes } from "../yuv.ts";
import { planColor } from "./color.ts";
import { fileUrl, safeInput } from "./containers.ts";
import { FramePipes } from "./frame-pipe.ts";
import { FrameSlots } from "./frame-slots.ts";
import { fitted, turned } from "./geometry.ts";
import { cancelled, type ProbedVideo, probe } from "./probe.ts";
import { RunningVideo } from "./running-video.ts";
import { selectionExpression, selectionFilters } from "./selection.ts";
import { startTool, type ToolOptions } from "./tool.ts";
import type { FramePixels, VideoOptions, VideoReader } from "./video.ts";

/** Frames ffmpeg decodes side by side. */
const DECODER_THREADS = Math.min(2, cpus().length);

/**
 * Opens a video file and begins to read it. Rejects as `probeVideo` does. The reader must be closed, or its frames read to
 * the end.
 */
export async function openVideo(path: string, options: VideoOptions): Promise<VideoReader> {
  const started = performance.now();
  const video = await probe(path, options);
  const fit = fitted(video.square, options.limits.maxSide);
  const color = planColor(video.color, video.stored);
  const pixels = { ...turned(fit, video.orientation.rotation), matrix: color.matrix, range: color.range };
  const slots = FrameSlots.create(frameBytes(pixels.width, pixels.height), options.slots);
  const pipes = await FramePipes.create();
  try {
    if (options.signal?.aborted) throw cancelled();
    const run = await startTool(decoding(video, options, pixels, pipes.folder));
    return new RunningVideo({ video, options, pixels, slots, pipes, run, started });
  } catch (thrown) {
    pipes.endWriting();
    await pipes.close();
    throw thrown;
  }
}

/** ffmpeg's command line. */
function decoding(
  video: ProbedVideo,
  { ffmpeg, limits, sampling, after }: VideoOptions,
  { width, height }: Pick<FramePixels, "width" | "height">,
  folder: string,
): ToolOptions {
  const fit = turned({ width, height }, video.orientation.rotation);
  const color = planColor(video.color, video.stored);
  return {
    command: ffmpeg,
    folder,
    input: {
      url: fileUrl(video.path),
      options: [
        ...["-v", "error", "-nostdin", "-threads", String(DECODER_THREADS), "-filter_threads", "1"],
        // Time stamps as the file has them; one graph for the whole video: counts would begin again in a second one.
        ...["-copyts", "-reinit_filter", "0", "-noautorotate"],
        ...safeInput(video.format, limits),
        ...["-an", "-sn", "-dn"],
      ],
    },
    filters: [
      ...selectionFilters(
        selectionExpression(video, { sampling, ...(after ? { after } : {}) }),
        FramePipes.names.lines,
      ),
      `scale=${fit.width}:${fit.height}:${color.scale}`,
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
