/** The scan threads as the main thread sees them: asked by message, answered by promise, replaced when one dies. */

import { FacewireError } from "../errors.ts";
import { type PoolWorker, WorkerPool } from "../inference/worker-pool.ts";
import type { FromScanThread, ScanAnswers, ScanThreadData, ThreadState, ToScanThread } from "./messages.ts";
import type { ComparableVersion } from "./versions.ts";

/** How long threads get to finish what they do when they are stopped, in ms. */
const STOP_TIMEOUT = 5_000;

/** A message that is answered, before it has its number. */
type Question = { [T in keyof ScanAnswers]: Omit<Extract<ToScanThread, { readonly type: T }>, "id"> };

/** How they are set up. */
export interface ScanThreadsOptions {
  readonly threads: number;
  readonly versions: readonly ComparableVersion[];
  /** Module of the threads; Facewire's own when absent. */
  readonly entry?: URL;
  /** All threads run and know nothing yet: at the start, and after one was lost. */
  onReady(): void;
  /** One has died; what it was asked has been rejected. */
  onLost(cause: string): void;
}

interface Waiting {
  readonly place: number;
  resolve(answer: never): void;
  reject(error: FacewireError): void;
}

/** See the file's head. */
export class ScanThreads {
  readonly #pool: WorkerPool<ToScanThread, FromScanThread>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #states: ThreadState[];
  readonly #awaiting: { resolve(): void; reject(error: FacewireError): void }[] = [];
  #asked = 0;
  #isStopped = false;

  constructor({ threads, versions, entry, onReady, onLost }: ScanThreadsOptions) {
    this.#states = Array.from({ length: threads }, () => ({ descriptors: 0, bytes: 0 }));
    const ready = () => {
      if (!this.isReady) return;
      for (const { resolve } of this.#awaiting.splice(0)) resolve();
      onReady();
    };
    this.#pool = new WorkerPool({
      size: threads,
      entry: entry ?? new URL("./scan-thread.ts", import.meta.url),
      data: { versions } satisfies ScanThreadData,
      isReady: ({ type }) => type === "ready",
      stopMessage: { type: "stop" },
      events: {
        onReady: ready,
        onMessage: (worker, message) => this.#onMessage(worker, message),
        onLost: (worker, cause) => {
          this.#states[worker.place] = { descriptors: 0, bytes: 0 };
          this.#rejectAll(this.#isStopped ? closed() : lost(cause), worker.place);
          onLost(cause);
        },
      },
    });
  }

  /** Whether all threads run. */
  get isReady(): boolean {
    return this.#pool.workers.every(({ state }) => state === "ready");
  }

  /** Resolves when all threads run; rejects with `shutting_down` when they are ended instead. */
  ready(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    return new Promise((resolve, reject) => this.#awaiting.push({ resolve, reject }));
  }

  get count(): number {
    return this.#states.length;
  }

  /** Of all threads together. */
  get state(): ThreadState {
    let descriptors = 0;
    let bytes = 0;
    for (const state of this.#states) {
      descriptors += state.descriptors;
      bytes += state.bytes;
    }
    return { descriptors, bytes };
  }

  /** Questions to a thread that are not answered yet. */
  waiting(): number {
    return this.#waiting.size;
  }

  /** Makes all threads forget what they hold. */
  reset(): void {
    const threads = this.count;
    for (const worker of this.#pool.workers) worker.post({ type: "reset", place: worker.place, threads });
  }

  /** Asks one thread. Rejects with the error of the thread, or `store_unavailable` when it dies. */
  ask<T extends keyof ScanAnswers>(place: number, question: Question[T]): Promise<ScanAnswers[T]> {
    return new Promise((resolve, reject) => {
      const worker = this.#pool.workers[place];
      if (worker?.state !== "ready" || this.#isStopped) {
        reject(this.#isStopped ? closed() : lost());
        return;
      }
      const id = ++this.#asked;
      this.#waiting.set(id, { place, resolve, reject });
      worker.post({ ...question, id } as ToScanThread);
    });
  }

  /** Asks all threads the same. */
  askAll<T extends keyof ScanAnswers>(question: Question[T]): Promise<ScanAnswers[T][]> {
    return Promise.all(this.#states.map((_, place) => this.ask<T>(place, question)));
  }

  /** Ends them when they have done what they were asked. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { reject } of this.#awaiting.splice(0)) reject(closed());
    await this.#pool.stop(STOP_TIMEOUT);
    this.#rejectAll(closed());
  }

  #onMessage(worker: PoolWorker<ToScanThread>, message: FromScanThread): void {
    if (message.type === "ready") return;
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    if (message.type === "failed") {
      waiting.reject(FacewireError.fromPublic(message.error));
      return;
    }
    if ("bytes" in message.answer) this.#states[worker.place] = message.answer;
    waiting.resolve(message.answer as never);
  }

  #rejectAll(error: FacewireError, place?: number): void {
    for (const [id, waiting] of this.#waiting) {
      if (place !== undefined && waiting.place !== place) continue;
      this.#waiting.delete(id);
      waiting.reject(error);
    }
  }
}

/** What whoever asks a gallery that is ended is rejected with. */
export function closed(): FacewireError {
  return new FacewireError("shutting_down", "The gallery is closed.");
}

function lost(cause?: string): FacewireError {
  const message = "A thread of the gallery has died; the gallery is loaded again.";
  return new FacewireError("store_unavailable", message, { details: { reason: "gallery_thread_lost" }, cause });
}
