/** Named pools: how much of something heavy runs at once, over all workers of the process. */
import { FacewireError } from "../errors.ts";

/** How a pool is set up. */
export interface PoolSettings {
  /** Slots that can be taken at once. */
  readonly slots: number;
  /** Most holders that wait; one more is refused. */
  readonly queue: number;
}

/** A wish for slots. */
export interface PoolClaim {
  readonly slots: number;
  /** 0..9; 9 is served first, equal ones in the order they came. */
  readonly priority: number;
  /** Called once, with the way to give the slots back. */
  readonly granted: (release: () => void) => void;
}

/** A counting semaphore whose waiting line is bounded and in priority order. */
export class Pool {
  readonly name: string;
  readonly #settings: PoolSettings;
  readonly #waiting: PoolClaim[] = [];
  #free: number;

  constructor(name: string, settings: PoolSettings) {
    this.name = name;
    this.#settings = settings;
    this.#free = settings.slots;
  }

  /** Slots there are. */
  get slots(): number {
    return this.#settings.slots;
  }

  /** Slots taken now. */
  get taken(): number {
    return this.#settings.slots - this.#free;
  }

  /** Claims that wait now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Grants the claim now or when its turn comes, and tells which. Nobody of the same or a lower priority overtakes the
   * first in line, also when fewer slots would do, so that a claim for many slots is not starved. Throws `pool_full` when too many wait.
   * `withdraw` takes the claim back while it waits.
   */
  claim(claim: PoolClaim): { readonly immediate: boolean; withdraw(): void } {
    if (claim.slots > this.#settings.slots) {
      throw new FacewireError("internal", `Pool ${this.name} has fewer slots than were asked for.`);
    }
    const behind = this.#waiting.findIndex((other) => other.priority < claim.priority);
    const index = behind < 0 ? this.#waiting.length : behind;
    if (index === 0 && claim.slots <= this.#free) {
      this.#grant(claim);
      return { immediate: true, withdraw() {} };
    }
    if (this.#waiting.length >= this.#settings.queue) {
      throw new FacewireError("pool_full", `Pool ${this.name} is full.`, { details: { pool: this.name } });
    }
    this.#waiting.splice(index, 0, claim);
    return {
      immediate: false,
      withdraw: () => {
        const at = this.#waiting.indexOf(claim);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        this.#serve();
      },
    };
  }

  #grant(claim: PoolClaim): void {
    this.#free -= claim.slots;
    let held = true;
    claim.granted(() => {
      if (!held) return;
      held = false;
      this.#free += claim.slots;
      this.#serve();
    });
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first && first.slots <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#grant(first);
    }
  }
}
