/** What a video is to the layers above: facts about the file, and frames whose pixels threads share. */

/** Which frames are analysed: every n-th decoded one, or as many a second as wanted (the nearest at or after each tick). */
export type FrameSampling = { readonly every: number } | { readonly rate: number };

/** A frame's pixels: planar YUV 4:2:0, 8 bit, upright. Plane sizes are w*h, then twice ceil(w/2)*ceil(h/2), rows packed. */
export interface FramePixels {
  /** Shared by all frames of a reader. */
  readonly buffer: SharedArrayBuffer;
  /** Byte offset of the luma plane; the chroma planes (U, V) follow. */
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  /** How YUV becomes RGB: coefficients (ITU-R BT.601, BT.709) and whether luma is 16..235 (`limited`) or 0..255. */
  readonly matrix: "bt601" | "bt709";
  readonly range: "limited" | "full";
}

/** One analysed frame. Its pixels belong to the reader again once it is released. */
export interface VideoFrame {
  readonly pixels: FramePixels;
  /** Position among all decoded frames of the video, from 0. */
  readonly number: number;
  /** Presentation time in seconds from the start of the video stream, as the container states it. */
  readonly timeS: number;
  /** Gives the slot back. Must be called exactly once; reading goes on when a slot is free. */
  release(): void;
}

/** What is known of a video before its frames are read. */
export interface VideoInfo {
  /** Container as ffprobe names it, such as `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  readonly codec: string;
  /** Size of the upright frames as filmed, with square pixels, before scaling; in pixels. */
  readonly width: number;
  readonly height: number;
  /** Degrees the frames were turned clockwise to be upright: 0, 90, 180, 270. They may have been mirrored besides. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Seconds as declared; undefined where the file does not say. */
  readonly durationS: number | undefined;
  /** Mean frames a second as declared; undefined where the file does not say. */
  readonly frameRate: number | undefined;
}

/** What a video may cost. */
export interface VideoLimits {
  /** Longest in ms, declared or decoded. */
  readonly maxDurationMs: number;
  /** Largest declared frame, width times height. */
  readonly maxPixels: number;
  /** Longest side of the frames handed out. */
  readonly maxSide: number;
  readonly maxStreams: number;
  readonly probeTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** How a video is opened. */
export interface VideoOptions {
  /** The ffmpeg command; ffprobe is taken from beside it. */
  readonly ffmpeg: string;
  readonly limits: VideoLimits;
  readonly sampling: FrameSampling;
  /** Frames that may be handed out at once; reading waits for one to be released beyond that. */
  readonly slots: number;
  /** Resumes after the frame of this number and time: sampling goes on as if it had not stopped. */
  readonly after?: { readonly number: number; readonly timeS: number };
  /** Ends the reading and its ffmpeg. */
  readonly signal?: AbortSignal;
}

/** A video that is being read. */
export interface VideoReader extends AsyncDisposable {
  readonly info: VideoInfo;
  /**
   * The analysed frames in order, once. Ends early with a `video_*` error, or `request_cancelled` when the signal fires. A
   * damaged tail ends it without an error: see {@link ended}.
   */
  frames(): AsyncIterable<VideoFrame>;
  /** Frames decoded so far, analysed or not. */
  readonly decoded: number;
  /** How it ended: all was decoded, or the rest could not be. Undefined while it goes on. */
  readonly ended: "complete" | "damaged" | undefined;
  /** Ends its ffmpeg now and gives the memory back; resolves when the process is gone. */
  close(): Promise<void>;
}
