/** A recorder that knows when all that it was told is stored. */
import type { EventRecorder, NewEvent } from "./recorder.ts";

/** See the file's head. */
export class ToldEvents implements EventRecorder {
  readonly #recorder: EventRecorder;
  #last: Promise<boolean> = Promise.resolve(true);

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  record(events: readonly NewEvent[]): Promise<boolean> {
    const before = this.#last;
    const recorded = this.#recorder.record(events);
    this.#last = recorded.then(async (stored) => (await before) && stored);
    return recorded;
  }

  /** Resolves when everything told so far is stored, or when the database cannot be used; says which. */
  stored(): Promise<boolean> {
    return this.#last;
  }

  async settled(): Promise<void> {
    if (!(await this.#last)) await this.#recorder.settled();
  }
}
