/** This process's word that it lives: as long as it renews its lease, nobody else takes what it holds. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { JobWork } from "../store/job-work.ts";

/** How long a lease lasts and how often it is renewed, in milliseconds. */
export interface LeaseTimes {
  readonly lease: number;
  readonly renewal: number;
}

/** A process that is killed is missed within ten seconds; one that is held up for seven loses nothing. */
export const LEASE_TIMES: LeaseTimes = { lease: 10_000, renewal: 3_000 };

/** See the file's head. */
export class Leases {
  /** Names this process among all that ever were. */
  readonly owner = `${hostname()}-${process.pid}-${randomUUID()}`;
  readonly #work: JobWork;
  readonly #times: LeaseTimes;
  readonly #held = new Map<string, () => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(work: JobWork, times: LeaseTimes = LEASE_TIMES) {
    this.#work = work;
    this.#times = times;
  }

  /** When a lease that is taken now runs out; epoch milliseconds. */
  until(): number {
    return Date.now() + this.#times.lease;
  }

  /** Keeps a job or an upload renewed until the answer is called. `onLost`: it is not this process's any more. */
  hold(id: string, onLost: () => void): () => void {
    this.#held.set(id, onLost);
    this.#timer ??= setInterval(() => void this.#renew(), this.#times.renewal);
    return () => {
      this.#held.delete(id);
      if (this.#held.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  async #renew(): Promise<void> {
    const asked = [...this.#held];
    let kept: ReadonlySet<string>;
    try {
      kept = new Set(await this.#work.renew(this.owner, this.until()));
    } catch {
      // The next renewal tries again; whoever writes meanwhile learns what holds.
      return;
    }
    for (const [id, onLost] of asked) if (this.#held.has(id) && !kept.has(id)) onLost();
  }
}
