/** Time that stands still until a test moves it. */
import type { CancelTimer, Clock } from "../../src/bus/clock.ts";
import { settle } from "./settle.ts";

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

/** A clock whose time is moved by `advance`; starts at a time far from zero so that forgotten bases show. */
export class FakeClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delay: number, action: () => void): CancelTimer {
    const timer = { at: this.#now + Math.max(0, delay), action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have neither fired nor been taken back. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time on, fires what falls due in order, and lets everything that follows from each timer happen. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (let next = this.#nextUntil(end); next; next = this.#nextUntil(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.action();
      await settle();
    }
    this.#now = end;
  }

  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
    return next;
  }
}
