/** Plans of other processes that this one's workers hold, for as long as one of those processes wants them. */
import { FacewireError } from "../../errors.ts";
import type { LocalInference } from "../local-inference.ts";
import { type Plan, planKey } from "../plan.ts";
import type { Define } from "./messages.ts";
import { contentKey, type Equipment, lacking } from "./requirements.ts";

interface ForeignPlan {
  /** As the workers hold it: under a name that no plan of this process has. */
  readonly plan: Plan;
  readonly owners: Set<string>;
  readonly taken: Promise<void>;
  ready: boolean;
}

/** See the file's head. */
export class ForeignPlans {
  readonly #local: LocalInference;
  readonly #equipment: Equipment;
  readonly #plans = new Map<string, ForeignPlan>();
  /** When each process was last heard of, in milliseconds since the epoch. */
  readonly #heard = new Map<string, number>();

  constructor(local: LocalInference, equipment: Equipment) {
    this.#local = local;
    this.#equipment = equipment;
    local.onPlanFailed((failed) => {
      for (const [key, { plan }] of this.#plans) if (planKey(plan) === planKey(failed)) this.#drop(key);
    });
  }

  /** Names of all that are held. */
  get keys(): readonly string[] {
    return [...this.#plans.keys()];
  }

  /**
   * Has the workers take a plan up, unless they have. Rejects with `pipeline_unavailable` and the reason when this process
   * cannot run it with the same results, `message_invalid` when its key is not that of its content, or as the workers say.
   */
  async take({ from, key, plan: written, cards, kinds }: Define): Promise<void> {
    this.heard(from);
    const plan = written as unknown as Plan;
    if (contentKey(plan) !== key) throw new FacewireError("message_invalid", "A plan is not the one its key names.");
    const lack = lacking(plan, { cards, kinds }, this.#equipment);
    if (lack !== undefined) {
      throw new FacewireError("pipeline_unavailable", lack, { details: { pipeline: plan.name, reason: lack } });
    }
    const known = this.#plans.get(key) ?? this.#define(key, plan);
    known.owners.add(from);
    await known.taken;
  }

  /** The plan as the workers know it. Throws `pipeline_unavailable` when they do not hold it. */
  get(key: string): Plan {
    const known = this.#plans.get(key);
    if (known?.ready) return known.plan;
    throw new FacewireError("pipeline_unavailable", "The pipeline is not held by this process.");
  }

  /** A process does not want a plan any more. */
  forget(owner: string, key: string): void {
    const known = this.#plans.get(key);
    known?.owners.delete(owner);
    if (known?.owners.size === 0) this.#drop(key);
  }

  /** A process was heard of. */
  heard(owner: string): void {
    this.#heard.set(owner, Date.now());
  }

  /** Nobody could be heard until now: everybody's time begins anew. */
  heardAll(): void {
    for (const owner of this.#heard.keys()) this.heard(owner);
  }

  /** Drops the plans of processes that were not heard of for so many milliseconds. */
  dropOrphans(patience: number): void {
    const latest = Date.now() - patience;
    for (const [owner, heard] of this.#heard) {
      if (heard > latest) continue;
      this.#heard.delete(owner);
      for (const key of [...this.#plans.keys()]) this.forget(owner, key);
    }
  }

  #define(key: string, plan: Plan): ForeignPlan {
    const own: Plan = { ...plan, version: key.slice(plan.name.length + 1) };
    const taken = this.#local.workers.define(own);
    const foreign: ForeignPlan = { plan: own, owners: new Set(), taken, ready: false };
    this.#plans.set(key, foreign);
    taken.then(
      () => {
        foreign.ready = true;
      },
      () => {
        if (this.#plans.get(key) === foreign) this.#plans.delete(key);
      },
    );
    return foreign;
  }

  #drop(key: string): void {
    const foreign = this.#plans.get(key);
    if (!foreign) return;
    this.#plans.delete(key);
    this.#local.workers.forget(foreign.plan);
    this.#local.costs.forget(planKey(foreign.plan));
  }
}
