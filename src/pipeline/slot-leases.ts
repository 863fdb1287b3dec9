/**
 * Slots of named pools that items in workers hold or wait for. A stage asks by message; it is answered when its pool
 * grants the slots or when its item is given up, and what a worker held goes back to the pools when it ends.
 */
import { FacewireError } from "../errors.ts";
import type { Pool } from "./pools.ts";
import type { FromWorker } from "./protocol.ts";

/** A stage's wish for slots, as it comes from a worker; `lease` is the worker's own number for it. */
export type LeaseWish = Extract<FromWorker, { type: "acquire" }>;

/** What whoever keeps leases is told. */
export interface SlotLeasesEvents {
  /** The worker at `place` is to be told that it has the slots; or, with `error`, why it gets none. */
  onAnswer(place: number, lease: number, error: FacewireError | undefined): void;
  /** A first branch of the item begins to wait. */
  onWait(itemId: string): void;
  /** No branch of the item waits any more; not called for items of a worker that ended. */
  onResume(itemId: string): void;
}

interface Lease {
  readonly itemId: string;
  /** Whether it waits for its slots. */
  waits: boolean;
  withdraw(): void;
  release?: () => void;
}

/** See the file's head. */
export class SlotLeases {
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #events: SlotLeasesEvents;
  /** By place of the worker, then by the worker's number. */
  readonly #leases: Map<number, Lease>[];
  /** How many branches of an item wait. */
  readonly #waiting = new Map<string, number>();

  /** `places`: how many workers there are. */
  constructor(places: number, pools: ReadonlyMap<string, Pool>, events: SlotLeasesEvents) {
    this.#pools = pools;
    this.#events = events;
    this.#leases = Array.from({ length: places }, () => new Map());
  }

  /** Whether a branch of the item waits for slots. */
  waits(itemId: string): boolean {
    return this.#waiting.has(itemId);
  }

  /** Asks the pool for slots; the answer comes at once, later, or never when the wish is withdrawn or the worker ends. */
  acquire(place: number, wish: LeaseWish, priority: number): void {
    const pool = this.#pools.get(wish.pool);
    if (!pool) return;
    const { lease, id: itemId } = wish;
    const held: Lease = { itemId, waits: false, withdraw() {} };
    this.#leases[place]!.set(lease, held);
    try {
      const claim = pool.claim({
        slots: wish.slots,
        priority,
        granted: (release) => {
          held.release = release;
          this.#resume(held);
          this.#events.onAnswer(place, lease, undefined);
        },
      });
      held.withdraw = () => claim.withdraw();
      if (!claim.immediate) this.#wait(held);
    } catch (thrown) {
      this.#deny(place, lease, held, FacewireError.from(thrown));
    }
  }

  /** A stage gives its slots back. */
  release(place: number, lease: number): void {
    this.#leases[place]!.get(lease)?.release?.();
    this.#leases[place]!.delete(lease);
  }

  /** Ends every wait of an item: each of its branches that waits is answered with the error. */
  withdraw(place: number, itemId: string, error: FacewireError): void {
    for (const [lease, held] of this.#leases[place]!) {
      if (held.itemId !== itemId || held.release) continue;
      held.withdraw();
      this.#deny(place, lease, held, error);
    }
  }

  /** A worker has ended: what it waited for and held goes to others. */
  lost(place: number): void {
    const leases = [...this.#leases[place]!.values()];
    this.#leases[place] = new Map();
    for (const held of leases) {
      held.waits = false;
      this.#waiting.delete(held.itemId);
    }
    for (const held of leases) held.withdraw();
    for (const held of leases) held.release?.();
  }

  #wait(held: Lease): void {
    held.waits = true;
    const before = this.#waiting.get(held.itemId) ?? 0;
    this.#waiting.set(held.itemId, before + 1);
    if (before === 0) this.#events.onWait(held.itemId);
  }

  #resume(held: Lease): void {
    if (!held.waits) return;
    held.waits = false;
    const left = (this.#waiting.get(held.itemId) ?? 0) - 1;
    if (left > 0) {
      this.#waiting.set(held.itemId, left);
      return;
    }
    this.#waiting.delete(held.itemId);
    this.#events.onResume(held.itemId);
  }

  #deny(place: number, lease: number, held: Lease, error: FacewireError): void {
    this.#resume(held);
    this.#leases[place]!.delete(lease);
    this.#events.onAnswer(place, lease, error);
  }
}
