/**
 * The thread that reads one video's frames: from ffmpeg's pipe straight into shared memory, so that the main thread neither
 * waits nor copies. It waits in two places only, for data and for a free slot, and both end when the reading does.
 */
import { readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { FrameSlots, type SharedSlots } from "./frame-slots.ts";
import { enlargePipe } from "./pipe-size.ts";
import { FrameLines, type Resumption } from "./selection.ts";

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
  readonly after: Resumption | undefined;
}

/** What it tells. The last word is always `end`, `lost` or `failed`. */
export type FromReader =
  /** Numbers of frames are known. */
  | { readonly type: "anchored" }
  /** The frame to resume at did not come. */
  | { readonly type: "lost" }
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
const lines = new FrameLines(setup.after);
const decoder = new TextDecoder("latin1");
const text = new Uint8Array(64 * 1024);

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

/** Reads frames until they end, and returns the last word. */
function readFrames(): FromReader {
  const mark = new Uint8Array(FRAME_MARK.length);
  let anchored = false;
  let lastPts: number | undefined;
  const end = (tooLong = false): FromReader => ({ type: "end", lastPts, tooLong });
  for (let first = true; ; ) {
    const count = readSync(setup.lines, text, 0, text.length, null);
    if (count === 0) return lines.anchored ? end() : { type: "lost" };
    const chosen = lines.push(decoder.decode(text.subarray(0, count)));
    if (lines.lost) return { type: "lost" };
    if (!anchored && lines.anchored) send({ type: "anchored" });
    anchored = lines.anchored;
    if (lines.last) {
      slots.decoded = lines.last.number + 1;
      lastPts = lines.last.pts ?? lastPts;
    }
    for (const { number, pts } of chosen) {
      if (pts !== undefined && pts > setup.lastPts) return end(true);
      const slot = slots.take();
      if (slot === undefined) return end();
      if (first && !readHeader()) return end();
      first = false;
      if (!fill(mark)) return end();
      if (decoder.decode(mark) !== FRAME_MARK) throw new Error("a frame does not begin where it should");
      if (!fill(new Uint8Array(setup.slots.pixels, slots.offset(slot), setup.pixelBytes))) return end();
      send({ type: "frame", slot, number, pts });
    }
    if (lastPts !== undefined && lastPts > setup.lastPts) return end(true);
  }
}

let lastWord: FromReader;
try {
  enlargePipe(setup.frames);
  lastWord = readFrames();
} catch (thrown) {
  lastWord = { type: "failed", message: thrown instanceof Error ? thrown.message : String(thrown) };
}
send(lastWord);
