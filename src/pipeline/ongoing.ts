/** Counts what is going on, for whoever waits until nothing is. */
export class Ongoing {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  /** Something begins; the result says that it has ended, and may be called again. */
  begin(): () => void {
    this.#count++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#count > 0) return;
      for (const resolve of this.#waiting) resolve();
    };
  }

  /** Resolves when nothing goes on, or after `timeoutMs`. */
  async none(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }
}
