/** Whether a SQLite database that is in use can be read and written now, and is still the file that was opened. */
import { Database } from "bun:sqlite";
import { stat } from "node:fs/promises";
import { FacewireError } from "../errors.ts";
import { isBusy, storeError } from "./sqlite-errors.ts";

/** A writer that works as it should lets go of the lock within these; pauses in milliseconds. */
const TRIES = 5;
const PAUSE_MS = 20;

/**
 * Makes the probe of an open database. It rejects with `store_unavailable`: reason `file_gone` when the file was removed
 * or replaced (SQLite itself goes on writing to the one it opened, which nobody will find again), else as SQLite says.
 *
 * It looks through a connection of its own, so that it waits neither for the server's queries nor for their lock.
 */
export async function sqliteProbe(file: string): Promise<() => Promise<void>> {
  const opened = await stat(file);
  return async () => {
    const found = await stat(file).catch(() => undefined);
    if (found?.ino !== opened.ino || found.dev !== opened.dev) {
      const message = "The database file was removed or replaced while it was in use; restart when it is in its place.";
      throw new FacewireError("store_unavailable", message, { details: { reason: "file_gone" } });
    }
    for (let left = TRIES - 1; ; left--) {
      try {
        writeNothing(file);
        return;
      } catch (error) {
        if (left === 0 || !isBusy(error)) throw storeError(error);
      }
      await Bun.sleep(PAUSE_MS);
    }
  };
}

/** Takes the write lock, reads, and gives the lock back. */
function writeNothing(file: string): void {
  const database = new Database(file, { create: false, readwrite: true, strict: true });
  try {
    database.run("begin immediate");
    database.run("select 1 from tokens limit 1");
    database.run("rollback");
  } finally {
    database.close();
  }
}
