/** Folders of tests, gone when the tests are. Scripts that tests start may use them too. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];

/** Removes every folder that was given out. The test runner does not fire `exit`: see `clean-up.ts`. */
export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

process.on("exit", removeTemporaryFolders);

/** A new empty folder that is removed when this process, or the tests that run in it, have ended. */
export function temporaryFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.push(folder);
  return folder;
}
