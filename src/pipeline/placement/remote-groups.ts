/** All groups of an installation as a process that gives them work knows them: who is there, and what they hold. */
import type { DeadLetterSink } from "../../actors/dead-letters.ts";
import type { Bus, Delivery, Subscription } from "../../bus/bus.ts";
import type { WireRecord } from "../../bus/wire.ts";
import { FacewireError, type PublicError } from "../../errors.ts";
import type { Groups } from "../dispatcher.ts";
import { type Plan, planKey } from "../plan.ts";
import type { PlanCosts } from "../plan-costs.ts";
import type { PartHealth } from "../results.ts";
import { Scheduler } from "../scheduler.ts";
import type { GroupMember } from "./group-member.ts";
import { busHealth, groupsHealth } from "./health.ts";
import { announce, checkHello, HELLO, type Hello, WHO } from "./messages.ts";
import type { Parcels } from "./parcels.ts";
import { bury, keepRefused } from "./refused-messages.ts";
import { RemoteGroup, type RemoteGroupHost } from "./remote-group.ts";
import { askOver, RemoteMember } from "./remote-member.ts";
import { contentKey, type Equipment, type Requirements, requirementsOf } from "./requirements.ts";
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

/** Milliseconds between looks at the members: how soon one that died is noticed. */
const LOOK_EVERY = 250;
/** Milliseconds between questions who is there; members drop the plans of a process that does not ask for long. */
const WHO_EVERY = 10_000;
/** Milliseconds without a word after which a member is gone. */
const SILENCE = 5_000;
/** Milliseconds that members get to come back to a bus that was away. */
const RETURN_PATIENCE = 2_000;
/** Longest wait for a member to take up a plan, in milliseconds. */
const DEFINE_PATIENCE = 60_000;
/** Milliseconds after which a member that could not take up a plan is asked once more. */
const DEFINE_AGAIN = 5_000;
/** Milliseconds an item without a place waits for news at most. */
const CHANGE_PATIENCE = 50;
/** Seconds after which a caller may try again. */
const RETRY_AFTER = 1;

/** Codes of a plan that a member was not told of, or whose answer did not come. */
const UNHEARD: ReadonlySet<string> = new Set(["bus_unavailable", "no_receiver", "request_cancelled", "shutting_down"]);

interface Wanted {
  readonly plan: Plan;
  readonly key: string;
  readonly needs: Requirements;
}

interface Group {
  readonly places: RemoteGroup;
  readonly scheduler: Scheduler;
  /** By the key of the plan in this process. */
  readonly wanted: Map<string, Wanted>;
}

/** See the file's head. */
export class RemoteGroups implements Groups {
  readonly #options: RemoteGroupsOptions;
  readonly #members = new Map<string, RemoteMember>();
  readonly #groups = new Map<string, Group>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #subscription: Subscription | undefined;
  #offStatus: () => void = () => {};
  #changes: (() => void)[] = [];
  #runs = 0;
  /** When the bus stood again after it was away, in milliseconds since the epoch. */
  #backAt = 0;

  private constructor(options: RemoteGroupsOptions) {
    this.#options = options;
  }

  /** Begins to listen and asks who is there. @throws FacewireError `bus_unavailable` */
  static async open(options: RemoteGroupsOptions): Promise<RemoteGroups> {
    const groups = new RemoteGroups(options);
    await groups.#listen();
    return groups;
  }

  /** Takes this process as a member of its groups, reached without the bus; resolves when it has taken up what it can. */
  async addLocal(member: GroupMember): Promise<void> {
    await this.#join(new RemoteMember(member.hello, (verb, body) => member.answer(verb, body), true));
  }

  scheduler(group: string): Scheduler {
    return this.#group(group).scheduler;
  }

  async define(name: string, plan: Plan): Promise<void> {
    const group = this.#group(name);
    const wanted = { plan, key: contentKey(plan), needs: requirementsOf(plan, this.#options.equipment) };
    group.wanted.set(planKey(plan), wanted);
    await Promise.all([...this.#membersOf(name)].map((member) => this.#give(member, wanted)));
  }

  forget(name: string, plan: Plan): void {
    const group = this.#group(name);
    const key = planKey(plan);
    const wanted = group.wanted.get(key);
    if (!wanted || !group.wanted.delete(key)) return;
    for (const member of this.#membersOf(name)) {
      member.holding.delete(key);
      this.#tell(member, { from: this.#options.id, key: wanted.key });
    }
    this.#options.costs.forget(key);
  }

  /** What a caller of a pipeline is told when a group cannot take its items. */
  check(name: string, plan: Plan): void {
    const key = planKey(plan);
    const reasons: Record<string, PublicError | string> = {};
    for (const member of this.#membersOf(name)) {
      const holding = member.holding.get(key);
      const reachable = member.isLocal || this.#connected;
      if (reachable && !member.isOut && (holding === "ready" || holding === "taking")) return;
      if (typeof holding === "object") reasons[member.id] = holding;
      else reasons[member.id] = member.leaving ? "It is leaving." : "It does not answer.";
    }
    const details = { group: name, retry_after_s: RETRY_AFTER };
    if (!this.#connected) {
      throw new FacewireError("bus_unavailable", `The bus to the processes of group ${name} cannot be reached now.`, {
        details,
      });
    }
    const message =
      Object.keys(reasons).length === 0
        ? `No process of group ${name} is there.`
        : `No process of group ${name} can run pipeline ${plan.name} now.`;
    throw new FacewireError("group_unavailable", message, { details: { ...details, members: reasons } });
  }

  /** How the bus is and the groups that pipelines send items to. */
  health(): Readonly<Record<"bus" | "groups", PartHealth>> {
    const groups = [...this.#groups].map(([name, { scheduler, wanted }]) => ({
      name,
      waiting: scheduler.waiting,
      members: [...this.#membersOf(name)],
      plans: [...wanted.values()].map(({ plan }) => plan),
    }));
    const hasLocal = [...this.#members.values()].some(({ isLocal }) => isLocal);
    return {
      bus: busHealth(this.#options.bus.status, hasLocal),
      groups: groupsHealth(groups.filter(({ plans }) => plans.length > 0)),
    };
  }

  /** Members by group, for metrics. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#groups.keys()].map((name) => [name, [...this.#membersOf(name)].length]));
  }

  /** Ends; nothing may be sent to the groups any more. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#offStatus();
    this.#subscription?.close();
    for (const [name, { wanted }] of this.#groups) {
      for (const { plan } of [...wanted.values()]) this.forget(name, plan);
    }
  }

  get #connected(): boolean {
    return this.#options.bus.status.kind === "connected";
  }

  get #justBack(): boolean {
    return Date.now() - this.#backAt < RETURN_PATIENCE;
  }

  async #listen(): Promise<void> {
    const { bus, deadLetters } = this.#options;
    const onHello = (delivery: Delivery) =>
      keepRefused(delivery, deadLetters, () => this.#onHello(checkHello(delivery.body)));
    this.#subscription = await bus.subscribe(HELLO, onHello);
    this.#offStatus = bus.onStatus(({ kind }) => {
      if (kind === "connected") this.#onBack();
      this.#changed();
    });
    this.#timers.push(
      setInterval(() => this.#look(), LOOK_EVERY),
      setInterval(() => this.#askWho(), WHO_EVERY),
    );
    this.#askWho();
  }

  #askWho(): void {
    announce(this.#options.bus, WHO, { from: this.#options.id });
  }

  /** Nobody could be heard until now: that says nothing of anybody. */
  #onBack(): void {
    this.#backAt = Date.now();
    for (const member of this.#members.values()) member.heardAt = Date.now();
    for (const member of this.#members.values()) void this.#giveAll(member);
    this.#askWho();
  }

  #onHello(hello: Hello): void {
    const known = this.#members.get(hello.member);
    if (!known) {
      if (!hello.leaving) void this.#join(new RemoteMember(hello, askOver(this.#options.bus, hello.member)));
      return;
    }
    known.heard(hello);
    if (!known.leaving) void this.#giveAll(known);
    else if (known.inHand === 0) this.#left(known);
    this.#changed();
  }

  async #join(member: RemoteMember): Promise<void> {
    this.#members.set(member.id, member);
    this.#options.watcher?.memberJoined?.(member.facts);
    await this.#giveAll(member);
  }

  #left(member: RemoteMember): void {
    if (!this.#members.delete(member.id)) return;
    member.gone.abort();
    this.#options.watcher?.memberLeft?.(member.facts);
  }

  /** A member is gone without a word. */
  #lose(member: RemoteMember, cause: string): void {
    if (this.#members.get(member.id) !== member) return;
    this.#members.delete(member.id);
    member.gone.abort();
    let items = 0;
    for (const { places } of this.#groups.values()) items += places.lose(member, cause);
    if (member.leaving && items === 0) this.#options.watcher?.memberLeft?.(member.facts);
    else this.#options.watcher?.memberLost?.(member.facts, cause, items);
    this.#changed();
  }

  /** Asks every member whether it lives. */
  #look(): void {
    if (!this.#connected) return;
    const silentSince = Date.now() - SILENCE;
    for (const member of this.#members.values()) {
      if (member.isLocal) continue;
      if (member.leaving && member.inHand === 0) this.#left(member);
      else if (member.heardAt < silentSince) this.#lose(member, "nothing was heard of the process");
      else void this.#ask(member);
    }
  }

  async #ask(member: RemoteMember): Promise<void> {
    const wasOut = member.isOut;
    const life = await member.check(this.#options.id);
    if (life === "silent") this.#lose(member, "the process does not answer");
    else if (life === "nobody" && !this.#justBack) this.#lose(member, "nobody listens where the process did");
    else if (wasOut !== member.isOut) this.#changed();
  }

  /** Has a member take up everything its groups are wanted for and it does not hold. */
  async #giveAll(member: RemoteMember): Promise<void> {
    const wanted = member.facts.groups.flatMap((name) => [...(this.#groups.get(name)?.wanted.values() ?? [])]);
    await Promise.all(wanted.map((each) => this.#give(member, each)));
  }

  async #give(member: RemoteMember, { plan, key, needs }: Wanted): Promise<void> {
    const name = planKey(plan);
    if (member.holding.has(name) || member.leaving) return;
    member.holding.set(name, "taking");
    const body = { from: this.#options.id, key, plan: plan as unknown as WireRecord, ...needs };
    try {
      await member.ask("define", body, { deadline: Date.now() + DEFINE_PATIENCE, signal: member.gone.signal });
      if (member.holding.has(name)) member.holding.set(name, "ready");
    } catch (thrown) {
      this.#notTaken(member, plan, FacewireError.from(thrown));
    }
    this.#changed();
  }

  #notTaken(member: RemoteMember, plan: Plan, error: FacewireError): void {
    const name = planKey(plan);
    if (!member.holding.has(name)) return;
    // Says nothing of the plan: it is given again with the next word of the member.
    if (UNHEARD.has(error.code)) {
      member.holding.delete(name);
      return;
    }
    member.holding.set(name, error.toPublic());
    this.#options.watcher?.planRefused?.(member.facts, plan.name, error.message);
    const again = setTimeout(() => {
      if (typeof member.holding.get(name) === "object") member.holding.delete(name);
    }, DEFINE_AGAIN);
    again.unref();
  }

  #tell(member: RemoteMember, body: { readonly from: string; readonly key: string }): void {
    if (!member.isLocal && !this.#connected) return;
    member.ask("forget", body, { deadline: Date.now() + SILENCE }).catch(() => undefined);
  }

  *#membersOf(group: string): Generator<RemoteMember> {
    for (const member of this.#members.values()) if (member.facts.groups.includes(group)) yield member;
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known) return known;
    const wanted = new Map<string, Wanted>();
    const { queue, maxAttempts, deadLetters, costs } = this.#options;
    const places = new RemoteGroup(this.#hostOf(name, wanted), () => this.#changed());
    const scheduler = new Scheduler({
      places,
      maxWaiting: queue.limit,
      maxBytes: queue.maxBytes,
      maxAttempts,
      deadLetters,
      costs,
    });
    const group = { places, scheduler, wanted };
    this.#groups.set(name, group);
    return group;
  }

  #hostOf(name: string, wanted: ReadonlyMap<string, Wanted>): RemoteGroupHost {
    const groups = this;
    const { id, parcels, maxItemBytes, watcher, deadLetters } = this.#options;
    return {
      id,
      parcels,
      maxItemBytes,
      get connected() {
        return groups.#connected;
      },
      get justBack() {
        return groups.#justBack;
      },
      members: () => this.#membersOf(name),
      newRun: () => `${id}-${this.#runs++}`,
      contentKey: (plan) => wanted.get(plan)?.key,
      change: () => this.#nextChange(),
      gone: (member) => this.#lose(member, "nobody listens where the process did"),
      holdsNot: (member, plan) => {
        member.holding.delete(plan);
        void this.#giveAll(member);
      },
      sent: () => watcher?.sent?.(name),
      unreadable: (member, run, answer, error) =>
        bury(
          { id: run, subject: `inference.member.${member.id}.answer`, body: answer as Delivery["body"] },
          error,
          deadLetters,
        ),
    };
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
