/** The plans that a group is wanted for, and how its members come to hold them. */
import type { WireRecord } from "../../bus/wire.ts";
import { FacewireError } from "../../errors.ts";
import { type Plan, planKey } from "../plan.ts";
import type { RemoteMember } from "./remote-member.ts";
import { contentKey, type Equipment, type Requirements, requirementsOf } from "./requirements.ts";
import type { PlacementWatcher } from "./watcher.ts";

/** What it needs of the process. */
export interface WantedPlansOptions {
  /** Of this process. */
  readonly id: string;
  readonly equipment: Omit<Equipment, "pools">;
  readonly watcher?: PlacementWatcher;
  /** A member holds a plan, or cannot. */
  onChange(): void;
}

/** Longest wait for a member to take up a plan, in milliseconds. */
const DEFINE_PATIENCE = 60_000;
/** Milliseconds after which a member that could not take up a plan is asked once more, with its next word. */
const DEFINE_AGAIN = 5_000;
/** Longest wait for word that a plan was dropped, in milliseconds. */
const FORGET_PATIENCE = 5_000;

/** Codes of a plan that a member was not told of, or whose answer did not come. */
const UNHEARD: ReadonlySet<string> = new Set(["bus_unavailable", "no_receiver", "request_cancelled", "shutting_down"]);

interface Wanted {
  readonly plan: Plan;
  readonly key: string;
  readonly needs: Requirements;
  /** Why members could not take it up; each reason is told once. */
  readonly told: Set<string>;
}

/** See the file's head. */
export class WantedPlans {
  readonly #options: WantedPlansOptions;
  readonly #wanted = new Map<string, Wanted>();

  constructor(options: WantedPlansOptions) {
    this.#options = options;
  }

  plans(): Plan[] {
    return [...this.#wanted.values()].map(({ plan }) => plan);
  }

  /** What members know a plan by; undefined for one that is not wanted. */
  contentKey(key: string): string | undefined {
    return this.#wanted.get(key)?.key;
  }

  /** Wants a plan; resolves when each of the members has taken it up, or has said why it cannot. */
  async add(plan: Plan, members: Iterable<RemoteMember>): Promise<void> {
    const needs = requirementsOf(plan, this.#options.equipment);
    const wanted = { plan, key: contentKey(plan), needs, told: new Set<string>() };
    this.#wanted.set(planKey(plan), wanted);
    await Promise.all([...members].map((member) => this.#give(member, wanted)));
  }

  /** Does not want a plan any more, and tells the members that can be reached. */
  remove(plan: Plan, members: Iterable<RemoteMember>): void {
    const name = planKey(plan);
    const wanted = this.#wanted.get(name);
    if (!wanted) return;
    this.#wanted.delete(name);
    const body = { from: this.#options.id, key: wanted.key };
    for (const member of members) {
      // One that cannot be told drops it when it has not heard of this process for long.
      if (member.holding.delete(name)) {
        member.ask("forget", body, { deadline: Date.now() + FORGET_PATIENCE }).catch(() => undefined);
      }
    }
  }

  /** Has a member take up all it does not hold. */
  async giveAll(member: RemoteMember): Promise<void> {
    await Promise.all([...this.#wanted.values()].map((wanted) => this.#give(member, wanted)));
  }

  async #give(member: RemoteMember, wanted: Wanted): Promise<void> {
    const { plan, key, needs } = wanted;
    const name = planKey(plan);
    if (member.holding.has(name) || member.leaving) return;
    member.holding.set(name, "taking");
    const body = { from: this.#options.id, key, plan: plan as unknown as WireRecord, ...needs };
    try {
      await member.ask("define", body, { deadline: Date.now() + DEFINE_PATIENCE, signal: member.gone.signal });
      if (member.holding.has(name)) member.holding.set(name, "ready");
    } catch (thrown) {
      this.#notTaken(member, wanted, FacewireError.from(thrown));
    }
    this.#options.onChange();
  }

  #notTaken(member: RemoteMember, { plan, told }: Wanted, error: FacewireError): void {
    const name = planKey(plan);
    if (!member.holding.has(name)) return;
    // Says nothing of the plan: it is given again with the next word of the member.
    if (UNHEARD.has(error.code)) {
      member.holding.delete(name);
      return;
    }
    member.holding.set(name, error.toPublic());
    const reason = `${member.id} ${error.message}`;
    if (!told.has(reason)) this.#options.watcher?.planRefused?.(member.facts, plan.name, error.message);
    told.add(reason);
    const again = setTimeout(() => {
      if (typeof member.holding.get(name) === "object") member.holding.delete(name);
    }, DEFINE_AGAIN);
    again.unref();
  }
}
