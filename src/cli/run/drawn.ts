/** Where drawn pictures and best frames go: the same names under one folder, never onto a file that was read. */
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { FacewireError } from "../../errors.ts";
import type { FoundInput } from "./find-inputs.ts";

/** What is known of a file that is run. */
type ReadFile = Pick<FoundInput, "kind" | "path" | "inside">;

/**
 * A path for the drawn copy of each picture, and a folder for the drawn frames of each video. Drawn pictures are JPEG: a
 * name of another format gets `.jpg` added, two files of the same name get numbers. Throws `usage` when a copy would
 * replace a file that is to be read.
 */
export function drawnPaths(files: readonly ReadFile[], folder: string): Promise<string[]> {
  const wanted = files.map(({ kind, inside }) => ({ inside, free: kind === "video" ? freeFolder : freePath }));
  return pathsIn(folder, "--draw", wanted, files);
}

/** A path for the best frame of each video, as {@link drawnPaths} has them for pictures. `files`: all that are to be read. */
export function bestPaths(videos: readonly ReadFile[], files: readonly ReadFile[], folder: string): Promise<string[]> {
  const wanted = videos.map(({ inside }) => ({ inside, free: freePath }));
  return pathsIn(folder, "--best", wanted, files);
}

/** `free` makes a name that is not taken out of one that may be. */
interface WantedPath {
  readonly inside: string;
  free(wanted: string, taken: ReadonlySet<string>): string;
}

async function pathsIn(
  folder: string,
  option: string,
  wanted: readonly WantedPath[],
  files: readonly ReadFile[],
): Promise<string[]> {
  const inputs = new Map<string, string>();
  for (const { path } of files) inputs.set(await realpath(path), path);
  const taken = new Set<string>();
  for (const { inside, free } of wanted) {
    const path = free(join(folder, inside), taken);
    taken.add(path);
    const replaced = inputs.get(await realpath(path).catch(() => resolve(path)));
    if (replaced !== undefined) {
      throw new FacewireError(
        "usage",
        `${option} ${folder} would replace ${replaced}, which is to be read; name another folder.`,
      );
    }
  }
  return [...taken];
}

/** Where a drawn frame goes in its video's folder. */
export function framePath(folder: string, frame: number): string {
  return join(folder, `frame-${String(frame).padStart(6, "0")}.jpg`);
}

/** Writes a picture, making its folder when needed. Rejects with `usage` where it cannot. */
export async function writeDrawn(path: string, jpeg: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, jpeg);
  } catch (cause) {
    throw new FacewireError("usage", `The picture ${path} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function freeFolder(wanted: string, taken: ReadonlySet<string>): string {
  let path = wanted;
  for (let number = 2; taken.has(path); number++) path = `${wanted}-${number}`;
  return path;
}

function freePath(wanted: string, taken: ReadonlySet<string>): string {
  const named = /\.jpe?g$/i.test(wanted) ? wanted : `${wanted}.jpg`;
  const extension = extname(named);
  const stem = named.slice(0, -extension.length);
  let path = named;
  for (let number = 2; taken.has(path); number++) path = `${stem}-${number}${extension}`;
  return path;
}
