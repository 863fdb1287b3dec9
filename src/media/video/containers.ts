/** What ffmpeg is allowed to open and how: one demuxer a file, nothing but the file itself, known codecs only. */
import type { VideoFormat } from "./sniff.ts";
import type { VideoLimits } from "./video.ts";

/** ffmpeg's demuxer of each container. None of them opens other files, but MP4's, which must be told not to. */
const DEMUXERS: Readonly<Record<VideoFormat, string>> = {
  mp4: "mov",
  matroska: "matroska",
  avi: "avi",
  mpegts: "mpegts",
  mpegps: "mpeg",
  flv: "flv",
  ogg: "ogg",
  asf: "asf",
  y4m: "yuv4mpegpipe",
};

/** What may lie inside of a container as a file of its own: AVI has subtitles so. */
const INNER_FORMATS: Partial<Readonly<Record<VideoFormat, readonly string[]>>> = { avi: ["srt", "ass"] };

/**
 * Decoders of pictures that may run: those that cameras, phones, browsers and recorders write for. It keeps the hundreds of
 * others, of games and of long ago, away from files of strangers.
 */
const DECODERS = [
  ...["h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "libdav1d", "libaom-av1", "av1", "vvc"],
  ...["mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "h261", "h263", "h263i", "h263p", "flv", "vp6", "vp6f", "vp6a"],
  ...["msmpeg4", "msmpeg4v1", "msmpeg4v2", "wmv1", "wmv2", "wmv3", "vc1", "theora", "mjpeg", "mjpegb", "dvvideo"],
  ...["rawvideo", "wrapped_avframe", "v210", "huffyuv", "ffvhuff", "ffv1", "utvideo", "png", "prores", "dnxhd", "cfhd"],
  ...["qtrle", "cinepak", "svq1", "svq3", "rv30", "rv40"],
  // Covers.
  ...["bmp", "gif"],
] as const;

/** The demuxer for a container, as `-f` takes it. */
export function demuxerOf(format: VideoFormat): string {
  return DEMUXERS[format];
}

/** The input options that ffprobe and ffmpeg both get. */
export function safeInput(format: VideoFormat, limits: Pick<VideoLimits, "maxPixels" | "maxStreams">): string[] {
  const demuxer = demuxerOf(format);
  return [
    ...["-f", demuxer, "-format_whitelist", [demuxer, ...(INNER_FORMATS[format] ?? [])].join(",")],
    ...["-protocol_whitelist", "file"],
    // Of pictures only: ffprobe gives up on a file when it may not open the decoder of any other stream.
    ...["-codec_whitelist:v", DECODERS.join(",")],
    // The default already; said because everything rests on it.
    ...(format === "mp4" ? ["-enable_drefs", "0"] : []),
    ...["-max_streams", String(limits.maxStreams)],
    // Decoders count whole blocks: a little more than the frames' own pixels, which are checked apart.
    ...["-max_pixels", String(Math.ceil(limits.maxPixels * 1.125) + 8192)],
  ];
}

/** A path as ffmpeg takes it for nothing but a file, whatever it is called. */
export function fileUrl(path: string): string {
  return `file:${path}`;
}
