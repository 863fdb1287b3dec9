/**
 * Tells within a process whose credentials ended, so that open connections made with them can be closed. Every request is
 * checked against the database anyway; what another process ends is seen there.
 */

/** What ended. */
export interface Revocation {
  readonly account: string;
  /** Ids of tokens. */
  readonly tokens: readonly string[];
}

/** See the file's head. */
export class Revocations {
  readonly #listeners = new Set<(revocation: Revocation) => void>();

  /** Calls the listener at each revocation; the answer ends that. */
  on(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells all listeners; they must not throw. */
  tell(revocation: Revocation): void {
    for (const listener of this.#listeners) listener(revocation);
  }
}
