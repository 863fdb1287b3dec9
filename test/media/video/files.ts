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
