/**
 * The inference workers as the scheduler sees them: which plans each one holds, how many items it has in hand, how items
 * reach it, are cancelled in it and get slots of named pools.
 */
import { type ErrorCode, FacewireError, type PublicError } from "../errors.ts";
import { type PoolWorker, WorkerPool } from "../inference/worker-pool.ts";
import { type Plan, planKey } from "./plan.ts";
import type { Pool } from "./pools.ts";
import type { FromWorker, ItemOutcome, ItemTask, ToWorker, WorkerSetup } from "./protocol.ts";

/** An item in a worker's hands. */
export interface RunningItem {
  readonly task: Omit<ItemTask, "slot">;
  readonly priority: number;
  onOutcome(outcome: ItemOutcome): void;
  /** The worker ended while it had the item. */
  onLost(cause: string): void;
}

/** How the workers are set up. */
export interface InferenceWorkersOptions {
  readonly size: number;
  /** Items a worker has in hand at once: one computes while the next is decoded. */
  readonly itemsPerWorker: number;
  readonly setup: Omit<WorkerSetup, "cancelled">;
  readonly pools: ReadonlyMap<string, Pool>;
  /** Milliseconds after an item's deadline at which the worker that has not answered is given up. */
  readonly stuckAfterMs: number;
  /** A worker can take another item. */
  onCapacity(): void;
  onLost(place: number, cause: string): void;
  /** A worker, also one that replaced another, could not take up a plan. */
  onPlanFailed(plan: Plan, error: PublicError, internal: string): void;
}

/** Item slots of the shared cancel flags; parked items hold theirs, so there are more than workers hold items. */
const CANCEL_SLOTS = 4096;
/** Milliseconds between looks for workers that do not answer. */
const WATCH_EVERY = 500;
/** Longest wait (ms) for all workers to take up a plan. */
const DEFINE_TIMEOUT = 120_000;

interface InHand {
  readonly item: RunningItem;
  readonly place: number;
  readonly slot: number;
  /** Waits for slots of a pool, so it does not count as work in hand. */
  parked: boolean;
}

interface Lease {
  readonly place: number;
  readonly itemId: string;
  withdraw(): void;
  release?: () => void;
}

interface Definition {
  readonly plan: Plan;
  /** Places that have taken it up. */
  readonly places: Set<number>;
  readonly waiting: { resolve(): void; reject(error: FacewireError): void }[];
}

/** Workers by state; restarts and abandoned ones are counted since the start. */
export interface WorkerCounts {
  readonly size: number;
  readonly ready: number;
  readonly busy: number;
  readonly restarts: number;
  /** Threads that did not answer, were replaced, and may still run. */
  readonly abandoned: number;
}

/** See the file's head. */
export class InferenceWorkers {
  readonly #options: InferenceWorkersOptions;
  readonly #pool: WorkerPool<ToWorker, FromWorker>;
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4 * CANCEL_SLOTS));
  readonly #freeSlots = Array.from({ length: CANCEL_SLOTS }, (_, index) => CANCEL_SLOTS - 1 - index);
  readonly #inHand = new Map<string, InHand>();
  readonly #load: number[];
  readonly #leases: Map<number, Lease>[];
  readonly #definitions = new Map<string, Definition>();
  readonly #watch: ReturnType<typeof setInterval>;
  #stopped = false;

  constructor(options: InferenceWorkersOptions) {
    this.#options = options;
    this.#load = new Array<number>(options.size).fill(0);
    this.#leases = Array.from({ length: options.size }, () => new Map());
    this.#pool = new WorkerPool<ToWorker, FromWorker>({
      size: options.size,
      entry: new URL("./worker.ts", import.meta.url),
      data: { ...options.setup, cancelled: this.#cancelled.buffer },
      isReady: (message) => message.type === "ready",
      stopMessage: { type: "stop" },
      events: {
        onReady: (worker) => {
          for (const [key, { plan }] of this.#definitions) worker.post({ type: "define", key, plan });
        },
        onMessage: (worker, message) => this.#onMessage(worker, message),
        onLost: (worker, cause) => this.#onLost(worker.place, cause),
      },
    });
    this.#watch = setInterval(() => this.#giveUpStuck(), WATCH_EVERY);
    this.#watch.unref();
  }

  /** Workers by state, and how many were replaced. */
  get counts(): WorkerCounts {
    const ready = this.#pool.workers.filter((worker) => worker.state === "ready").length;
    const busy = this.#load.filter((load) => load > 0).length;
    return { size: this.#options.size, ready, busy, restarts: this.#pool.restarts, abandoned: this.#pool.abandoned };
  }

  /**
   * Gives a plan to all workers; resolves when each has built its stages and loaded its models. Rejects with what the
   * first one that could not says; the plan is then forgotten.
   */
  async define(plan: Plan): Promise<void> {
    const key = planKey(plan);
    const definition: Definition = { plan, places: new Set(), waiting: [] };
    this.#definitions.set(key, definition);
    for (const worker of this.#pool.workers) {
      if (worker.state === "ready") worker.post({ type: "define", key, plan });
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        definition.waiting.push({ resolve, reject });
        const late = new FacewireError("pipeline_unavailable", "The workers did not take the pipeline up in time.");
        timer = setTimeout(() => reject(late), DEFINE_TIMEOUT);
      });
    } catch (thrown) {
      this.forget(plan);
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets the workers drop a plan, and models that nothing else uses. Nothing of it may be running. */
  forget(plan: Plan): void {
    const key = planKey(plan);
    this.#definitions.delete(key);
    for (const worker of this.#pool.workers) if (worker.state === "ready") worker.post({ type: "forget", key });
  }

  /** Whether some worker could take an item of this plan now. */
  hasRoom(key: string): boolean {
    return this.#roomiest(key) !== undefined;
  }

  /** Whether any worker holds the plan. */
  holds(key: string): boolean {
    return (this.#definitions.get(key)?.places.size ?? 0) > 0;
  }

  /** Whether any worker has a free hand at all. */
  get anyRoom(): boolean {
    return this.#pool.workers.some((worker) => this.#isFree(worker));
  }

  /** Hands an item to the worker with the least in hand. Throws when {@link hasRoom} is false. */
  run(item: RunningItem): void {
    const worker = this.#roomiest(item.task.plan);
    const slot = this.#freeSlots.pop();
    if (!worker || slot === undefined) throw new FacewireError("internal", "No worker has room for the item.");
    Atomics.store(this.#cancelled, slot, 0);
    this.#inHand.set(item.task.id, { item, place: worker.place, slot, parked: false });
    this.#load[worker.place]!++;
    worker.post({ type: "run", task: { ...item.task, slot } });
  }

  /** Asks the worker to give an item up at its next checkpoint; its outcome still comes. */
  cancel(id: string): void {
    const inHand = this.#inHand.get(id);
    if (!inHand) return;
    Atomics.store(this.#cancelled, inHand.slot, 1);
    // An item that waits for a pool sees no checkpoint: its wait is ended instead.
    for (const [lease, held] of this.#leases[inHand.place] ?? []) {
      if (held.itemId !== id || held.release) continue;
      held.withdraw();
      this.#deny(inHand, lease, new FacewireError("request_cancelled", "The request is no longer wanted."));
    }
  }

  /** Stops the workers cooperatively. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watch);
    await this.#pool.stop(timeoutMs);
  }

  /** A stage that never comes back would cost a worker for good. Items that wait for a pool have their own way out. */
  #giveUpStuck(): void {
    const latest = Date.now() - this.#options.stuckAfterMs;
    for (const { item, place, parked } of this.#inHand.values()) {
      if (parked || item.task.deadline > latest) continue;
      this.#pool.abandon(place, "it did not answer long after the deadline of its work");
    }
  }

  #roomiest(key: string): PoolWorker<ToWorker> | undefined {
    const places = this.#definitions.get(key)?.places;
    if (!places) return undefined;
    let best: PoolWorker<ToWorker> | undefined;
    for (const worker of this.#pool.workers) {
      if (!this.#isFree(worker) || !places.has(worker.place)) continue;
      if (!best || this.#load[worker.place]! < this.#load[best.place]!) best = worker;
    }
    return best;
  }

  #isFree(worker: PoolWorker<ToWorker>): boolean {
    return worker.state === "ready" && this.#load[worker.place]! < this.#options.itemsPerWorker;
  }

  #onMessage(worker: PoolWorker<ToWorker>, message: FromWorker): void {
    switch (message.type) {
      case "defined":
        this.#onDefined(worker.place, message.key, message.error, message.internal ?? "");
        break;
      case "done":
        this.#onDone(message.id, message.outcome);
        break;
      case "acquire":
        this.#onAcquire(worker.place, message);
        break;
      case "release":
        this.#leases[worker.place]?.get(message.lease)?.release?.();
        this.#leases[worker.place]?.delete(message.lease);
        break;
      case "ready":
        break;
    }
  }

  #onDefined(place: number, key: string, error: PublicError | undefined, internal: string): void {
    const definition = this.#definitions.get(key);
    if (!definition) return;
    if (error) {
      const failure = FacewireError.fromPublic(error);
      for (const waiting of definition.waiting.splice(0)) waiting.reject(failure);
      this.#options.onPlanFailed(definition.plan, error, internal);
      return;
    }
    definition.places.add(place);
    if (definition.places.size === this.#options.size) {
      for (const waiting of definition.waiting.splice(0)) waiting.resolve();
    }
    this.#options.onCapacity();
  }

  #onDone(id: string, outcome: ItemOutcome): void {
    const inHand = this.#take(id);
    if (!inHand) return;
    inHand.item.onOutcome(outcome);
    this.#options.onCapacity();
  }

  #onAcquire(place: number, message: Extract<FromWorker, { type: "acquire" }>): void {
    const inHand = this.#inHand.get(message.id);
    const pool = this.#options.pools.get(message.pool);
    if (!inHand || !pool) return;
    const { lease } = message;
    const held: Lease = { place, itemId: message.id, withdraw() {} };
    const leases = this.#leases[place]!;
    leases.set(lease, held);
    try {
      const claim = pool.claim({
        slots: message.slots,
        priority: inHand.item.priority,
        granted: (release) => {
          held.release = release;
          if (inHand.parked) {
            inHand.parked = false;
            this.#load[place]!++;
          }
          this.#pool.workers[place]?.post({ type: "lease", lease });
        },
      });
      held.withdraw = () => claim.withdraw();
      if (claim.immediate) return;
      inHand.parked = true;
      this.#load[place]!--;
      this.#options.onCapacity();
    } catch (thrown) {
      this.#deny(inHand, lease, FacewireError.from(thrown));
    }
  }

  #deny(inHand: InHand, lease: number, error: FacewireError): void {
    this.#leases[inHand.place]?.delete(lease);
    if (inHand.parked) {
      inHand.parked = false;
      this.#load[inHand.place]!++;
    }
    this.#pool.workers[inHand.place]?.post({ type: "lease", lease, error: error.toPublic() });
  }

  #onLost(place: number, cause: string): void {
    for (const held of this.#leases[place]!.values()) {
      held.withdraw();
      held.release?.();
    }
    this.#leases[place] = new Map();
    for (const definition of this.#definitions.values()) definition.places.delete(place);
    this.#options.onLost(place, cause);
    const lost = [...this.#inHand.values()].filter((inHand) => inHand.place === place);
    for (const { item } of lost) this.#take(item.task.id);
    this.#load[place] = 0;
    for (const { item } of lost) item.onLost(cause);
    if (!this.#stopped) this.#options.onCapacity();
  }

  #take(id: string): InHand | undefined {
    const inHand = this.#inHand.get(id);
    if (!inHand) return undefined;
    this.#inHand.delete(id);
    this.#freeSlots.push(inHand.slot);
    if (!inHand.parked) this.#load[inHand.place]!--;
    return inHand;
  }
}

/** Codes after which another try could go better, so that an item is not given up at once. */
export const WORTH_RETRYING: ReadonlySet<ErrorCode> = new Set(["stage_failed", "worker_failed"]);
