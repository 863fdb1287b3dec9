/** The side of the merging thread that asks: see `sqlite-log.ts` and `sqlite-merging-thread.ts`. */
import { statSync } from "node:fs";
import type { FromMergingThread, MergeMode, MergingSetup, ToMergingThread } from "./sqlite-merging-thread.ts";
import { DiskThread } from "./sqlite-thread.ts";

/** Starts with the first merge, and again with the next one after it died. */
export class MergingThread {
  readonly #setup: MergingSetup;
  readonly #entry: URL;
  #thread: DiskThread<ToMergingThread, FromMergingThread> | undefined;

  /** `path`: of the database, which has to be there. */
  constructor(path: string, entry = new URL("./sqlite-merging-thread.ts", import.meta.url)) {
    const { dev, ino } = statSync(path);
    this.#setup = { path, dev, ino };
    this.#entry = entry;
  }

  /** Whether all of the log is in the database now; else what was not merged is in the log as before. Never rejects. */
  async merge(mode: MergeMode): Promise<boolean> {
    if (this.#thread?.hasEnded !== false) this.#thread = new DiskThread(this.#entry, { data: this.#setup });
    return (await this.#thread.ask(mode)) ?? false;
  }

  /** Empties the log, where the thread was needed at all, and ends it. Never rejects. */
  async close(): Promise<void> {
    if (this.#thread?.hasEnded !== false) return;
    await this.#thread.ask("truncate");
    await this.#thread.stop();
  }
}
