/** A member of groups as a process that gives it work knows it: what it holds, what it has in hand, whether it answers. */
import type { Bus, RequestOptions } from "../../bus/bus.ts";
import type { WireRecord, WireValue } from "../../bus/wire.ts";
import { FacewireError, type PublicError } from "../../errors.ts";
import { type Hello, memberSubject, type Verb } from "./messages.ts";

/** How far a member is with a plan: its workers take it up, they have, or why they could not. */
export type Holding = "taking" | "ready" | PublicError;

/** Carries a question to a member: over the bus, or straight to the member that this process is. */
export type Ask = (verb: Verb, body: WireRecord, options: RequestOptions) => Promise<WireValue>;

/** Milliseconds that a member which refused an item for want of room is left alone. */
const FULL_PAUSE = 100;

/** Milliseconds a member may take to say that it lives; once late it gets no new work, twice late it is given up. */
const PATIENCE = [700, 1_300] as const;

/** What comes of asking a member whether it lives; `nobody`: nobody listens where it did. */
export type Life = "alive" | "late" | "silent" | "nobody" | "unknown";

/** See the file's head. */
export class RemoteMember {
  readonly id: string;
  /** It is this very process. */
  readonly isLocal: boolean;
  readonly ask: Ask;
  /** By the key of a plan. */
  readonly holding = new Map<string, Holding>();
  /** Fires when it is gone: nobody waits for its answers any more. */
  readonly gone = new AbortController();
  facts: Hello;
  /** Milliseconds since the epoch at which it was last heard of. */
  heardAt = Date.now();
  /** Items of this process that it has. */
  inHand = 0;
  #fullUntil = 0;
  #late = 0;
  #asking = false;
  #leaving = false;

  constructor(hello: Hello, ask: Ask, isLocal = false) {
    this.id = hello.member;
    this.facts = hello;
    this.ask = ask;
    this.isLocal = isLocal;
    this.#leaving = hello.leaving;
  }

  /** Items it is given at once: what its threads take, and one more for each so that none waits for the bus. */
  get hands(): number {
    const { threads, itemsPerThread } = this.facts;
    return threads * (itemsPerThread + 1);
  }

  /** Whether it takes no new work: it is leaving, or does not answer just now. */
  get isOut(): boolean {
    return this.#leaving || this.#late > 0;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** Whether it may be given an item now; with `alone`, one that is to be the only one. */
  hasRoom(alone: boolean): boolean {
    if (this.isOut || Date.now() < this.#fullUntil) return false;
    return alone ? this.inHand === 0 : this.inHand < this.hands;
  }

  /** How busy it is with items of this process; 1 when every thread has one. */
  get load(): number {
    return this.inHand / this.facts.threads;
  }

  /** It said something of itself. */
  heard(hello: Hello): void {
    this.facts = hello;
    this.heardAt = Date.now();
    if (hello.leaving) this.#leaving = true;
  }

  /** It refused an item because it has no room. */
  noteFull(): void {
    this.#fullUntil = Date.now() + FULL_PAUSE;
  }

  noteLeaving(): void {
    this.#leaving = true;
  }

  /** Asks whether it lives, unless it is being asked; resolves with what that showed. */
  async check(from: string): Promise<Life> {
    if (this.#asking) return "unknown";
    this.#asking = true;
    try {
      const patience = PATIENCE[Math.min(this.#late, PATIENCE.length - 1)] ?? 0;
      await this.ask("alive", { from }, { deadline: Date.now() + patience });
      this.heardAt = Date.now();
      this.#late = 0;
      return "alive";
    } catch (thrown) {
      const { code } = FacewireError.from(thrown);
      if (code === "no_receiver") return "nobody";
      // Says nothing of the member.
      if (code !== "deadline_exceeded") return "unknown";
      this.#late++;
      return this.#late < PATIENCE.length ? "late" : "silent";
    } finally {
      this.#asking = false;
    }
  }
}

/** Asks over the bus. */
export function askOver(bus: Bus, member: string): Ask {
  return (verb, body, options) => bus.request(memberSubject(member, verb), body, options);
}
