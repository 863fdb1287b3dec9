/** An event on its way to those who listen. What was worked out for one of them serves the next. */
import type { StoredEvent } from "../store/events.ts";

/** An event ready to be sent. */
export interface ReadyEvent {
  readonly id: number;
  readonly text: string;
  readonly bytes: number;
}

/** See the file's head. */
export class OutgoingEvent {
  readonly event: StoredEvent;
  /** When it goes out, in epoch milliseconds. */
  readonly now: number;
  readonly #known = new Map<unknown, unknown>();

  constructor(event: StoredEvent, now: number) {
    this.event = event;
    this.now = now;
  }

  /** What `make` gave when it was first asked under this key. */
  once<T>(key: unknown, make: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, make());
    return this.#known.get(key) as T;
  }

  /** The event with this text, which `make` writes when it is first asked under this key. */
  readyOnce(key: unknown, make: () => string): ReadyEvent {
    return this.once(key, () => {
      const text = make();
      return { id: this.event.id, text, bytes: Buffer.byteLength(text) };
    });
  }
}
