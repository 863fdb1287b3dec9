/** This process's word that it lives: as long as it renews its lease, nobody else takes what it holds. */
import { type CancelTimer, type Clock, systemClock } from "../bus/clock.ts";
import type { JobWork } from "../store/job-work.ts";
import { hasEndedHere, processName } from "../store/process-name.ts";

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
  readonly owner = processName();
  readonly #work: JobWork;
  readonly #times: LeaseTimes;
  readonly #held = new Map<string, () => void>();
  readonly #clock: Clock;
  #cancel: CancelTimer | undefined;

  constructor(work: JobWork, times: LeaseTimes = LEASE_TIMES, clock: Clock = systemClock) {
    this.#work = work;
    this.#times = times;
    this.#clock = clock;
  }

  /** When a lease that is taken now runs out; epoch milliseconds. */
  until(): number {
    return this.#clock.now() + this.#times.lease;
  }

  /** Holders of leases whose process has certainly ended: nobody needs to wait for those to run out. */
  async ended(): Promise<readonly string[]> {
    return (await this.#work.owners()).filter(hasEndedHere);
  }

  /** Keeps a job or an upload renewed until the answer is called. `onLost`: it is not this process's any more. */
  hold(id: string, onLost: () => void): () => void {
    this.#held.set(id, onLost);
    this.#cancel ??= this.#clock.every(this.#times.renewal, () => this.#renew());
    return () => {
      this.#held.delete(id);
      if (this.#held.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
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
