/** Which workers hold which plans: gives plans to workers and takes them back, and tries again where one could not. */
import { FacewireError, type PublicError } from "../errors.ts";
import type { PoolWorker } from "../inference/worker-pool.ts";
import { type Plan, planKey } from "./plan.ts";
import type { ToWorker } from "./protocol.ts";

/** Longest wait (ms) for all workers to take up a plan. */
const DEFINE_TIMEOUT = 30_000;

interface HeldPlan {
  readonly plan: Plan;
  /** Places that have taken it up. */
  readonly places: Set<number>;
  /** Why places that replaced others could not take it up. */
  readonly failed: Map<number, PublicError>;
  readonly taken: PromiseWithResolvers<void>;
}

/** See the file's head. */
export class HeldPlans {
  readonly #workers: () => readonly PoolWorker<ToWorker>[];
  readonly #onFailed: (plan: Plan, error: PublicError) => void;
  readonly #held = new Map<string, HeldPlan>();

  constructor(workers: () => readonly PoolWorker<ToWorker>[], onFailed: (plan: Plan, error: PublicError) => void) {
    this.#workers = workers;
    this.#onFailed = onFailed;
  }

  /**
   * Gives a plan to all workers; resolves when each has built its stages and loaded its models. Rejects with what the
   * first one that could not says; the plan is then forgotten.
   */
  async define(plan: Plan): Promise<void> {
    const key = planKey(plan);
    const held: HeldPlan = { plan, places: new Set(), failed: new Map(), taken: Promise.withResolvers() };
    this.#held.set(key, held);
    this.#tell({ type: "define", key, plan });
    const late = new FacewireError("pipeline_unavailable", "The workers did not take the pipeline up in time.");
    const timer = setTimeout(() => held.taken.reject(late), DEFINE_TIMEOUT);
    try {
      await held.taken.promise;
    } catch (thrown) {
      this.forget(plan);
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets the workers drop a plan, and models that nothing else uses, once nothing of it runs any more. */
  forget(plan: Plan): void {
    const key = planKey(plan);
    if (this.#held.delete(key)) this.#tell({ type: "forget", key });
  }

  /** Places whose workers can run the plan. */
  places(key: string): ReadonlySet<number> {
    return this.#held.get(key)?.places ?? NOWHERE;
  }

  /** Why workers that replaced others do not hold the plan. */
  failures(key: string): readonly PublicError[] {
    return [...(this.#held.get(key)?.failed.values() ?? [])];
  }

  /** Gives a new worker everything that is held. */
  give(worker: PoolWorker<ToWorker>): void {
    for (const [key, { plan }] of this.#held) worker.post({ type: "define", key, plan });
  }

  /** Gives plans once more to workers that could not take them up. */
  retry(): void {
    for (const [key, { plan, failed }] of this.#held) {
      for (const worker of this.#workers()) {
        if (failed.delete(worker.place)) worker.post({ type: "define", key, plan });
      }
    }
  }

  /** A worker says whether it has taken a plan up. */
  answered(place: number, key: string, error: PublicError | undefined, internal: string | undefined): void {
    const held = this.#held.get(key);
    if (!held) return;
    if (error) {
      held.failed.set(place, error);
      const { code, message, details } = error;
      held.taken.reject(new FacewireError(code, message, { ...(details && { details }), cause: internal }));
      this.#onFailed(held.plan, error);
      return;
    }
    held.places.add(place);
    if (held.places.size === this.#workers().length) held.taken.resolve();
  }

  /** A worker has ended; the next one at its place starts with nothing. */
  lost(place: number): void {
    for (const { places, failed } of this.#held.values()) {
      places.delete(place);
      failed.delete(place);
    }
  }

  /** Ends the wait of everybody who defines a plan. */
  endWaits(reason: FacewireError): void {
    for (const { taken } of this.#held.values()) taken.reject(reason);
  }

  #tell(message: ToWorker): void {
    for (const worker of this.#workers()) if (worker.state === "ready") worker.post(message);
  }
}

const NOWHERE: ReadonlySet<number> = new Set();
