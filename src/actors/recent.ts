/** Memory of messages that may come again, so that they are handled once. */
import type { Settled, Work } from "./work.ts";

/** A message that is being handled or waits, or how one has ended. */
export type Remembered = { readonly work: Work } | { readonly settled: Settled };

/** The newest ids; older ones are forgotten. */
export class RecentMessages {
  readonly #capacity: number;
  readonly #byId = new Map<string, Remembered>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  find(id: string): Remembered | undefined {
    return this.#byId.get(id);
  }

  /** Remembers a message as taken. */
  begin(work: Work): void {
    if (this.#capacity === 0) return;
    this.#byId.set(work.id, { work });
    if (this.#byId.size <= this.#capacity) return;
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest);
      return;
    }
  }

  /** Remembers how a message has ended, if it has not been forgotten. */
  end(id: string, settled: Settled): void {
    if (this.#byId.has(id)) this.#byId.set(id, { settled });
  }

  /** Forgets a message that was not handled, so that it may come again. */
  forget(id: string): void {
    this.#byId.delete(id);
  }
}
