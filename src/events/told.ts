/** A recorder that knows when all that it was told is stored. */
import type { EventRecorder, NewEvent } from "./recorder.ts";

/** See the file's head. */
export class ToldEvents implements EventRecorder {
  readonly #recorder: EventRecorder;
  #last: Promise<void> = Promise.resolve();

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  record(events: readonly NewEvent[]): Promise<void> {
    this.#last = this.#recorder.record(events);
    return this.#last;
  }

  /** Resolves when everything told so far is stored: events are stored in the order they are told. */
  stored(): Promise<void> {
    return this.#last;
  }
}
