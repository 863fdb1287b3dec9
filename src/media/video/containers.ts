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

/**
 * Decoders that may run: those that cameras, phones, browsers and recorders write for, and of sound those that containers
 * are looked into with. It keeps the hundreds of others, of games and of long ago, away from files of strangers.
 */
const DECODERS = [
  ...["h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "libdav1d", "libaom-av1", "av1", "vvc"],
  ...["mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "h261", "h263", "h263i", "h263p", "flv", "vp6", "vp6f", "vp6a"],
  ...["msmpeg4", "msmpeg4v1", "msmpeg4v2", "wmv1", "wmv2", "wmv3", "vc1", "theora", "mjpeg", "mjpegb", "dvvideo"],
  ...["rawvideo", "wrapped_avframe", "v210", "huffyuv", "ffvhuff", "ffv1", "utvideo", "png", "prores", "dnxhd", "cfhd"],
  ...["qtrle", "cinepak", "svq1", "svq3", "rv30", "rv40"],
  ...[
    "aac",
    "aac_fixed",
    "aac_latm",
    "mp1float",
    "mp2",
    "mp2float",
    "mp3",
    "mp3float",
    "ac3",
    "eac3",
    "opus",
    "libopus",
  ],
  ...["vorbis", "flac", "alac", "amrnb", "amrwb", "wmav1", "wmav2", "speex", "libspeex"],
  ...[
    "pcm_s16le",
    "pcm_s16be",
    "pcm_u8",
    "pcm_s24le",
    "pcm_s24be",
    "pcm_alaw",
    "pcm_mulaw",
    "pcm_f32le",
    "adpcm_ima_wav",
  ],
] as const;

/** The demuxer for a container, as `-f` takes it. */
export function demuxerOf(format: VideoFormat): string {
  return DEMUXERS[format];
}

/** The input options that ffprobe and ffmpeg both get. */
export function safeInput(format: VideoFormat, limits: Pick<VideoLimits, "maxPixels" | "maxStreams">): string[] {
  const demuxer = demuxerOf(format);
  return [
    ...["-f", demuxer, "-format_whitelist", demuxer],
    ...["-protocol_whitelist", "file"],
    ...["-codec_whitelist", DECODERS.join(",")],
    // The default already; said because everything rests on it.
    ...(format === "mp4" ? ["-enable_drefs", "0"] : []),
    ...["-max_streams", String(limits.maxStreams)],
    ...["-max_pixels", String(limits.maxPixels)],
  ];
}

/** A path as ffmpeg takes it for nothing but a file, whatever it is called. */
export function fileUrl(path: string): string {
  return `file:${path}`;
}
