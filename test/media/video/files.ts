/** Video files that no encoder writes: joined, cut, or with something put into them. */
import { readFile } from "node:fs/promises";
import { videoOf } from "../../support/videos.ts";

/** The bytes of some files one after the other. */
export async function concatenated(name: string, ...paths: readonly string[]): Promise<string> {
  return videoOf(name, Buffer.concat(await Promise.all(paths.map((path) => readFile(path)))));
}

/** The first part of a file. */
export async function cutOff(name: string, path: string, share: number): Promise<string> {
  const bytes = await readFile(path);
  return videoOf(name, bytes.subarray(0, Math.floor(bytes.length * share)));
}

/** A file with some of its bytes replaced by others of the same length. */
export async function altered(name: string, path: string, change: (bytes: Buffer) => void): Promise<string> {
  const bytes = await readFile(path);
  change(bytes);
  return videoOf(name, bytes);
}

/** A chunk of a RIFF file. */
function chunk(name: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, "latin1");
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** An AVI whose second stream is subtitles: a file of its own inside the first packet, as `GAB2` has it. */
export function aviWithSubtitles(name: string, subtitles: string): string {
  const text = Buffer.from(subtitles);
  // Name, version 2, a title of no letters, flags, length.
  const head = Buffer.alloc(17);
  head.write("GAB2");
  head.writeUInt16LE(2, 5);
  head.writeUInt16LE(4, 11);
  head.writeUInt32LE(text.length, 13);
  const packet = Buffer.concat([head, text]);

  const main = Buffer.alloc(56);
  main.writeUInt32LE(40_000, 0);
  main.writeUInt32LE(2, 24);
  const streamHeader = (type: string, handler: string): Buffer => {
    const bytes = Buffer.alloc(56);
    bytes.write(type + handler, "latin1");
    bytes.writeUInt32LE(1, 20);
    bytes.writeUInt32LE(25, 24);
    bytes.writeUInt32LE(1, 32);
    return bytes;
  };
  const bitmap = Buffer.alloc(40);
  bitmap.writeUInt32LE(40, 0);
  bitmap.writeInt32LE(16, 4);
  bitmap.writeInt32LE(16, 8);
  bitmap.writeUInt16LE(1, 12);
  bitmap.writeUInt16LE(24, 14);
  const list = (kind: string, ...parts: Buffer[]) => chunk("LIST", Buffer.concat([Buffer.from(kind), ...parts]));
  const video = list("strl", chunk("strh", streamHeader("vids", "DIB ")), chunk("strf", bitmap));
  const texts = list("strl", chunk("strh", streamHeader("txts", "\0\0\0\0")), chunk("strf", Buffer.alloc(0)));
  const headers = list("hdrl", chunk("avih", main), video, texts);
  const frames = list("movi", chunk("01tx", packet), chunk("00db", Buffer.alloc(16 * 16 * 3, 90)));
  return videoOf(name, chunk("RIFF", Buffer.concat([Buffer.from("AVI "), headers, frames])));
}

/** Has the tracks of an MP4 say that their media lies at an address. */
export async function withReference(
  name: string,
  path: string,
  kind: "url " | "alis",
  target: string,
): Promise<string> {
  const bytes = await readFile(path);
  // The only place: an entry that says "in this file" is 12 bytes of size, name and flags.
  const self = Buffer.from("\0\0\0\x0curl \0\0\0\x01", "latin1");
  const at = bytes.indexOf(self);
  const location = Buffer.from(`${target}\0`);
  const entry = Buffer.alloc(12);
  entry.writeUInt32BE(12 + location.length);
  entry.write(kind, 4, "latin1");
  const grown = Buffer.concat([bytes.subarray(0, at), entry, location, bytes.subarray(at + self.length)]);
  for (const box of ["moov", "trak", "mdia", "minf", "dinf", "dref"]) {
    const start = grown.lastIndexOf(box, at, "latin1") - 4;
    grown.writeUInt32BE(grown.readUInt32BE(start) + location.length, start);
  }
  return videoOf(name, grown);
}
