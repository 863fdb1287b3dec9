/**
 * Whether an MP4 or QuickTime file keeps its media elsewhere. ffmpeg is told not to follow such references and would then show
 * what it finds at the same place of the file itself: refusing is plainer.
 */
import type { FileHandle } from "node:fs/promises";

/** Boxes that lead to the data references (ISO 14496-12, 8.7.2), from the outside in. */
const WAY = ["moov", "trak", "mdia", "minf", "dinf", "dref"] as const;
/** Flag of an entry: the media is in this file. */
const SELF_CONTAINED = 1;
/** Boxes that are looked at; files have some tens, fragmented ones thousands outside of the movie box. */
const MOST_BOXES = 100_000;

interface Box {
  readonly name: string;
  /** Where its content begins and where it ends. */
  readonly start: number;
  readonly end: number;
}

/** True when a track of the file refers to another file or an address. Reads headers of boxes only. */
export async function hasExternalMedia(file: FileHandle): Promise<boolean> {
  const budget = { boxes: MOST_BOXES };
  return anyExternal(file, { name: "", start: 0, end: (await file.stat()).size }, 0, budget);
}

async function anyExternal(file: FileHandle, parent: Box, depth: number, budget: { boxes: number }): Promise<boolean> {
  if (depth === WAY.length) return hasExternalEntry(file, parent, budget);
  for await (const box of boxesIn(file, parent, budget)) {
    if (box.name === WAY[depth] && (await anyExternal(file, box, depth + 1, budget))) return true;
  }
  return false;
}

async function hasExternalEntry(file: FileHandle, dref: Box, budget: { boxes: number }): Promise<boolean> {
  // Version, flags and the count of entries come first.
  for await (const entry of boxesIn(file, { ...dref, start: dref.start + 8 }, budget)) {
    const head = await bytesAt(file, entry.start, 4);
    const says = entry.end - entry.start > 5;
    // Some writers forget the flag, but then they name nothing either.
    if (head && says && (head.getUint32(0) & SELF_CONTAINED) === 0) return true;
  }
  return false;
}

async function* boxesIn(file: FileHandle, parent: Box, budget: { boxes: number }): AsyncGenerator<Box> {
  for (let at = parent.start; at + 8 <= parent.end && budget.boxes-- > 0; ) {
    const head = await bytesAt(file, at, 16);
    if (!head) return;
    const name = String.fromCharCode(...[4, 5, 6, 7].map((index) => head.getUint8(index)));
    const short = head.getUint32(0);
    const size = short === 1 ? Number(head.getBigUint64(8)) : short === 0 ? parent.end - at : short;
    const header = short === 1 ? 16 : 8;
    if (size < header) return;
    yield { name, start: at + header, end: Math.min(at + size, parent.end) };
    at += size;
  }
}

/** Bytes of the file, zeros past its end; undefined when there are none. */
async function bytesAt(file: FileHandle, position: number, length: number): Promise<DataView | undefined> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytesRead === 0 ? undefined : new DataView(bytes.buffer);
}
