/** A consumer of a work queue inside one process. */
import { type Backoff, backoffDelay, DEFAULT_BACKOFF } from "./backoff.ts";
import type { ConsumeOptions, Consumer, WorkMessage } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { MemoryQueue, QueueConsumer, StoredWork } from "./memory-queue.ts";

/** Default of `ConsumeOptions.maxDeliver`. */
const MAX_DELIVER = 5;

/** What a consumer waits by. */
export interface ConsumerTiming {
  readonly clock: Clock;
  /** Chance for jitter, 0..1. */
  readonly random: () => number;
}

/** What a consumer tells its bus. */
export interface ConsumerHost {
  acknowledged(): void;
  redelivered(): void;
  deadLettered(): void;
  /** The taker of dead letters failed; it will be called again. */
  deadLetterFailed(work: WorkMessage, error: unknown): void;
  /** It has nothing in hand and takes nothing more. */
  ended(consumer: MemoryConsumer): void;
}

/** See `Consumer`. */
export class MemoryConsumer implements Consumer, QueueConsumer {
  readonly queue: string;
  readonly #store: MemoryQueue;
  readonly #handler: (work: WorkMessage) => Promise<void>;
  readonly #options: ConsumeOptions;
  readonly #backoff: Backoff;
  readonly #timing: ConsumerTiming;
  readonly #host: ConsumerHost;
  /** Work in hand. What is no longer in here has been given to others, and what its handler says no longer counts. */
  readonly #hand = new Set<StoredWork>();
  readonly #closing = new AbortController();
  readonly #drained = Promise.withResolvers<void>();
  #open = true;

  constructor(
    store: MemoryQueue,
    handler: (work: WorkMessage) => Promise<void>,
    options: ConsumeOptions & { readonly queue: string },
    timing: ConsumerTiming,
    host: ConsumerHost,
  ) {
    this.queue = options.queue;
    this.#timing = timing;
    this.#store = store;
    this.#handler = handler;
    this.#options = options;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#host = host;
  }

  get inFlight(): number {
    return this.#hand.size;
  }

  get hasRoom(): boolean {
    return this.#open && this.#hand.size < (this.#options.maxInFlight ?? 1);
  }

  take(work: StoredWork): void {
    this.#hand.add(work);
    work.attempts++;
    void this.#handle(work);
  }

  drain(): Promise<void> {
    this.#end();
    this.#settle();
    return this.#drained.promise;
  }

  close(): void {
    this.#end();
    for (const work of this.#hand) this.#store.putBack(work, 0);
    this.#hand.clear();
    this.#closing.abort();
    this.#settle();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#store.remove(this);
  }

  async #handle(work: StoredWork): Promise<void> {
    const message: WorkMessage = {
      ...work.message,
      attempt: work.attempts,
      key: work.key,
      signal: this.#closing.signal,
    };
    try {
      await this.#handler(message);
    } catch (error) {
      if (this.#hand.has(work)) this.#failed(work, message, error);
      return;
    }
    if (!this.#hand.has(work)) return;
    this.#host.acknowledged();
    this.#letGo(work);
    this.#store.finish(work);
  }

  #failed(work: StoredWork, message: WorkMessage, error: unknown): void {
    const { maxDeliver = MAX_DELIVER, retry } = this.#options;
    if (work.attempts >= maxDeliver || retry?.(error) === false) {
      void this.#giveUp(work, message, error, 1);
      return;
    }
    this.#host.redelivered();
    this.#letGo(work);
    this.#store.putBack(work, backoffDelay(this.#backoff, work.attempts, this.#timing.random));
  }

  async #giveUp(work: StoredWork, message: WorkMessage, error: unknown, tries: number): Promise<void> {
    try {
      await this.#options.onDeadLetter(message, { attempts: work.attempts, error });
    } catch (failure) {
      if (!this.#hand.has(work)) return;
      this.#host.deadLetterFailed(message, failure);
      this.#timing.clock.after(backoffDelay(this.#backoff, tries, this.#timing.random), () => {
        if (this.#hand.has(work)) void this.#giveUp(work, message, error, tries + 1);
      });
      return;
    }
    if (!this.#hand.has(work)) return;
    this.#host.deadLettered();
    this.#letGo(work);
    this.#store.finish(work);
  }

  #letGo(work: StoredWork): void {
    this.#hand.delete(work);
    if (this.#open) this.#store.schedule();
    else this.#settle();
  }

  #settle(): void {
    if (this.#open || this.#hand.size > 0) return;
    this.#host.ended(this);
    this.#drained.resolve();
  }
}
