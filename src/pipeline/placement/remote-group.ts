/**
 * A group of processes as the scheduler sees it: how many items each has in hand, how items reach it, are cancelled in it
 * and are taken back when it ends without a word.
 */
import { FacewireError, type PublicError } from "../../errors.ts";
import type { ItemOutcome } from "../protocol.ts";
import type { RunningItem, WorkPlaces } from "../work-places.ts";
import { outcomeFromWire, taskToWire } from "./item-wire.ts";
import type { Parcels, Wrapped } from "./parcels.ts";
import type { RemoteMember } from "./remote-member.ts";

/** What a group needs of whoever knows all members. */
export interface RemoteGroupHost {
  /** Of this process, for members to know whose items are whose. */
  readonly id: string;
  readonly parcels: Parcels;
  /** Most bytes of one item with all that was found on it. */
  readonly maxItemBytes: number;
  /** Members of the group that can be reached, in no order. */
  members(): Iterable<RemoteMember>;
  /** What members know a plan by; undefined for one that nobody wants any more. */
  contentKey(plan: string): string | undefined;
  /** A name for one try of one item that no other in any process has. */
  newRun(): string;
  /** Whether the bus stands. */
  readonly connected: boolean;
  /** The bus has been away for longer than anybody should wait. */
  readonly isAway: boolean;
  /** The error for what cannot wait any longer for the bus. */
  away(): FacewireError;
  /** The bus stands again only since a moment: a member that nobody hears may not be back yet. */
  readonly justBack: boolean;
  /** Resolves when something may have changed for items without a place, or after a short while. */
  change(): Promise<void>;
  /** Nobody listens where a member did. */
  gone(member: RemoteMember): void;
  /** A member does not hold a plan that it is thought to hold. */
  holdsNot(member: RemoteMember, plan: string): void;
  sent(): void;
  /** An answer could not be read. */
  unreadable(member: RemoteMember, run: string, answer: unknown, error: FacewireError): void;
}

/** Milliseconds after its deadline for which an item's answer is still waited for, so that a late one says why. */
const GRACE = 500;

/** One item in the hands of a member. */
interface OnTheWay {
  readonly item: RunningItem;
  /** The same for every time this try is asked for: the member then knows that it has it. */
  readonly run: string;
  readonly end: AbortController;
  member: RemoteMember | undefined;
  /** Whether a member may have begun with it. */
  asked: boolean;
  cancelled: boolean;
  lost: string | undefined;
}

/** See the file's head. */
export class RemoteGroup implements WorkPlaces {
  readonly #host: RemoteGroupHost;
  readonly #onCapacity: () => void;
  readonly #onTheWay = new Map<string, OnTheWay>();

  constructor(host: RemoteGroupHost, onCapacity: () => void) {
    this.#host = host;
    this.#onCapacity = onCapacity;
  }

  get width(): number {
    let threads = 0;
    for (const member of this.#reachable()) threads += member.facts.threads;
    return Math.max(1, threads);
  }

  get anyRoom(): boolean {
    for (const member of this.#reachable()) if (member.hasRoom(false)) return true;
    return false;
  }

  hasRoom(key: string, alone: boolean): boolean {
    return this.#choose(key, alone) !== undefined;
  }

  holds(key: string): boolean {
    for (const member of this.#reachable()) if (!member.isOut && member.holding.get(key) === "ready") return true;
    return false;
  }

  *inHand(): Generator<string> {
    for (const { item } of this.#onTheWay.values()) yield item.task.plan;
  }

  run(item: RunningItem): void {
    const member = this.#choose(item.task.plan, item.alone);
    if (!member) throw new FacewireError("internal", "No process of the group has room for the item.");
    const onTheWay: OnTheWay = {
      item,
      run: this.#host.newRun(),
      end: new AbortController(),
      member: undefined,
      asked: false,
      cancelled: false,
      lost: undefined,
    };
    this.#onTheWay.set(item.task.id, onTheWay);
    void this.#carry(onTheWay, member);
  }

  cancel(id: string): void {
    const onTheWay = this.#onTheWay.get(id);
    if (!onTheWay) return;
    onTheWay.cancelled = true;
    if (!onTheWay.member) onTheWay.end.abort();
    else {
      const told = onTheWay.member.ask(
        "cancel",
        { run: onTheWay.run },
        { deadline: onTheWay.item.task.deadline + GRACE },
      );
      // Its answer, or its end, comes by the way of every item.
      told.catch(() => undefined);
    }
  }

  /** A member is gone: what it had goes back to the scheduler. Returns how many items that were. */
  lose(member: RemoteMember, cause: string): number {
    const lost = [...this.#onTheWay.values()].filter((each) => each.member === member);
    for (const each of lost) {
      each.lost = cause;
      each.end.abort();
    }
    return lost.length;
  }

  /** Brings an item to members until one has answered, none can any more, or its time is up. */
  async #carry(onTheWay: OnTheWay, first: RemoteMember): Promise<void> {
    const { item } = onTheWay;
    let settle: () => void;
    let wrapped: Wrapped | undefined;
    // Hands are counted from the moment of the choice, or many items would be brought to one.
    take(onTheWay, first);
    try {
      const content = taskToWire(item.task);
      let outcome: ItemOutcome | undefined;
      while (!outcome) {
        const member = onTheWay.member ?? (await this.#place(onTheWay));
        if (!member.isLocal) wrapped ??= this.#host.parcels.wrap(content, this.#host.maxItemBytes);
        outcome = await this.#ask(onTheWay, member, member.isLocal || !wrapped ? { content } : wrapped.body);
      }
      settle = settling(onTheWay, outcome);
    } catch (thrown) {
      const { lost } = onTheWay;
      settle =
        lost === undefined
          ? settling(onTheWay, failure(FacewireError.from(thrown).toPublic()))
          : () => item.onLost(lost);
    }
    wrapped?.forget();
    release(onTheWay);
    this.#onTheWay.delete(item.task.id);
    settle();
    this.#onCapacity();
  }

  /** One question to one member; undefined when another is to be asked, or the same once more. */
  async #ask(onTheWay: OnTheWay, member: RemoteMember, task: Wrapped["body"]): Promise<ItemOutcome | undefined> {
    const { item, run, end } = onTheWay;
    const { plan, deadline } = item.task;
    const key = this.#host.contentKey(plan);
    if (key === undefined) throw new FacewireError("pipeline_unavailable", "The pipeline is no longer held.");
    const { priority, alone } = item;
    const within = deadline - Date.now();
    const body = { from: this.#host.id, run, key, within, priority, alone, task };
    const until = { deadline: deadline + GRACE, signal: end.signal };
    const again = onTheWay.asked;
    try {
      if (!again) this.#host.sent();
      onTheWay.asked = true;
      const answer = await member.ask("run", body, { id: run, ...until });
      return await this.#read(onTheWay, member, answer);
    } catch (thrown) {
      return this.#afterFailure(onTheWay, member, FacewireError.from(thrown), again);
    }
  }

  async #read({ item, run, end }: OnTheWay, member: RemoteMember, answer: unknown): Promise<ItemOutcome> {
    const { parcels, maxItemBytes } = this.#host;
    const until = { deadline: item.task.deadline + GRACE, signal: end.signal };
    try {
      return outcomeFromWire(await parcels.unwrap(answer, { limit: maxItemBytes, ...until }));
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      if (error.code === "message_invalid") this.#host.unreadable(member, run, answer, error);
      throw error;
    }
  }

  /** What follows from a question that was not answered; throws what the item ends with. */
  async #afterFailure(
    onTheWay: OnTheWay,
    member: RemoteMember,
    error: FacewireError,
    again: boolean,
  ): Promise<undefined> {
    if (onTheWay.end.signal.aborted || onTheWay.cancelled) throw error;
    switch (error.code) {
      case "bus_unavailable":
        // It may have the item, and answers the same question once more with the same answer.
        while (!this.#host.connected && !this.#host.isAway) await this.#wait(onTheWay);
        if (this.#host.connected) return undefined;
        // A process that can be reached without the bus may still do it.
        break;
      case "no_receiver":
        if (this.#host.justBack) {
          await this.#wait(onTheWay);
          return undefined;
        }
        this.#host.gone(member);
        if (again) {
          onTheWay.lost = "nobody listens where the process did";
          throw error;
        }
        break;
      case "shutting_down":
        member.noteLeaving();
        break;
      case "overloaded":
        member.noteFull();
        break;
      case "pipeline_unavailable":
        this.#host.holdsNot(member, onTheWay.item.task.plan);
        break;
      case "deadline_exceeded":
      case "message_invalid":
      case "message_too_large":
        throw error;
      default:
        // It failed in a way of its own; another try may go better elsewhere.
        onTheWay.lost = `${error.code}: ${error.message}`;
        throw error;
    }
    release(onTheWay);
    onTheWay.asked = false;
    return undefined;
  }

  /** Waits for a member with room. */
  async #place(onTheWay: OnTheWay): Promise<RemoteMember> {
    const { item } = onTheWay;
    for (;;) {
      const member = this.#choose(item.task.plan, item.alone);
      if (member) {
        take(onTheWay, member);
        return member;
      }
      if (this.#host.isAway && this.#reachable().next().done) throw this.#host.away();
      await this.#wait(onTheWay);
    }
  }

  /** Throws when the item's time is up or nobody wants it. */
  async #wait({ item, end }: OnTheWay): Promise<void> {
    await this.#host.change();
    if (end.signal.aborted) throw new FacewireError("request_cancelled", "The request is no longer wanted.");
    if (Date.now() > item.task.deadline) {
      throw new FacewireError(
        "deadline_exceeded",
        "The deadline passed while no process of the group could be reached.",
      );
    }
  }

  /** This process itself while a thread is free, else the one with the least to do. */
  #choose(key: string, alone: boolean): RemoteMember | undefined {
    let best: RemoteMember | undefined;
    for (const member of this.#reachable()) {
      if (member.holding.get(key) !== "ready" || !member.hasRoom(alone)) continue;
      if (member.isLocal && member.load < 1) return member;
      if (!best || member.load < best.load) best = member;
    }
    return best;
  }

  *#reachable(): Generator<RemoteMember> {
    for (const member of this.#host.members()) if (member.isLocal || this.#host.connected) yield member;
  }
}

function take(onTheWay: OnTheWay, member: RemoteMember): void {
  onTheWay.member = member;
  member.inHand++;
}

function release(onTheWay: OnTheWay): void {
  if (onTheWay.member) onTheWay.member.inHand--;
  onTheWay.member = undefined;
}

function settling({ item, member }: OnTheWay, outcome: ItemOutcome): () => void {
  // Then the worker that had it died there, and it may have been the cause.
  if (outcome.error?.code === "worker_failed")
    return () => item.onLost(outcome.internal ?? outcome.error?.message ?? "");
  const { threads = 1, itemsPerThread = 1 } = member?.facts ?? {};
  const shared = Math.ceil((member?.inHand ?? 1) / threads);
  return () => item.onOutcome(outcome, Math.min(itemsPerThread, Math.max(1, shared)));
}

function failure(error: PublicError): ItemOutcome {
  return { faces: [], decodeMs: 0, times: [], traces: [], error };
}
