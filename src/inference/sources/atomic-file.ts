/** Files that are either there whole or not at all, also when several processes write the same one. */
import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FacewireError } from "../../errors.ts";

/**
 * Writes `path` through a file beside it that is renamed when `write` is done and its bytes are on the disk; on failure
 * the file beside it is removed. Of two writers the later one wins, and readers see one or the other. Rejects with
 * `file_unwritable`, and with whatever `write` throws by itself.
 */
export async function writeAtomically(
  path: string,
  write: (chunk: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  const file = await coded(async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(temporary, "wx");
  });
  try {
    await write((bytes) => coded(() => file.writeFile(bytes)));
    await coded(async () => {
      await file.sync();
      await file.close();
      await rename(temporary, path);
    });
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes a folder that files are to be written into. Rejects with `file_unwritable` when that will not do. */
export function openFolder(folder: string): Promise<void> {
  return coded(async () => {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  });
}

async function coded<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw new FacewireError("file_unwritable", "The cache of models cannot be written (models_cache).", { cause });
  }
}
