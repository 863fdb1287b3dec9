/** The side of the flushing thread that asks: see `sqlite-log.ts` and `sqlite-flushing-thread.ts`. */
import { fdatasync } from "node:fs";
import type { FromFlushingThread, ToFlushingThread } from "./sqlite-flushing-thread.ts";
import { DiskThread, LONGEST_MS } from "./sqlite-thread.ts";

/**
 * Flushes before there is a thread of its own for them. The runtime's threads do the first: a command that writes once is
 * done before another could start. Later they are busy decoding pictures, which commits would wait behind.
 */
const FIRST = 50;

/** Brings what was written to open files to the disk. */
export class FlushingThread {
  readonly #entry: URL;
  readonly #longestMs: number;
  #flushes = 0;
  #thread: DiskThread<ToFlushingThread, FromFlushingThread> | undefined;

  /** `longestMs`: how long a flush may take. */
  constructor(entry = new URL("./sqlite-flushing-thread.ts", import.meta.url), longestMs = LONGEST_MS) {
    this.#entry = entry;
    this.#longestMs = longestMs;
  }

  /** Resolves when all that was written to the open file before the call is on the disk; rejects when the disk failed. */
  async flush(file: number): Promise<void> {
    if (++this.#flushes <= FIRST) return this.#flushHere(file);
    if (this.#thread?.hasEnded !== false) {
      this.#thread = new DiskThread(this.#entry, { longestMs: this.#longestMs });
    }
    const failure = await this.#thread.ask(file);
    if (failure === "") return;
    if (failure !== undefined) throw new Error(failure);
    // It died, or does not answer; the next one is started when some more were flushed without it.
    this.#flushes = 0;
    await this.#flushHere(file);
  }

  #flushHere(file: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("it does not answer")), this.#longestMs);
      fdatasync(file, (error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** When nothing is flushed any more. */
  async close(): Promise<void> {
    if (this.#thread?.hasEnded === false) await this.#thread.stop();
  }
}
