/** Where drawn pictures go: the same names under one folder, never onto a file that was read. */
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { FacewireError } from "../../errors.ts";
import type { FoundInput } from "./find-inputs.ts";

/**
 * A path for the drawn copy of each picture, and a folder for the drawn frames of each video. Drawn pictures are JPEG: a
 * name of another format gets `.jpg` added, two files of the same name get numbers. Throws `usage` when a copy would
 * replace a file that is to be read.
 */
export async function drawnPaths(
  files: readonly Pick<FoundInput, "kind" | "path" | "inside">[],
  folder: string,
): Promise<string[]> {
  const inputs = new Set(await Promise.all(files.map((file) => realpath(file.path))));
  const taken = new Set<string>();
  const paths: string[] = [];
  for (const picture of files) {
    const wanted = join(folder, picture.inside);
    const path = picture.kind === "video" ? freeFolder(wanted, taken) : freePath(wanted, taken);
    taken.add(path);
    const real = await realpath(path).catch(() => resolve(path));
    if (inputs.has(real)) {
      throw new FacewireError(
        "usage",
        `--draw ${folder} would replace ${picture.path}, which is to be read; name another folder.`,
      );
    }
    paths.push(path);
  }
  return paths;
}

/** Where a drawn frame goes in its video's folder. */
export function framePath(folder: string, frame: number): string {
  return join(folder, `frame-${String(frame).padStart(6, "0")}.jpg`);
}

/** Writes a drawn picture, making its folder when needed. */
export async function writeDrawn(path: string, jpeg: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, jpeg);
  } catch (cause) {
    throw new FacewireError("usage", `The drawn picture ${path} cannot be written: ${(cause as Error).message}`, {
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
