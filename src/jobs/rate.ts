/** How fast a job gets on, over the last seconds: an average over its whole life would hide that it has slowed down. */

/** Milliseconds that are looked back on. */
const WINDOW = 10_000;
/** Milliseconds after which a rate is worth telling. */
const LEAST = 500;

/** Counts things that get done. Times are milliseconds that only grow, such as `performance.now()`. */
export class RateMeter {
  readonly #samples: { readonly time: number; readonly done: number }[];

  /** `done`: what was done before. */
  constructor(time: number, done: number) {
    this.#samples = [{ time, done }];
  }

  /** Things a second, once there is enough to tell. */
  update(time: number, done: number): number | undefined {
    this.#samples.push({ time, done });
    // The oldest sample kept is the youngest one outside of the window.
    while (this.#samples.length > 2 && (this.#samples[1]?.time ?? 0) <= time - WINDOW) this.#samples.shift();
    const first = this.#samples[0];
    if (!first || time - first.time < LEAST) return undefined;
    return ((done - first.done) * 1000) / (time - first.time);
  }

  /** Begins anew: time spent waiting says nothing about the speed. */
  reset(time: number, done: number): void {
    this.#samples.splice(0, this.#samples.length, { time, done });
  }
}
