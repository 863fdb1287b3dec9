/** Where commands write: results to standard output, everything about the work itself to standard error. */

import { FacewireError } from "../errors.ts";

const watched = new WeakSet<NodeJS.WriteStream>();

/**
 * Writes to standard output and resolves when the text was taken, so that a slow reader slows the command down instead
 * of filling memory. A reader that went away (`| head`) ends the process quietly, as other tools do.
 */
export function print(text: string): Promise<void> {
  return write(process.stdout, text);
}

/** Like {@link print}, with a line feed. */
export function printLine(line = ""): Promise<void> {
  return print(`${line}\n`);
}

/** A line for the person who watches: notes, progress, problems. Never part of a command's result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Resolves when everything written so far has left the process. */
export async function flush(): Promise<void> {
  await Promise.all([write(process.stdout, ""), write(process.stderr, "")]);
}

/** Rejects with `file_unwritable` when the text cannot be written: on a full disk, for example. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  // Each failed write says so itself; the stream's own event would end the process.
  if (!watched.has(stream)) watched.add(stream.on("error", () => {}));
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
      else reject(new FacewireError("file_unwritable", "The output cannot be written.", { cause: error }));
    });
  });
}
