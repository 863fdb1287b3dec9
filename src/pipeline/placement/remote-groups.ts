/** All groups of an installation as a process that gives them work knows them: a line of items for each, and its health. */
import type { DeadLetterSink } from "../../actors/dead-letters.ts";
import type { Bus, Delivery } from "../../bus/bus.ts";
import { FacewireError, type PublicError } from "../../errors.ts";
import type { Groups } from "../dispatcher.ts";
import { type Plan, planKey } from "../plan.ts";
import type { PlanCosts } from "../plan-costs.ts";
import type { PartHealth } from "../results.ts";
import { Scheduler } from "../scheduler.ts";
import type { GroupMember } from "./group-member.ts";
import { busHealth, groupsHealth } from "./health.ts";
import { Members } from "./members.ts";
import type { Parcels } from "./parcels.ts";
import { bury } from "./refused-messages.ts";
import { RemoteGroup, type RemoteGroupHost } from "./remote-group.ts";
import { RemoteMember } from "./remote-member.ts";
import type { Equipment } from "./requirements.ts";
import { WantedPlans } from "./wanted-plans.ts";
import type { PlacementWatcher } from "./watcher.ts";

/** What the groups are made of. */
export interface RemoteGroupsOptions {
  /** Unique among all processes of the installation. */
  readonly id: string;
  readonly bus: Bus;
  readonly parcels: Parcels;
  readonly equipment: Omit<Equipment, "pools">;
  readonly costs: PlanCosts;
  readonly queue: { readonly limit: number; readonly maxBytes: number };
  /** Tries before an item is given up. */
  readonly maxAttempts: number;
  /** Most bytes of one item with all that was found on it, on the way out and in. */
  readonly maxItemBytes: number;
  readonly deadLetters: DeadLetterSink;
  readonly watcher?: PlacementWatcher;
}

/** Milliseconds an item without a place waits for news at most. */
const CHANGE_PATIENCE = 50;
/** Seconds after which a caller may try again. */
const RETRY_AFTER = 1;

interface Group {
  readonly places: RemoteGroup;
  readonly scheduler: Scheduler;
  readonly wanted: WantedPlans;
}

/** See the file's head. */
export class RemoteGroups implements Groups {
  readonly #options: RemoteGroupsOptions;
  readonly #members: Members;
  readonly #groups = new Map<string, Group>();
  #changes: (() => void)[] = [];
  #runs = 0;

  private constructor(options: RemoteGroupsOptions) {
    this.#options = options;
    const { id, bus, deadLetters, watcher } = options;
    this.#members = new Members({
      id,
      bus,
      deadLetters,
      ...(watcher && { watcher }),
      onHeard: (member) => this.#giveAll(member),
      onLost: (member, cause) =>
        this.#groups.values().reduce((items, { places }) => items + places.lose(member, cause), 0),
      onAway: () => this.#giveUpWaiting(),
      onChange: () => this.#changed(),
    });
  }

  /** Begins to listen and asks who is there. @throws FacewireError `bus_unavailable` */
  static async open(options: RemoteGroupsOptions): Promise<RemoteGroups> {
    const groups = new RemoteGroups(options);
    await groups.#members.listen();
    return groups;
  }

  /** Takes this process as a member of its groups, reached without the bus; resolves when it has taken up what it can. */
  async addLocal(member: GroupMember): Promise<void> {
    await this.#members.join(new RemoteMember(member.hello, (verb, body) => member.answer(verb, body), true));
  }

  scheduler(group: string): Scheduler {
    return this.#group(group).scheduler;
  }

  async define(name: string, plan: Plan): Promise<void> {
    await this.#group(name).wanted.add(plan, this.#members.of(name));
  }

  forget(name: string, plan: Plan): void {
    this.#group(name).wanted.remove(plan, this.#members.of(name));
    this.#options.costs.forget(planKey(plan));
  }

  check(name: string, plan: Plan): void {
    const { connected } = this.#members;
    const key = planKey(plan);
    const reasons: Record<string, PublicError | string> = {};
    for (const member of this.#members.of(name)) {
      const holding = member.holding.get(key);
      const reachable = member.isLocal || connected;
      if (reachable && !member.isOut && (holding === "ready" || holding === "taking")) return;
      if (typeof holding === "object") reasons[member.id] = holding;
      else reasons[member.id] = member.leaving ? "It is leaving." : "It does not answer.";
    }
    const details = { group: name, retry_after_s: RETRY_AFTER };
    if (!connected) throw busAway(name);
    const message =
      Object.keys(reasons).length === 0
        ? `No process of group ${name} is there.`
        : `No process of group ${name} can run pipeline ${plan.name} now.`;
    throw new FacewireError("group_unavailable", message, { details: { ...details, members: reasons } });
  }

  health(): Readonly<Record<"bus" | "groups", PartHealth>> {
    const groups = [...this.#groups].map(([name, { scheduler, wanted }]) => ({
      name,
      waiting: scheduler.waiting,
      members: [...this.#members.of(name)],
      plans: wanted.plans(),
    }));
    return {
      bus: busHealth(this.#options.bus.status, this.#members.hasLocal),
      groups: groupsHealth(groups.filter(({ plans }) => plans.length > 0)),
    };
  }

  /** How many members each group has. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#groups.keys()].map((name) => [name, [...this.#members.of(name)].length]));
  }

  /** Ends; nothing may be sent to the groups any more. */
  close(): void {
    this.#members.close();
    for (const [name, { wanted }] of this.#groups) for (const plan of wanted.plans()) this.forget(name, plan);
  }

  async #giveAll(member: RemoteMember): Promise<void> {
    await Promise.all(member.facts.groups.map((name) => this.#groups.get(name)?.wanted.giveAll(member)));
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known) return known;
    const { id, equipment, watcher, queue, maxAttempts, deadLetters, costs } = this.#options;
    const onChange = () => this.#changed();
    const wanted = new WantedPlans({ id, equipment, onChange, ...(watcher && { watcher }) });
    const places = new RemoteGroup(this.#hostOf(name, wanted), onChange);
    const { limit: maxWaiting, maxBytes } = queue;
    const scheduler = new Scheduler({ places, maxWaiting, maxBytes, maxAttempts, deadLetters, costs });
    const group = { places, scheduler, wanted };
    this.#groups.set(name, group);
    return group;
  }

  #hostOf(name: string, wanted: WantedPlans): RemoteGroupHost {
    const members = this.#members;
    const { id, parcels, maxItemBytes, watcher, deadLetters } = this.#options;
    return {
      id,
      parcels,
      maxItemBytes,
      get connected() {
        return members.connected;
      },
      get isAway() {
        return members.isAway;
      },
      away: () => busAway(name),
      get justBack() {
        return members.justBack;
      },
      members: () => members.of(name),
      newRun: () => `${id}-${this.#runs++}`,
      contentKey: (plan) => wanted.contentKey(plan),
      change: () => this.#nextChange(),
      gone: (member) => members.lose(member, "nobody listens where the process did"),
      holdsNot: (member, plan) => {
        member.holding.delete(plan);
        void wanted.giveAll(member);
      },
      sent: () => watcher?.sent?.(name),
      unreadable: (member, run, answer, error) => {
        const subject = `inference.member.${member.id}.answer`;
        bury({ id: run, subject, body: answer as Delivery["body"] }, error, deadLetters);
      },
    };
  }

  /** What waits for processes that only the bus leads to is told so: it may have a deadline far off. */
  #giveUpWaiting(): void {
    for (const [name, { scheduler, wanted }] of this.#groups) {
      if (this.#members.of(name).some(({ isLocal }) => isLocal)) continue;
      for (const plan of wanted.plans()) scheduler.failWaiting(plan, busAway(name).toPublic());
    }
    this.#changed();
  }

  /** A member, its room or the bus is not as it was. */
  #changed(): void {
    for (const resolve of this.#changes.splice(0)) resolve();
    // Whoever called may be in the middle of a change.
    queueMicrotask(() => {
      for (const { scheduler } of this.#groups.values()) scheduler.dispatch();
    });
  }

  async #nextChange(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CHANGE_PATIENCE);
    this.#changes.push(resolve);
    await promise;
    clearTimeout(timer);
  }
}

function busAway(group: string): FacewireError {
  return new FacewireError("bus_unavailable", `The bus to the processes of group ${group} cannot be reached now.`, {
    details: { group, retry_after_s: RETRY_AFTER },
  });
}
