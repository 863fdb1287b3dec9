/** The side of the merging thread that asks: see `sqlite-log.ts` and `sqlite-merging-thread.ts`. */
import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { FromMergingThread, MergeMode, MergingSetup, ToMergingThread } from "./sqlite-merging-thread.ts";

/** Starts with the first merge and again with the next one after it died; it ends no process and keeps none running. */
export class MergingThread {
  readonly #setup: MergingSetup;
  readonly #entry: URL;
  #running: Running | undefined;

  /** `path`: of the database, which has to be there. */
  constructor(path: string, entry = new URL("./sqlite-merging-thread.ts", import.meta.url)) {
    const { dev, ino } = statSync(path);
    this.#setup = { path, dev, ino };
    this.#entry = entry;
  }

  /** Whether all of the log is in the database now; else what was not merged is in the log as before. Never rejects. */
  merge(mode: MergeMode): Promise<boolean> {
    if (this.#running?.hasEnded !== false) this.#running = new Running(this.#entry, this.#setup);
    return this.#running.merge(mode);
  }

  /** Empties the log, where the thread was needed at all, and ends it. Never rejects. */
  async close(): Promise<void> {
    if (this.#running?.hasEnded !== false) return;
    await this.#running.merge("truncate");
    await this.#running.stop();
  }
}

class Running {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #waiting: ((isWhole: boolean) => void)[] = [];
  hasEnded = false;

  constructor(entry: URL, setup: MergingSetup) {
    this.#worker = new Worker(entry, { workerData: setup });
    this.#worker.unref();
    this.#worker.on("message", (message: FromMergingThread) => this.#waiting.shift()?.(message));
    // The end follows, which says enough.
    this.#worker.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.hasEnded = true;
        for (const resolve of this.#waiting.splice(0)) resolve(false);
        resolve();
      });
    });
  }

  /** It answers in the order in which it was asked. */
  merge(mode: MergeMode): Promise<boolean> {
    if (this.hasEnded) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#tell(mode);
    });
  }

  async stop(): Promise<void> {
    // Somebody waits for it now.
    this.#worker.ref();
    this.#tell("stop");
    await this.#ended;
  }

  #tell(message: ToMergingThread): void {
    this.#worker.postMessage(message);
  }
}
