/**
 * The thread that reads one video's frames: from ffmpeg's pipe straight into shared memory, so that the main thread neither
 * waits nor copies. It waits in two places only, for data and for a free slot, and both end when the reading does.
 */
import { readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { FrameSlots, type SharedSlots } from "./frame-slots.ts";
import { enlargePipe } from "./pipe-size.ts";
import { FrameLines } from "./selection.ts";

/** What the thread is started with. */
export interface ReaderSetup {
  /** File descriptors of the pipes. */
  readonly frames: number;
  readonly lines: number;
  readonly slots: SharedSlots;
  /** Bytes of a frame's pixels, and the size it must say it has. */
  readonly pixelBytes: number;
  readonly width: number;
  readonly height: number;
  /** Time stamp beyond which a frame makes the video too long. */
  readonly lastPts: number;
}

/** What it tells. The last word is always `end` or `failed`. */
export type FromReader =
  | { readonly type: "range"; readonly range: "limited" | "full" | undefined }
  | { readonly type: "frame"; readonly slot: number; readonly number: number; readonly pts: number | undefined }
  | { readonly type: "end"; readonly lastPts: number | undefined; readonly tooLong: boolean }
  | { readonly type: "failed"; readonly message: string };

/** Before each frame. */
const FRAME_MARK = "FRAME\n";
/** Longest first line, in bytes; ffmpeg's has about a hundred. */
const MOST_HEADER = 1024;

const setup = workerData as ReaderSetup;
const slots = new FrameSlots(setup.slots);
const lines = new FrameLines();
const decoder = new TextDecoder("latin1");
const text = new Uint8Array(64 * 1024);
let seenLastPts: number | undefined;

function send(message: FromReader): void {
  parentPort?.postMessage(message);
}

/** Fills `target` from the pipe of frames; false when it ends before. */
function fill(target: Uint8Array): boolean {
  for (let at = 0; at < target.length; ) {
    const count = readSync(setup.frames, target, at, target.length - at, null);
    if (count === 0) return false;
    at += count;
  }
  return true;
}

/** The stream's first line: size and range of the frames. False when it ends before. */
function readHeader(): boolean {
  const byte = new Uint8Array(1);
  let header = "";
  while (!header.endsWith("\n")) {
    if (!fill(byte)) return false;
    header += String.fromCharCode(byte[0]!);
    if (header.length > MOST_HEADER) throw new Error("ffmpeg's first line has no end");
  }
  const size = ` W${setup.width} H${setup.height} `;
  if (!header.startsWith("YUV4MPEG2 ") || !header.includes(size)) throw new Error(`not the wanted frames: ${header}`);
  const range = /XCOLORRANGE=(FULL|LIMITED)/.exec(header)?.[1];
  send({ type: "range", range: range === undefined ? undefined : range === "FULL" ? "full" : "limited" });
  return true;
}

/** Reads frames until they end. True when one came after the longest time. */
function readFrames(): boolean {
  const mark = new Uint8Array(FRAME_MARK.length);
  for (let first = true; ; ) {
    const count = readSync(setup.lines, text, 0, text.length, null);
    if (count === 0) return false;
    const chosen = lines.push(decoder.decode(text.subarray(0, count)));
    const last = lines.last;
    if (last) {
      slots.decoded = last.number + 1;
      seenLastPts = last.pts ?? seenLastPts;
    }
    for (const { number, pts } of chosen) {
      if (pts !== undefined && pts > setup.lastPts) return true;
      const slot = slots.take();
      if (slot === undefined) return false;
      if (first && !readHeader()) return false;
      first = false;
      const pixels = new Uint8Array(setup.slots.pixels, slots.offset(slot), setup.pixelBytes);
      if (!fill(mark)) return false;
      if (decoder.decode(mark) !== FRAME_MARK) throw new Error("a frame does not begin where it should");
      if (!fill(pixels)) return false;
      send({ type: "frame", slot, number, pts });
    }
    if (last?.pts !== undefined && last.pts > setup.lastPts) return true;
  }
}

try {
  enlargePipe(setup.frames);
  const tooLong = readFrames();
  send({ type: "end", lastPts: seenLastPts, tooLong });
} catch (thrown) {
  send({ type: "failed", message: thrown instanceof Error ? thrown.message : String(thrown) });
}
