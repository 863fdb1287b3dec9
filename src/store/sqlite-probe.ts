/** Whether a SQLite database that is in use can be read and written now, and is still the file that was opened. */
import { Database } from "bun:sqlite";
import { isBusy, storeError } from "./sqlite-errors.ts";
import { fileCheck } from "./sqlite-file.ts";

/** A writer that works as it should lets go of the lock within these; pauses in milliseconds. */
const TRIES = 5;
const PAUSE_MS = 20;

/**
 * Makes the probe of an open database. It rejects with `store_unavailable`: reason `file_gone` when the file was removed
 * or replaced, else as SQLite says.
 *
 * It looks through a connection of its own, so that it waits neither for the server's queries nor for their lock.
 */
export function sqliteProbe(file: string): () => Promise<void> {
  const check = fileCheck(file);
  return async () => {
    check();
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
