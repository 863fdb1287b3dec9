/** Who is there: the processes that run stages for others, noticed when they come, leave, or end without a word. */
import type { DeadLetterSink } from "../../actors/dead-letters.ts";
import type { Bus, Delivery, Subscription } from "../../bus/bus.ts";
import { announce, checkHello, HELLO, type Hello, WHO } from "./messages.ts";
import { keepRefused } from "./refused-messages.ts";
import { askOver, RemoteMember } from "./remote-member.ts";
import type { PlacementWatcher } from "./watcher.ts";

/** What it needs, and whom it tells. */
export interface MembersOptions {
  /** Of this process. */
  readonly id: string;
  readonly bus: Bus;
  readonly deadLetters: DeadLetterSink;
  readonly watcher?: PlacementWatcher;
  /** A member was heard of: it may not hold everything it should. */
  onHeard(member: RemoteMember): Promise<void>;
  /** A member ended without a word; says how many items it had in hand. */
  onLost(member: RemoteMember, cause: string): number;
  /** The bus has been away for longer than anybody should wait; called again and again until it is back. */
  onAway(): void;
  /** Somebody came, left, or does not answer; or the bus is away or back. */
  onChange(): void;
}

/** Milliseconds between looks at the members: how soon one that died is noticed. */
const LOOK_EVERY = 250;
/** Milliseconds between questions who is there; members drop the plans of a process that does not ask for long. */
const WHO_EVERY = 10_000;
/** Milliseconds without a word after which a member is gone. */
const SILENCE = 5_000;
/** Milliseconds that work waits for a bus that is away: it is back after some 400 when its server was started anew at once. */
const BUS_PATIENCE = 700;
/** Milliseconds that members get to come back to a bus that was away. */
const RETURN_PATIENCE = 2_000;

/** See the file's head. */
export class Members {
  readonly #options: MembersOptions;
  readonly #members = new Map<string, RemoteMember>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #subscription: Subscription | undefined;
  #offStatus: () => void = () => {};
  /** When the bus stood again after it was away, in milliseconds since the epoch. */
  #backAt = 0;
  /** When the bus was lost; undefined while it stands. */
  #awayAt: number | undefined;

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  /** Begins to listen and asks who is there. @throws FacewireError `bus_unavailable` */
  async listen(): Promise<void> {
    const { bus, deadLetters } = this.#options;
    const onHello = (delivery: Delivery) =>
      keepRefused(delivery, deadLetters, () => this.#onHello(checkHello(delivery.body)));
    this.#subscription = await bus.subscribe(HELLO, onHello);
    this.#offStatus = bus.onStatus(({ kind }) => {
      if (kind === "connected") this.#onBack();
      else this.#awayAt ??= Date.now();
      this.#options.onChange();
    });
    this.#timers.push(
      setInterval(() => this.#look(), LOOK_EVERY),
      setInterval(() => this.#askWho(), WHO_EVERY),
    );
    this.#askWho();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#offStatus();
    this.#subscription?.close();
  }

  get connected(): boolean {
    return this.#options.bus.status.kind === "connected";
  }

  /** The bus has been away for longer than anybody should wait. */
  get isAway(): boolean {
    return this.#awayAt !== undefined && Date.now() - this.#awayAt >= BUS_PATIENCE;
  }

  /** The bus stands again only since a moment: a member that nobody hears may not be back yet. */
  get justBack(): boolean {
    return Date.now() - this.#backAt < RETURN_PATIENCE;
  }

  /** Whether this process is a member itself. */
  get hasLocal(): boolean {
    return this.#members.values().some(({ isLocal }) => isLocal);
  }

  *of(group: string): Generator<RemoteMember> {
    for (const member of this.#members.values()) if (member.facts.groups.includes(group)) yield member;
  }

  /** Takes a new one; resolves when it holds what it can. */
  async join(member: RemoteMember): Promise<void> {
    this.#members.set(member.id, member);
    this.#options.watcher?.memberJoined?.(member.facts);
    await this.#options.onHeard(member);
  }

  /** A member is gone without a word. */
  lose(member: RemoteMember, cause: string): void {
    if (this.#members.get(member.id) !== member) return;
    this.#members.delete(member.id);
    member.gone.abort();
    const items = this.#options.onLost(member, cause);
    if (member.leaving && items === 0) this.#options.watcher?.memberLeft?.(member.facts);
    else this.#options.watcher?.memberLost?.(member.facts, cause, items);
    this.#options.onChange();
  }

  #askWho(): void {
    announce(this.#options.bus, WHO, { from: this.#options.id });
  }

  /** Nobody could be heard until now: that says nothing of anybody. */
  #onBack(): void {
    this.#backAt = Date.now();
    this.#awayAt = undefined;
    for (const member of this.#members.values()) {
      member.heardAt = this.#backAt;
      void this.#options.onHeard(member);
    }
    this.#askWho();
  }

  #onHello(hello: Hello): void {
    const known = this.#members.get(hello.member);
    if (!known) {
      if (!hello.leaving) void this.join(new RemoteMember(hello, askOver(this.#options.bus, hello.member)));
      return;
    }
    known.heard(hello);
    if (!known.leaving) void this.#options.onHeard(known);
    else if (known.inHand === 0) this.#left(known);
    this.#options.onChange();
  }

  #left(member: RemoteMember): void {
    if (!this.#members.delete(member.id)) return;
    member.gone.abort();
    this.#options.watcher?.memberLeft?.(member.facts);
  }

  /** Asks every member whether it lives. */
  #look(): void {
    if (this.isAway) this.#options.onAway();
    if (!this.connected) return;
    const silentSince = Date.now() - SILENCE;
    for (const member of this.#members.values()) {
      if (member.isLocal) continue;
      if (member.leaving && member.inHand === 0) this.#left(member);
      else if (member.heardAt < silentSince) this.lose(member, "nothing was heard of the process");
      else void this.#ask(member);
    }
  }

  async #ask(member: RemoteMember): Promise<void> {
    const wasOut = member.isOut;
    const life = await member.check(this.#options.id);
    if (life === "silent") this.lose(member, "the process does not answer");
    else if (life === "nobody" && !this.justBack) this.lose(member, "nobody listens where the process did");
    else if (wasOut !== member.isOut) this.#options.onChange();
  }
}
