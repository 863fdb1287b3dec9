/** A work queue inside one process: what waits, what is being tried again, who works it off, and in what order. */
import { FacewireError } from "../errors.ts";
import type { Accepted, BusMessage } from "./bus.ts";
import type { CancelTimer, Clock } from "./clock.ts";
import { Fifo } from "./fifo.ts";

/** A stored piece of work. */
export interface StoredWork {
  readonly message: BusMessage;
  readonly key: string | undefined;
  /** Deliveries so far. */
  attempts: number;
}

/** What a queue needs of a consumer. */
export interface QueueConsumer {
  readonly hasRoom: boolean;
  take(work: StoredWork): void;
}

/** Bounds of a queue. */
export interface QueueLimits {
  /** Pieces stored, in hand and waiting to be tried again included. */
  readonly maxStored: number;
  /** Milliseconds for which an id is recognised. */
  readonly dedupeWindow: number;
}

/** Stores work and hands it out. Nothing is kept when the process ends: durable is what outlives a consumer here. */
export class MemoryQueue {
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  /** Work that may be handed out now. */
  readonly #ready = new Fifo<StoredWork>();
  /** By key that has work out: the later work of the same key. */
  readonly #lanes = new Map<string, Fifo<StoredWork>>();
  /** Accepted ids, oldest first, with the time of acceptance. */
  readonly #seen = new Map<string, number>();
  readonly #consumers: QueueConsumer[] = [];
  readonly #timers = new Set<CancelTimer>();
  #stored = 0;
  #turn = 0;
  #scheduled = false;

  constructor(clock: Clock, limits: QueueLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Stores work unless its id was seen. @throws FacewireError `overloaded` */
  accept(message: BusMessage, key: string | undefined): Accepted {
    this.#forget();
    if (this.#seen.has(message.id)) return { id: message.id, duplicate: true };
    if (this.#stored >= this.#limits.maxStored) {
      throw new FacewireError("overloaded", "The work queue is full.", { details: { queue: message.subject } });
    }
    this.#seen.set(message.id, this.#clock.now());
    this.#stored++;
    const work: StoredWork = { message, key, attempts: 0 };
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane) lane.push(work);
    else {
      if (key !== undefined) this.#lanes.set(key, new Fifo());
      this.#ready.push(work);
      this.schedule();
    }
    return { id: message.id, duplicate: false };
  }

  add(consumer: QueueConsumer): void {
    this.#consumers.push(consumer);
    this.schedule();
  }

  remove(consumer: QueueConsumer): void {
    const at = this.#consumers.indexOf(consumer);
    if (at >= 0) this.#consumers.splice(at, 1);
  }

  /** The work is done with, one way or the other: the next of its key may go. */
  finish(work: StoredWork): void {
    this.#stored--;
    if (work.key !== undefined) {
      const next = this.#lanes.get(work.key)?.shift();
      if (next) this.#ready.push(next);
      else this.#lanes.delete(work.key);
    }
    this.schedule();
  }

  /** Puts work back at the front after `delay` milliseconds; its key stays held. */
  putBack(work: StoredWork, delay: number): void {
    const cancel = this.#clock.after(delay, () => {
      this.#timers.delete(cancel);
      this.#ready.unshift(work);
      this.schedule();
    });
    this.#timers.add(cancel);
  }

  /** Hands out what can be handed out, soon. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#handOut);
  }

  /** Stops all timers. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  readonly #handOut = (): void => {
    this.#scheduled = false;
    while (this.#ready.length > 0) {
      const consumer = this.#nextConsumer();
      if (!consumer) return;
      consumer.take(this.#ready.shift() as StoredWork);
    }
  };

  #nextConsumer(): QueueConsumer | undefined {
    for (let i = 0; i < this.#consumers.length; i++) {
      const consumer = this.#consumers[this.#turn++ % this.#consumers.length];
      if (consumer?.hasRoom) return consumer;
    }
    return undefined;
  }

  #forget(): void {
    const oldest = this.#clock.now() - this.#limits.dedupeWindow;
    for (const [id, time] of this.#seen) {
      if (time > oldest) return;
      this.#seen.delete(id);
    }
  }
}
