/** What a video file says of itself, found out without decoding it, and held against the limits. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FacewireError } from "../../errors.ts";
import { unavailability } from "./availability.ts";
import type { StoredColor } from "./color.ts";
import { fileUrl, safeInput } from "./containers.ts";
import { type Orientation, orientationOf, type Size, squarePixels, turned } from "./geometry.ts";
import { hasExternalMedia } from "./mp4-references.ts";
import { SNIFF_VIDEO_BYTES, sniffVideo, type VideoFormat } from "./sniff.ts";
import { causeOf, startTool, type ToolEnd } from "./tool.ts";
import type { VideoInfo, VideoOptions } from "./video.ts";

/** All that is needed to read the frames. */
export interface ProbedVideo {
  readonly info: VideoInfo;
  /** Absolute. */
  readonly path: string;
  readonly format: VideoFormat;
  /** Stored frames, and the same with square pixels. */
  readonly stored: Size;
  readonly square: Size;
  readonly orientation: Orientation;
  readonly color: StoredColor;
  /** Seconds a unit of time stamps, as a fraction. */
  readonly timeBase: { readonly num: number; readonly den: number };
  /** Time stamp of the first frame, in units. */
  readonly startPts: number;
  /** Seconds from the container's start to the video's. */
  readonly startS: number;
  /** What the video stream itself, not its container, declares to last; undefined where it does not say. */
  readonly streamDurationS: number | undefined;
}

/** What ffprobe is asked for. */
const ENTRIES = [
  "format=format_name,duration,start_time",
  "stream=index,codec_type,codec_name,width,height,pix_fmt,color_range,color_space,sample_aspect_ratio,start_pts," +
    "start_time,time_base,duration,avg_frame_rate",
  "stream_disposition=attached_pic",
  "stream_side_data=displaymatrix",
].join(":");

/** The part of ffprobe's JSON that is read. Numbers come as text, some of them as `N/A` or not at all. */
interface ProbedStream {
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly pix_fmt?: string;
  readonly color_range?: string;
  readonly color_space?: string;
  readonly sample_aspect_ratio?: string;
  readonly start_pts?: number;
  readonly start_time?: string;
  readonly time_base?: string;
  readonly duration?: string;
  readonly avg_frame_rate?: string;
  readonly disposition?: { readonly attached_pic?: number };
  readonly side_data_list?: readonly { readonly displaymatrix?: string }[];
}
interface ProbedFile {
  readonly streams?: readonly ProbedStream[];
  readonly format?: { readonly format_name?: string; readonly duration?: string; readonly start_time?: string };
}

type ProbeOptions = Pick<VideoOptions, "ffmpeg" | "limits" | "signal">;

/**
 * What a video says of itself. Rejects with `video_unknown_format`, `video_refused`, `video_damaged`, `video_no_frames`,
 * `video_too_long`, `video_too_many_pixels`, `video_too_slow`, `video_unavailable`, `file_unreadable`, or
 * `request_cancelled`.
 */
export async function probeVideo(path: string, options: ProbeOptions): Promise<VideoInfo> {
  return (await probe(path, options)).info;
}

/** The same with all that reading the frames needs. */
export async function probe(path: string, { ffmpeg, limits, signal }: ProbeOptions): Promise<ProbedVideo> {
  const format = await formatOf(path);
  const absolute = resolve(path);
  const end = await runProbe(absolute, format, { ffmpeg, limits, ...(signal ? { signal } : {}) });
  const file = parse(end);
  const stream = file?.streams?.find((each) => each.codec_type === "video" && each.disposition?.attached_pic !== 1);
  refuseByMessages(end, limits);
  if (!file || end.failure) {
    throw new FacewireError("video_damaged", "The video could not be read.", { cause: causeOf(end) });
  }
  if ((file.streams?.length ?? 0) > limits.maxStreams) throw tooManyStreams(limits.maxStreams);
  if (format === "avi" && file.streams?.some(isUnknownText)) throw holdsUnknownFile();
  if (!stream) throw new FacewireError("video_no_frames", "The file holds no video stream.");
  const { width, height } = stream;
  if (!width || !height) {
    throw new FacewireError("video_damaged", "The video's frames could not be read.", { cause: causeOf(end) });
  }
  if (width * height > limits.maxPixels) throw tooManyPixels(width, height, limits.maxPixels);
  const durationS = numberOf(stream.duration) ?? numberOf(file.format?.duration);
  if (durationS !== undefined && durationS * 1000 > limits.maxDurationMs)
    throw tooLong(durationS, limits.maxDurationMs);
  const orientation = orientationOf(stream.side_data_list?.find((data) => data.displaymatrix)?.displaymatrix);
  const square = squarePixels({ width, height }, ratioOf(stream.sample_aspect_ratio, ":"));
  const [num, den] = (stream.time_base ?? "1/1").split("/").map(Number);
  return {
    info: {
      container: file.format?.format_name ?? format,
      codec: stream.codec_name ?? "unknown",
      ...turned(square, orientation.rotation),
      rotation: orientation.rotation,
      durationS,
      frameRate: ratioOf(stream.avg_frame_rate, "/"),
    },
    path: absolute,
    format,
    stored: { width, height },
    square,
    orientation,
    color: { pixelFormat: stream.pix_fmt ?? "unknown", range: stream.color_range, space: stream.color_space },
    timeBase: { num: num || 1, den: den || 1 },
    startPts: stream.start_pts ?? 0,
    startS: (numberOf(stream.start_time) ?? 0) - (numberOf(file.format?.start_time) ?? 0),
    // A container's duration is that of its longest stream.
    streamDurationS: numberOf(stream.duration) ?? (file.streams?.length === 1 ? durationS : undefined),
  };
}

/** The error for a video longer than allowed, declared or found to be. */
export function tooLong(seconds: number, maxDurationMs: number): FacewireError {
  const most = maxDurationMs / 1000;
  return new FacewireError("video_too_long", `The video is longer than the ${most} s that are allowed.`, {
    details: { duration_s: seconds, max_duration_s: most },
  });
}

async function formatOf(path: string): Promise<VideoFormat> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new FacewireError("file_unreadable", "The video's file could not be read.", { cause });
  }
  try {
    // A pipe or a device would be read by two programs, and could keep both waiting for ever.
    if (!(await file.stat()).isFile()) throw new FacewireError("video_refused", "The video is not a regular file.");
    const head = new Uint8Array(SNIFF_VIDEO_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead === 0) throw new FacewireError("video_no_frames", "The video's file is empty.");
    const format = sniffVideo(head.subarray(0, bytesRead));
    if (!format)
      throw new FacewireError("video_unknown_format", "The content is not a video of a format that is read.");
    if (format === "mp4" && (await hasExternalMedia(file))) throw refersElsewhere();
    return format;
  } finally {
    await file.close();
  }
}

async function runProbe(path: string, format: VideoFormat, { ffmpeg, limits, signal }: ProbeOptions): Promise<ToolEnd> {
  if (signal?.aborted) throw cancelled();
  const input = safeInput(format, limits);
  const run = await startTool({
    command: probeCommand(ffmpeg),
    input: { url: fileUrl(path), options: ["-v", "warning", ...input, "-of", "json", "-show_entries", ENTRIES] },
    output: { url: "pipe:1", options: ["-o"] },
  });
  const abort = () => run.kill();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    run.kill();
  }, limits.probeTimeoutMs);
  try {
    const end = await run.ended;
    if (signal?.aborted) throw cancelled();
    if (late) throw new FacewireError("video_too_slow", "The video did not say what it is in time.");
    const missing = unavailability(end);
    if (missing) throw missing;
    return end;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** The error for reading that was called off. */
export function cancelled(): FacewireError {
  return new FacewireError("request_cancelled", "The video is no longer wanted.");
}

/** What the tool refused by itself. Its words are the only trace of it. */
function refuseByMessages(end: ToolEnd, limits: ProbeOptions["limits"]): void {
  const { stderr } = end;
  const cause = new Error(stderr.slice(-4096));
  if (/exceeds max_streams/.test(stderr)) {
    throw tooManyStreams(limits.maxStreams, cause);
  }
  if (/exceeds specified max pixel count/.test(stderr)) {
    const [, width, height] = /Picture size (\d+)x(\d+) exceeds/.exec(stderr) ?? [];
    throw tooManyPixels(Number(width), Number(height), limits.maxPixels);
  }
  const codec = /Codec \((\w+)\) not on whitelist/.exec(stderr)?.[1];
  if (codec) throw new FacewireError("video_unknown_format", `Video coded as ${codec} is not read.`, { cause });
  if (/external track|Protocol .*not on whitelist/.test(stderr)) {
    throw refersElsewhere(cause);
  }
}

/** A file inside the file that is no subtitles: ffmpeg leaves it closed, but nothing good is meant by it. */
function isUnknownText(stream: ProbedStream): boolean {
  return stream.codec_type === "subtitle" && (stream.codec_name === undefined || stream.codec_name === "unknown");
}

function holdsUnknownFile(): FacewireError {
  return new FacewireError("video_refused", "The video holds another file where subtitles should be.");
}

function refersElsewhere(cause?: Error): FacewireError {
  return new FacewireError("video_refused", "The video refers to other files.", cause ? { cause } : {});
}

function tooManyStreams(max: number, cause?: Error): FacewireError {
  return new FacewireError("video_refused", `The video has more than ${max} streams.`, {
    details: { max_streams: max },
    ...(cause ? { cause } : {}),
  });
}

function tooManyPixels(width: number, height: number, max: number): FacewireError {
  return new FacewireError(
    "video_too_many_pixels",
    `The video's frames have ${width}x${height} pixels; at most ${max} are taken.`,
    {
      details: { width, height, max_pixels: max },
    },
  );
}

/** ffprobe as it is called beside this ffmpeg. */
function probeCommand(ffmpeg: string): string {
  const name = basename(ffmpeg).replace("ffmpeg", "ffprobe");
  return ffmpeg.includes("/") ? join(dirname(ffmpeg), name) : name;
}

function parse(end: ToolEnd): ProbedFile | undefined {
  try {
    return JSON.parse(end.stdout) as ProbedFile;
  } catch {
    return undefined;
  }
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** A ratio above zero; undefined for anything else. */
function ratioOf(text: string | undefined, separator: string): number | undefined {
  const [num, den] = (text ?? "").split(separator).map(Number);
  const value = num! / den!;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}
