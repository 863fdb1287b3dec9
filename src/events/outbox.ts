/** What waits for one reader: bounded, with one of two rules for a reader that is too slow. */
import type { EventWatcher } from "../observe/reports.ts";
import type { ReadyEvent } from "./outgoing.ts";

/** The connection, as an outbox uses it. */
export interface Outlet {
  send(text: string): void;
  /** Bytes that were sent and that the system has not taken yet. */
  readonly waiting: number;
  /** Runs an action whose sends may go out together. */
  together(action: () => void): void;
  close(code: number, reason: string): void;
}

/** Events that were left out. */
export interface Gap {
  /** They came after this position. */
  readonly after: number;
  /** The last of them. */
  readonly until: number;
  readonly missed: number;
}

/** What may wait. */
export interface OutboxLimits {
  /** An event larger than this still waits alone. */
  readonly bytes: number;
  /** Events; as many as fit when absent. */
  readonly events?: number;
  /**
   * What goes when there is no room. `drop-newest`: what waits goes out, and what comes is left out until half is free.
   * `drop-oldest`: what has waited longest, so that a reader that wakes up is shown what happened last.
   */
  readonly overflow: "drop-newest" | "drop-oldest";
}

/** What an outbox is made of. */
export interface OutboxParts {
  readonly outlet: Outlet;
  readonly limits: OutboxLimits;
  readonly watcher: Pick<EventWatcher, "delivered" | "missed">;
  /** Tells the reader of a gap, at its place between the events. */
  readonly onGap: (gap: Gap) => void;
}

/** Takes events in their order and sends them as the connection takes them. */
export interface Outbox {
  put(events: readonly ReadyEvent[]): void;
  /** The connection took something. */
  drained(): void;
  /** Behind which event somebody has to resume who has what was sent so far; undefined: behind the last that was put. */
  readonly behind: number | undefined;
}

/** An outbox by the rule of its limits. `position`: behind which the events begin. */
export function createOutbox(parts: OutboxParts, position: number): Outbox {
  return parts.limits.overflow === "drop-newest"
    ? new NewestDropped(parts, position)
    : new OldestDropped(parts, position);
}

/** Everything that waits was given to the connection already, which keeps it until the system takes it. */
class NewestDropped implements Outbox {
  readonly #parts: OutboxParts;
  #last: number;
  #gap: Gap | undefined;

  constructor(parts: OutboxParts, position: number) {
    this.#parts = parts;
    this.#last = position;
  }

  get behind(): number | undefined {
    return this.#gap?.after;
  }

  put(events: readonly ReadyEvent[]): void {
    const { outlet, limits, watcher } = this.#parts;
    let [sent, missed] = [0, 0];
    outlet.together(() => {
      this.#tellGap();
      for (const { id, text, bytes } of events) {
        if (!this.#gap && outlet.waiting > 0 && outlet.waiting + bytes > limits.bytes) {
          this.#gap = { after: this.#last, until: id, missed: 0 };
        }
        this.#last = id;
        if (this.#gap) {
          this.#gap = { ...this.#gap, until: id, missed: this.#gap.missed + 1 };
          missed++;
        } else {
          outlet.send(text);
          sent++;
        }
      }
    });
    if (sent > 0) watcher.delivered(sent);
    if (missed > 0) watcher.missed(missed);
  }

  drained(): void {
    this.#tellGap();
  }

  #tellGap(): void {
    const { outlet, limits, onGap } = this.#parts;
    if (!this.#gap || outlet.waiting > limits.bytes / 2) return;
    const gap = this.#gap;
    this.#gap = undefined;
    onGap(gap);
  }
}

/** Bytes the connection is given to hold, where what waits must still be able to go: enough to keep it busy. */
const HANDED_OVER = 64 * 1024;

/** The connection is given little at a time: what it has cannot be taken back. */
class OldestDropped implements Outbox {
  readonly #parts: OutboxParts;
  readonly #waiting: ReadyEvent[] = [];
  #bytes = 0;
  #sent: number;
  #gap: Gap | undefined;

  constructor(parts: OutboxParts, position: number) {
    this.#parts = parts;
    this.#sent = position;
  }

  get behind(): number | undefined {
    return this.#waiting.length > 0 ? this.#sent : undefined;
  }

  put(events: readonly ReadyEvent[]): void {
    for (const event of events) {
      this.#waiting.push(event);
      this.#bytes += event.bytes;
    }
    this.#send();
    this.#dropOldest();
  }

  drained(): void {
    this.#send();
  }

  #send(): void {
    const { outlet, limits, watcher, onGap } = this.#parts;
    const room = Math.min(HANDED_OVER, limits.bytes);
    let sent = 0;
    // While the connection takes everything it never tells that it drained: then there is no end before all is sent.
    while (sent < this.#waiting.length && outlet.waiting < room) {
      outlet.together(() => {
        for (let handed = 0; sent < this.#waiting.length && handed < room; sent++) {
          const event = this.#waiting[sent] as ReadyEvent;
          if (this.#gap) onGap(this.#gap);
          this.#gap = undefined;
          outlet.send(event.text);
          this.#sent = event.id;
          handed += event.bytes;
        }
      });
    }
    for (const { bytes } of this.#waiting.splice(0, sent)) this.#bytes -= bytes;
    if (sent > 0) watcher.delivered(sent);
  }

  #dropOldest(): void {
    const { bytes, events = Number.POSITIVE_INFINITY } = this.#parts.limits;
    let dropped = 0;
    // The newest always stays: it alone may be larger than what may wait.
    while (dropped < this.#waiting.length - 1 && (this.#waiting.length - dropped > events || this.#bytes > bytes)) {
      this.#bytes -= (this.#waiting[dropped] as ReadyEvent).bytes;
      dropped++;
    }
    if (dropped === 0) return;
    const until = (this.#waiting[dropped - 1] as ReadyEvent).id;
    this.#waiting.splice(0, dropped);
    this.#gap = { after: this.#gap?.after ?? this.#sent, until, missed: (this.#gap?.missed ?? 0) + dropped };
    this.#parts.watcher.missed(dropped);
  }
}
