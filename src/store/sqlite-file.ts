/** Whether the file of a SQLite database is still the one that was opened. */
import { type Stats, statSync } from "node:fs";
import { FacewireError } from "../errors.ts";

/**
 * Makes the check of a file that is there. It throws `store_unavailable`, reason `file_gone`, when the file was removed or
 * replaced: SQLite itself goes on writing to the one it opened, which nobody will find again. It takes microseconds.
 */
export function fileCheck(file: string): () => void {
  const opened = statSync(file);
  return () => {
    const found = statOf(file);
    if (found?.ino === opened.ino && found.dev === opened.dev) return;
    const message = "The database file was removed or replaced while it was in use; restart when it is in its place.";
    throw new FacewireError("store_unavailable", message, { details: { reason: "file_gone" } });
  };
}

/** Undefined where the file cannot be seen, for whatever reason. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
