/**
 * The inference workers as the scheduler sees them: how many items each one has in hand, how items reach it, are cancelled
 * in it and are taken back from it when it ends.
 */
import { FacewireError, type PublicError } from "../errors.ts";
import { type PoolWorker, WorkerPool } from "../inference/worker-pool.ts";
import { CancelFlags } from "./cancel-flags.ts";
import { HeldPlans } from "./held-plans.ts";
import { type Plan, planKey } from "./plan.ts";
import type { Pool } from "./pools.ts";
import type { FromWorker, ItemInput, ItemOutcome, ToWorker, WorkerSetup } from "./protocol.ts";
import { type LeaseWish, SlotLeases } from "./slot-leases.ts";
import type { RunningItem, WorkPlaces } from "./work-places.ts";

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
  onPlanFailed(plan: Plan, error: PublicError): void;
}

/** Milliseconds between looks for workers that do not answer. */
const WATCH_EVERY = 500;

/** Starts a place that must fail, none having gone well, before nobody waits for the workers any more. */
const FALSE_STARTS = 2;

interface InHand {
  readonly item: RunningItem;
  readonly place: number;
  /** Its flag among the {@link CancelFlags}. */
  readonly flag: number;
  /** How much of the worker's hands it takes, except while it waits for slots of a pool. */
  readonly hands: number;
}

/** Workers by state; restarts are counted since the start. */
export interface WorkerCounts {
  readonly size: number;
  readonly ready: number;
  readonly busy: number;
  readonly restarts: number;
  /** Threads that did not answer, were replaced, and may still run. */
  readonly abandoned: number;
}

/** See the file's head. */
export class InferenceWorkers implements WorkPlaces {
  readonly #options: InferenceWorkersOptions;
  readonly #pool: WorkerPool<ToWorker, FromWorker>;
  readonly #flags = new CancelFlags();
  readonly #inHand = new Map<string, InHand>();
  readonly #load: number[];
  readonly #leases: SlotLeases;
  readonly #plans: HeldPlans;
  readonly #watch: ReturnType<typeof setInterval>;
  /** Whether any worker ever started well. */
  #everReady = false;
  #falseStarts = 0;
  #stopped = false;

  constructor(options: InferenceWorkersOptions) {
    this.#options = options;
    this.#load = new Array<number>(options.size).fill(0);
    this.#leases = new SlotLeases(options.size, options.pools, {
      onAnswer: (place, lease, error) => this.#answer(place, lease, error),
      onWait: (itemId) => this.#park(itemId),
      onResume: (itemId) => this.#resume(itemId),
    });
    this.#pool = new WorkerPool<ToWorker, FromWorker>({
      size: options.size,
      entry: new URL("./worker.ts", import.meta.url),
      data: { ...options.setup, cancelled: this.#flags.buffer },
      isReady: (message) => message.type === "ready",
      stopMessage: { type: "stop" },
      events: {
        onReady: (worker) => {
          this.#everReady = true;
          this.#plans.give(worker);
        },
        onMessage: (worker, message) => this.#onMessage(worker, message),
        onLost: (worker, cause) => this.#onLost(worker.place, cause),
      },
    });
    this.#plans = new HeldPlans(() => this.#pool.workers, options.onPlanFailed);
    this.#watch = setInterval(() => this.#giveUpStuck(), WATCH_EVERY);
    this.#watch.unref();
  }

  get width(): number {
    return this.#options.size;
  }

  /** Workers by state, and how many were replaced. */
  get counts(): WorkerCounts {
    const ready = this.#pool.workers.filter((worker) => worker.state === "ready").length;
    const busy = this.#load.filter((load) => load > 0).length;
    return { size: this.#options.size, ready, busy, restarts: this.#pool.restarts, abandoned: this.#pool.abandoned };
  }

  /** See {@link HeldPlans.define}. Rejects with `shutting_down` once the workers are stopped. */
  async define(plan: Plan): Promise<void> {
    if (this.#stopped) throw shuttingDown();
    await this.#plans.define(plan);
  }

  /** See {@link HeldPlans.forget}. */
  forget(plan: Plan): void {
    this.#plans.forget(plan);
  }

  /** See {@link HeldPlans.retry}. */
  retry(): void {
    this.#plans.retry();
  }

  /** See {@link HeldPlans.failures}. */
  failures(plan: Plan): readonly PublicError[] {
    return this.#plans.failures(planKey(plan));
  }

  /** Whether some worker could take an item of this plan now; with `alone`, one that has nothing in hand. */
  hasRoom(key: string, alone: boolean): boolean {
    return this.#roomiest(key, this.#handsOf(alone)) !== undefined;
  }

  /** Whether any worker holds the plan. */
  holds(key: string): boolean {
    return this.#plans.places(key).size > 0;
  }

  /** Keys of the plans of all items in hand; those that wait for a pool are not. */
  *inHand(): Generator<string> {
    for (const [id, { item }] of this.#inHand) if (!this.#leases.waits(id)) yield item.task.plan;
  }

  /** Whether any worker has a free hand at all. */
  get anyRoom(): boolean {
    return this.#pool.workers.some((worker) => this.#isFree(worker, 1));
  }

  /** Hands an item to the worker with the least in hand. Throws when {@link hasRoom} is false. */
  run(item: RunningItem): void {
    const hands = this.#handsOf(item.alone);
    const worker = this.#roomiest(item.task.plan, hands);
    const flag = this.#flags.take();
    if (!worker || flag === undefined) throw new FacewireError("internal", "No worker has room for the item.");
    this.#inHand.set(item.task.id, { item, place: worker.place, flag, hands });
    this.#load[worker.place]! += hands;
    worker.post({ type: "run", task: { ...item.task, input: sendable(item.task.input), slot: flag } });
  }

  /** Asks the worker to give an item up at its next checkpoint; its outcome still comes. */
  cancel(id: string): void {
    const inHand = this.#inHand.get(id);
    if (!inHand) return;
    this.#flags.raise(inHand.flag);
    // An item that waits for a pool sees no checkpoint: its wait is ended instead.
    this.#leases.withdraw(inHand.place, id, notWanted());
  }

  /** Stops the workers cooperatively. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watch);
    this.#plans.endWaits(shuttingDown());
    await this.#pool.stop(timeoutMs);
  }

  /** A stage that never comes back would cost a worker for good. Items that wait for a pool have their own way out. */
  #giveUpStuck(): void {
    const latest = Date.now() - this.#options.stuckAfterMs;
    for (const [id, { item, place }] of this.#inHand) {
      if (this.#leases.waits(id) || item.task.deadline > latest) continue;
      this.#pool.abandon(place, "it did not answer long after the deadline of its work");
    }
  }

  #handsOf(alone: boolean): number {
    return alone ? this.#options.itemsPerWorker : 1;
  }

  #roomiest(key: string, hands: number): PoolWorker<ToWorker> | undefined {
    const places = this.#plans.places(key);
    let best: PoolWorker<ToWorker> | undefined;
    for (const worker of this.#pool.workers) {
      if (!places.has(worker.place) || !this.#isFree(worker, hands)) continue;
      if (!best || this.#load[worker.place]! < this.#load[best.place]!) best = worker;
    }
    return best;
  }

  #isFree(worker: PoolWorker<ToWorker>, hands: number): boolean {
    const fits = this.#load[worker.place]! + hands <= this.#options.itemsPerWorker;
    return fits && worker.state === "ready" && this.#flags.anyFree;
  }

  #onMessage(worker: PoolWorker<ToWorker>, message: FromWorker): void {
    switch (message.type) {
      case "defined":
        this.#plans.answered(worker.place, message.key, message.error, message.internal);
        this.#options.onCapacity();
        break;
      case "done":
        this.#onDone(message.id, message.outcome);
        break;
      case "acquire":
        this.#onAcquire(worker.place, message);
        break;
      case "release":
        this.#leases.release(worker.place, message.lease);
        break;
      case "ready":
        break;
    }
  }

  #onDone(id: string, outcome: ItemOutcome): void {
    const load = this.#load[this.#inHand.get(id)?.place ?? 0]!;
    const inHand = this.#take(id);
    if (!inHand) return;
    inHand.item.onOutcome(outcome, Math.max(1, load));
    this.#options.onCapacity();
  }

  #onAcquire(place: number, wish: LeaseWish): void {
    const inHand = this.#inHand.get(wish.id);
    if (!inHand) return;
    if (this.#flags.isRaised(inHand.flag)) this.#answer(place, wish.lease, notWanted());
    else this.#leases.acquire(place, wish, inHand.item.priority);
  }

  #answer(place: number, lease: number, error?: FacewireError): void {
    this.#pool.workers[place]?.post({ type: "lease", lease, ...(error && { error: error.toPublic() }) });
  }

  /** An item that waits for a pool does not count as work in hand. */
  #park(id: string): void {
    const inHand = this.#inHand.get(id);
    if (!inHand) return;
    this.#load[inHand.place]! -= inHand.hands;
    this.#options.onCapacity();
  }

  #resume(id: string): void {
    const inHand = this.#inHand.get(id);
    if (inHand) this.#load[inHand.place]! += inHand.hands;
  }

  #onLost(place: number, cause: string): void {
    this.#leases.lost(place);
    this.#plans.lost(place);
    this.#options.onLost(place, cause);
    if (!this.#everReady && ++this.#falseStarts >= FALSE_STARTS * this.#options.size) {
      const message = `The inference workers cannot start: ${cause.split("\n")[0]}`;
      this.#plans.endWaits(new FacewireError("pipeline_unavailable", message, { cause }));
    }
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
    this.#flags.giveBack(inHand.flag);
    if (!this.#leases.waits(id)) this.#load[inHand.place]! -= inHand.hands;
    return inHand;
  }
}

function shuttingDown(): FacewireError {
  return new FacewireError("shutting_down", "The server is stopping.");
}

function notWanted(): FacewireError {
  return new FacewireError("request_cancelled", "The request is no longer wanted.");
}

/** Bytes with a buffer of their own: a message carries the whole buffer of what it carries a part of. */
function sendable(input: ItemInput): ItemInput {
  if (input.type === "frame" || input.bytes.byteLength === input.bytes.buffer.byteLength) return input;
  return { ...input, bytes: input.bytes.slice() };
}
