/** A thread that waits for the disk in place of the one that answers requests. */
import { Worker } from "node:worker_threads";

/** Milliseconds after which a thread is given up that does not answer: a disk that takes as long will not come back to it. */
export const LONGEST_MS = 60_000;

/** Answers each message in its turn; it ends no process and keeps none running. */
export class DiskThread<To extends string | number, From> {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #longestMs: number;
  #waiting: ((answer: From | undefined) => void)[] = [];
  #hasEnded = false;

  /** `entry`: its module, which has to end it when it is told `stop`. */
  constructor(entry: URL, { data, longestMs = LONGEST_MS }: { readonly data?: unknown; readonly longestMs?: number }) {
    this.#longestMs = longestMs;
    this.#worker = new Worker(entry, { workerData: data });
    this.#worker.unref();
    this.#worker.on("message", (answer: From) => this.#waiting.shift()?.(answer));
    // The end follows, which says enough.
    this.#worker.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#giveUp();
        resolve();
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Undefined when the thread died or was given up before it answered. Never rejects. */
  async ask(message: To): Promise<From | undefined> {
    if (this.#hasEnded) return undefined;
    const timer = setTimeout(() => this.#giveUp(), this.#longestMs);
    try {
      return await new Promise<From | undefined>((resolve) => {
        this.#waiting.push(resolve);
        // Somebody waits for it.
        this.#worker.ref();
        this.#worker.postMessage(message);
      });
    } finally {
      clearTimeout(timer);
      if (this.#waiting.length === 0) this.#worker.unref();
    }
  }

  /** Resolves when it has done what it was asked, and ended; or was given up. */
  async stop(): Promise<void> {
    this.#worker.ref();
    this.#worker.postMessage("stop");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#longestMs);
    });
    await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    this.#giveUp();
    this.#worker.unref();
  }

  #giveUp(): void {
    this.#hasEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}
