/** Time that stands still until a test moves it. */
import type { CancelTimer, Clock } from "../bus/clock.ts";
import { millisecondsOf } from "./duration.ts";

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

interface Repetition {
  readonly period: number;
  readonly action: () => unknown;
  next: number;
}

/** Turns of the event loop that are left to what a timer set going: promises, and immediates behind them. */
const SETTLING_TURNS = 3;

/** A clock whose time is moved by `advance`; starts at a time far from zero so that forgotten bases show. */
export class FakeClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();
  readonly #repetitions = new Set<Repetition>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#now;
  }

  after(delay: number, action: () => void): CancelTimer {
    const timer = { at: this.#now + Math.max(0, delay), action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  every(period: number, action: () => unknown): CancelTimer {
    const repetition = { period, action, next: this.#now + period };
    this.#repetitions.add(repetition);
    return () => this.#repetitions.delete(repetition);
  }

  /** Timers that have neither fired nor been taken back. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Moves time on by milliseconds or a text such as `90s`, `2h` or `30d`, fires what falls due in order, and lets
   * everything that follows from each timer happen in this thread. What is repeated is done once, at the end, however
   * many of its periods have passed.
   */
  async advance(duration: number | string): Promise<void> {
    const end = this.#now + millisecondsOf(duration);
    await settle();
    for (let next = this.#nextUntil(end); next; next = this.#nextUntil(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.action();
      await settle();
    }
    this.#now = end;
    for (const repetition of [...this.#repetitions]) {
      if (repetition.next > end || !this.#repetitions.has(repetition)) continue;
      repetition.next = end + repetition.period;
      await repetition.action();
    }
    await settle();
  }

  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
    return next;
  }
}

/** A clock that stands at `start`: milliseconds since the epoch, or a text that `Date` reads. */
export function fakeClock(start: number | string = "2030-01-01T00:00:00Z"): FakeClock {
  return new FakeClock(typeof start === "number" ? start : Date.parse(start));
}

/** Lets promises and immediates that are under way run: for code that waits for nothing but those. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
