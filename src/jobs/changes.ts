/** Wakes those who follow a job when this process has committed something of it. */

/** See the file's head. */
export class JobChanges {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Wakes everybody who waits for this job. */
  changed(id: string): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const wake of waiting ?? []) wake();
  }

  /** Wakes everybody. */
  all(): void {
    for (const id of [...this.#waiting.keys()]) this.changed(id);
  }

  /** Resolves at the job's next change in this process, and after `ms` at the latest: others may work on it. */
  next(id: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      waiting.add(wake);
    });
  }
}
