/**
 * One who follows events over a connection: first, at its own pace, what it missed since its cursor, read from the
 * database; then what comes. A reader that is too slow for what comes does not fill the memory: once more than the outbox
 * takes waits for it, events are left out, and when it has read on it is told how many and between which cursors.
 */
import { FacewireError } from "../errors.ts";
import type { EventWatcher } from "../observe/reports.ts";
import type { EventFilter, Events } from "../store/events.ts";
import { cursorText } from "./event-text.ts";
import type { SubscriptionMessage } from "./messages.ts";
import { createOutbox, type Gap, type Outbox, type OutboxLimits, type Outlet } from "./outbox.ts";
import { OutgoingEvent, type ReadyEvent } from "./outgoing.ts";
import type { EventView } from "./view.ts";

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
  readonly view: EventView;
  /** The cursor it begins behind. */
  readonly position: number;
  readonly events: Pick<Events, "after">;
  readonly meeting: Meeting;
  /** What may wait for it. */
  readonly outbox: OutboxLimits;
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

/** See the file's head. */
export class Subscriber {
  readonly view: EventView;
  readonly #parts: SubscriberParts;
  #outlet: Outlet | undefined;
  #outbox: Outbox | undefined;
  #position: number;
  #closed = false;
  #onDrained: () => void = () => {};

  constructor(parts: SubscriberParts) {
    this.view = parts.view;
    this.#parts = parts;
    this.#position = parts.position;
  }

  /** Which events it may want. */
  get filter(): EventFilter {
    return this.view.filter;
  }

  /** All its events up to here were sent, wait to be sent, or were told of as missed. */
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

  /** Sends events it wants, which follow each other; those it has are passed over. */
  deliver(events: readonly ReadyEvent[]): void {
    const outlet = this.#outlet;
    if (!outlet || this.#closed) return;
    const news = events.filter(({ id }) => id > this.#position);
    // Made only now: while it catches up, it reads no faster than it is read.
    this.#outbox ??= createOutbox(
      { outlet, limits: this.#parts.outbox, watcher: this.#parts.watcher, onGap: (gap) => this.#tellGap(gap) },
      this.#position,
    );
    this.#position = news.at(-1)?.id ?? this.#position;
    this.#outbox.put(news);
  }

  /** The connection took something. */
  drained(): void {
    this.#onDrained();
    if (!this.#closed) this.#outbox?.drained();
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
    const position = this.#outbox?.behind ?? this.#position;
    this.#finish(
      { type: "subscription.ended", reason: "shutting_down", cursor: cursorText(position) },
      GOING_AWAY,
      "The server is stopping.",
    );
  }

  #tellGap({ missed, after, until }: Gap): void {
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
          const ready = this.view.ready(new OutgoingEvent(event, this.#parts.now()));
          this.#position = event.id;
          if (!ready) continue;
          this.#outlet?.send(ready.text);
          this.#parts.watcher.delivered(1);
        }
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
    while (!this.#closed && (this.#outlet?.waiting ?? 0) > this.#parts.outbox.bytes) {
      await new Promise<void>((resume) => {
        this.#onDrained = resume;
      });
    }
  }

  #say(message: SubscriptionMessage): void {
    const text = this.view.say(message);
    if (text !== undefined) this.#outlet?.send(text);
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
