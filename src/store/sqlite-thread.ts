/** A thread that waits for the disk in place of the one that answers requests. */
import { Worker } from "node:worker_threads";

/** Answers each message in its turn; it ends no process and keeps none running. */
export class DiskThread<To extends string | number, From> {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #waiting: ((answer: From | undefined) => void)[] = [];
  #hasEnded = false;

  /** `entry`: its module, which has to end it when it is told `stop`. */
  constructor(entry: URL, data?: unknown) {
    this.#worker = new Worker(entry, { workerData: data });
    this.#worker.unref();
    this.#worker.on("message", (answer: From) => this.#waiting.shift()?.(answer));
    // The end follows, which says enough.
    this.#worker.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#hasEnded = true;
        for (const resolve of this.#waiting.splice(0)) resolve(undefined);
        resolve();
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Undefined when the thread died before it answered. Never rejects. */
  ask(message: To): Promise<From | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      // Somebody waits for it.
      this.#worker.ref();
      this.#worker.postMessage(message);
    }).then((answer) => {
      if (this.#waiting.length === 0) this.#worker.unref();
      return answer as From | undefined;
    });
  }

  /** Resolves when it has done what it was asked, and ended. */
  async stop(): Promise<void> {
    this.#worker.ref();
    this.#worker.postMessage("stop");
    await this.#ended;
  }
}
