/**
 * One who follows events over a connection: first, at its own pace, what it missed since its cursor, read from the
 * database; then what comes. A reader that is too slow for what comes does not fill the memory: once more than the outbox
 * waits for it, events are left out, and as soon as it has read on it is told how many and between which cursors.
 */
import { FacewireError } from "../errors.ts";
import type { EventWatcher } from "../observe/reports.ts";
import type { EventFilter, Events } from "../store/events.ts";
import { cursorText, eventText } from "./event-text.ts";
import type { SubscriptionMessage } from "./messages.ts";

/** The connection, as a subscriber uses it. */
export interface Outlet {
  send(text: string): void;
  /** Bytes that were sent and that the system has not taken yet. */
  readonly waiting: number;
  /** Runs an action whose sends may go out together. */
  together(action: () => void): void;
  close(code: number, reason: string): void;
}

/** An event ready to be sent. */
export interface ReadyEvent {
  readonly id: number;
  readonly text: string;
  readonly bytes: number;
}

/** Where a subscriber is entered when it has caught up. */
export interface Meeting {
  /**
   * Enters it, if it has everything that was handed out before; from then on it is given what follows. False when it
   * has to read on first.
   */
  join(subscriber: Subscriber): boolean;
  /** Takes it away for good. */
  leave(subscriber: Subscriber): void;
}

/** What a subscriber is made of. */
export interface SubscriberParts {
  readonly filter: EventFilter;
  /** The cursor it begins behind. */
  readonly position: number;
  readonly events: Pick<Events, "after">;
  readonly meeting: Meeting;
  /** Bytes that may wait for it. */
  readonly outbox: number;
  readonly watcher: EventWatcher;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Close codes of RFC 6455. */
const GOING_AWAY = 1001;
const TRY_LATER = 1013;
/** Of our own: the cursor expired while it was behind. */
const EXPIRED = 4410;
/** Events read at once while catching up. */
const PAGE = 100;

interface Gap {
  readonly after: number;
  until: number;
  missed: number;
}

/** See the file's head. */
export class Subscriber {
  readonly filter: EventFilter;
  readonly #parts: SubscriberParts;
  #outlet: Outlet | undefined;
  #position: number;
  #gap: Gap | undefined;
  #closed = false;
  #onDrained: () => void = () => {};

  constructor(parts: SubscriberParts) {
    this.filter = parts.filter;
    this.#parts = parts;
    this.#position = parts.position;
  }

  /** All events of its filter up to here were sent or told of as missed. */
  get position(): number {
    return this.#position;
  }

  /** The connection is there: begins. */
  open(outlet: Outlet): void {
    if (this.#closed) return;
    this.#outlet = outlet;
    this.#say({ type: "subscription.started", cursor: cursorText(this.#position) });
    if (!this.#parts.meeting.join(this)) void this.#catchUp();
  }

  /** Sends events of its filter, which follow each other; those it has are passed over. */
  deliver(events: readonly ReadyEvent[]): void {
    const outlet = this.#outlet;
    if (!outlet || this.#closed) return;
    let sent = 0;
    let missed = 0;
    outlet.together(() => {
      this.#tellGap(outlet);
      for (const { id, text, bytes } of events) {
        if (id <= this.#position) continue;
        // An event larger than the whole outbox still goes out alone.
        if (!this.#gap && outlet.waiting > 0 && outlet.waiting + bytes > this.#parts.outbox) {
          this.#gap = { after: this.#position, until: id, missed: 0 };
        }
        this.#position = id;
        if (this.#gap) {
          this.#gap.until = id;
          this.#gap.missed++;
          missed++;
        } else {
          outlet.send(text);
          sent++;
        }
      }
    });
    if (sent > 0) this.#parts.watcher.delivered(sent);
    if (missed > 0) this.#parts.watcher.missed(missed);
  }

  /** The connection took something. */
  drained(): void {
    this.#onDrained();
    if (this.#outlet) this.#tellGap(this.#outlet);
  }
  /** The connection is gone, or never came to be. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.meeting.leave(this);
    this.#onDrained();
  }

  /** Says that the server stops, and closes. */
  end(): void {
    if (this.#gap) this.#position = this.#gap.after;
    this.#finish(
      { type: "subscription.ended", reason: "shutting_down", cursor: cursorText(this.#position) },
      GOING_AWAY,
      "The server is stopping.",
    );
  }

  /** Tells what was left out, once at least half of the outbox is free again. */
  #tellGap(outlet: Outlet): void {
    if (!this.#gap || outlet.waiting > this.#parts.outbox / 2) return;
    const { missed, after, until } = this.#gap;
    this.#gap = undefined;
    this.#say({ type: "subscription.lagged", missed, after: cursorText(after), until: cursorText(until) });
  }

  async #catchUp(): Promise<void> {
    const { events, meeting } = this.#parts;
    try {
      for (;;) {
        const page = await events.after(this.#position, this.filter, PAGE);
        if (this.#closed) return;
        if (this.#position < page.oldest) throw expired(page.oldest);
        for (const event of page.events) {
          await this.#room();
          if (this.#closed) return;
          this.#outlet?.send(eventText(event, this.#parts.now()));
          this.#position = event.id;
        }
        this.#parts.watcher.delivered(page.events.length);
        this.#position = page.through;
        if (page.through >= page.latest && meeting.join(this)) return;
      }
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      this.#finish(
        { type: "subscription.failed", error: error.toPublic(), cursor: cursorText(this.#position) },
        error.code === "cursor_expired" ? EXPIRED : TRY_LATER,
        error.code,
      );
    }
  }

  /** Resolves when less than the outbox waits: what is missed is read no faster than the reader reads. */
  async #room(): Promise<void> {
    while (!this.#closed && (this.#outlet?.waiting ?? 0) > this.#parts.outbox) {
      await new Promise<void>((resume) => {
        this.#onDrained = resume;
      });
    }
  }

  #say(message: SubscriptionMessage): void {
    this.#outlet?.send(JSON.stringify(message));
  }

  #finish(message: SubscriptionMessage, code: number, reason: string): void {
    if (this.#closed) return;
    this.#say(message);
    this.#outlet?.close(code, reason);
    this.closed();
  }
}

/** `cursor_expired` for a cursor from before what is kept. */
export function expired(oldest: number): FacewireError {
  const message = "Events after this cursor were deleted by the retention.";
  return new FacewireError("cursor_expired", message, { details: { oldest: cursorText(oldest) } });
}
