/** Files that are either there whole or not at all, also when several processes write the same one. */
import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes `path` through a file beside it that is renamed when `write` is done and its bytes are on the disk; on failure
 * the file beside it is removed. Of two writers the later one wins, and readers see one or the other.
 */
export async function writeAtomically(
  path: string,
  write: (chunk: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.part`;
  const file = await open(temporary, "wx");
  try {
    await write(async (bytes) => void (await file.writeFile(bytes)));
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}
