/**
 * Keeps a fixed number of worker threads alive: starts them, notices when one ends, replaces it after a back-off, stops
 * them by message. It knows nothing of what they work on; that is for the {@link WorkerPoolEvents}.
 *
 * A thread is never terminated from outside: ending one that computes in the native runtime aborts the whole process.
 */
import { Worker } from "node:worker_threads";

/** `lost` is final: the pool starts another worker in its place. */
export type WorkerState = "starting" | "ready" | "lost";

/** One thread. */
export interface PoolWorker<To> {
  /** Place in the pool, 0..size-1; a replacement takes the place of the one that was lost. */
  readonly place: number;
  readonly state: WorkerState;
  post(message: To): void;
}

/** What the owner of a pool is told. */
export interface WorkerPoolEvents<To, From> {
  /** The worker has said that it is ready; it may be given work. */
  onReady(worker: PoolWorker<To>): void;
  onMessage(worker: PoolWorker<To>, message: From): void;
  /** The worker has ended although nobody asked; `cause` is what is known of it. */
  onLost(worker: PoolWorker<To>, cause: string): void;
}

/** How a pool is set up. */
export interface WorkerPoolOptions<To, From> {
  readonly size: number;
  /** Module the threads run; its first message must satisfy `isReady`. */
  readonly entry: URL;
  /** Given to each thread as `workerData`. */
  readonly data: unknown;
  readonly isReady: (message: From) => boolean;
  readonly stopMessage: To;
  readonly events: WorkerPoolEvents<To, From>;
}

/** First and longest wait before a lost worker is replaced, in ms; doubled with each loss in a row. */
const RESTART_DELAY = { first: 50, most: 5_000 } as const;
/** A worker that lived this long (ms) starts the row anew. */
const STABLE_AFTER = 30_000;

/** See the file's head. */
export class WorkerPool<To, From> {
  readonly #options: WorkerPoolOptions<To, From>;
  readonly #workers: Thread<To>[] = [];
  readonly #losses: number[];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #stopping = false;
  #restarts = 0;
  #abandoned = 0;

  constructor(options: WorkerPoolOptions<To, From>) {
    this.#options = options;
    this.#losses = new Array<number>(options.size).fill(0);
    for (let place = 0; place < options.size; place++) this.#start(place);
  }

  /** The workers as they are now, one a place. */
  get workers(): readonly PoolWorker<To>[] {
    return this.#workers;
  }

  /** Workers replaced since the start. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Gives up on a worker that does not answer: another takes its place while the thread is left to itself, because it
   * cannot be ended safely. False when as many that were given up still run as there are places; the worker then stays.
   */
  abandon(place: number, cause: string): boolean {
    const worker = this.#workers[place];
    if (!worker || worker.state === "lost" || this.#abandoned >= this.#options.size) return false;
    this.#abandoned++;
    worker.abandon(() => this.#abandoned--);
    // Should it come back, it ends by itself.
    worker.post(this.#options.stopMessage);
    this.#lose(worker, cause);
    return true;
  }

  /** Threads that were given up and may still run. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** Asks every worker to end when it has nothing to do, and waits for them until `timeoutMs` have passed. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const worker of this.#workers) if (worker.state !== "lost") worker.post(this.#options.stopMessage);
    const ended = Promise.all(this.#workers.map((worker) => worker.ended));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([ended, patience]);
    clearTimeout(timer);
    // A thread that did not end in time must not keep the process from ending.
    for (const worker of this.#workers) worker.unref();
  }

  #start(place: number): void {
    const { entry, data, events, isReady } = this.#options;
    const worker = new Thread<To>(place, entry, data);
    this.#workers[place] = worker;
    worker.onMessage((message) => {
      if (worker.state === "starting" && isReady(message as From)) {
        worker.state = "ready";
        events.onReady(worker);
      } else events.onMessage(worker, message as From);
    });
    worker.onEnd((cause) => {
      if (!this.#stopping) this.#lose(worker, cause);
    });
  }

  #lose(worker: Thread<To>, cause: string): void {
    this.#options.events.onLost(worker, cause);
    this.#replace(worker.place, worker.startedAt);
  }

  #replace(place: number, startedAt: number): void {
    const livedLong = Date.now() - startedAt > STABLE_AFTER;
    const losses = livedLong ? 0 : (this.#losses[place] ?? 0);
    this.#losses[place] = losses + 1;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#restarts++;
        this.#start(place);
      },
      Math.min(RESTART_DELAY.first * 2 ** losses, RESTART_DELAY.most),
    );
    this.#timers.add(timer);
  }
}

class Thread<To> implements PoolWorker<To> {
  readonly place: number;
  readonly startedAt = Date.now();
  readonly ended: Promise<void>;
  state: WorkerState = "starting";
  readonly #worker: Worker;
  #end: (cause: string) => void = () => {};

  constructor(place: number, entry: URL, data: unknown) {
    this.place = place;
    this.#worker = new Worker(entry, { workerData: data });
    let cause = "it ended by itself";
    this.#worker.on("error", (error) => {
      cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.state = "lost";
        this.#end(code === 0 ? cause : `${cause} (exit code ${code})`);
        resolve();
      });
    });
  }

  post(message: To): void {
    this.#worker.postMessage(message);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#worker.on("message", listener);
  }

  onEnd(listener: (cause: string) => void): void {
    this.#end = listener;
  }

  /** Stops listening to it but for its end; it no longer keeps the process from ending. */
  abandon(onEnd: () => void): void {
    this.state = "lost";
    this.#end = onEnd;
    this.#worker.removeAllListeners("message");
    this.#worker.unref();
  }

  unref(): void {
    this.#worker.unref();
  }
}
