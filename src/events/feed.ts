/** Events for those who ask: subscriptions to what comes, and pages of what was. */
import { FacewireError } from "../errors.ts";
import type { EventWatcher } from "../observe/reports.ts";
import type { EventFilter, Events } from "../store/events.ts";
import { cursorPosition, cursorText, eventText } from "./event-text.ts";
import type { EventHub } from "./hub.ts";
import type { OutboxLimits } from "./outbox.ts";
import { expired, Subscriber } from "./subscriber.ts";
import type { EventView } from "./view.ts";

/** What a feed is made of. */
export interface EventFeedParts {
  readonly events: Pick<Events, "after" | "before" | "bounds">;
  readonly hub: EventHub;
  readonly watcher: EventWatcher;
  /** Bytes that may wait for one slow subscriber. */
  readonly outbox: number;
  /** Most subscriptions at once. */
  readonly subscribers: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A subscription that is asked for. */
export interface SubscriptionWish {
  readonly view: EventView;
  /** Begins with what came after it; with what comes from now on when absent. */
  readonly cursor?: string;
  /** What may wait, and what goes when more would; when absent as many events as fit, and the newest go. */
  readonly outbox?: Omit<OutboxLimits, "bytes">;
}

/** Which page of the past. */
export interface EventPageWish {
  readonly filter: EventFilter;
  /** `asc`: events after it, from the oldest when absent. `desc`: events before it, from the newest when absent. */
  readonly cursor?: string;
  readonly order: "asc" | "desc";
  readonly limit: number;
}

/** A page of the past. */
export interface EventPageTexts {
  /** The JSON of each event. */
  readonly events: readonly string[];
  /** Cursor of the next page; null when nothing more is there now. */
  readonly next: string | null;
  /** Everything that is kept came after it. */
  readonly oldest: string;
  /** The newest event when the page was read: a subscription with it gets what came afterwards. */
  readonly latest: string;
}

/** Seconds after which a subscriber that found no room may try again. */
const RETRY_AFTER_S = 5;

/** See the file's head. */
export class EventFeed {
  readonly #parts: EventFeedParts;
  readonly #open = new Set<Subscriber>();

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
  }

  /**
   * A subscriber that takes up a place until it is closed. It begins behind the cursor, or with what comes from now on.
   * Rejects with `cursor_expired` (details: the oldest cursor), `request_invalid` for a cursor that was never given out,
   * `overloaded` when there is no room, and `store_unavailable`.
   */
  async subscribe(wish: SubscriptionWish): Promise<Subscriber> {
    const { events, hub, watcher, outbox, now } = this.#parts;
    const { oldest, latest } = await events.bounds();
    const position = wish.cursor === undefined ? latest : knownPosition(wish.cursor, latest);
    if (position < oldest) throw expired(oldest);
    // What another process has just stored is not left to the hub's next look.
    hub.hint(latest);
    if (this.#open.size >= this.#parts.subscribers) {
      const details = { subscribers: this.#open.size, retry_after_s: RETRY_AFTER_S };
      throw new FacewireError("overloaded", "There are as many subscriptions as allowed.", { details });
    }
    const subscriber = new Subscriber({
      view: wish.view,
      position,
      events,
      outbox: { bytes: outbox, overflow: "drop-newest", ...wish.outbox },
      watcher,
      now,
      meeting: {
        join: (joining) => hub.join(joining),
        leave: (leaving) => {
          hub.leave(leaving);
          this.#open.delete(leaving);
          watcher.subscribers(this.#open.size);
        },
      },
    });
    this.#open.add(subscriber);
    watcher.subscribers(this.#open.size);
    return subscriber;
  }

  /** Rejects with `cursor_expired`, `request_invalid` and `store_unavailable`, as {@link subscribe} does. */
  async page({ filter, cursor, order, limit }: EventPageWish): Promise<EventPageTexts> {
    const { events } = this.#parts;
    const { oldest, latest } = await events.bounds();
    const position = cursor === undefined ? undefined : knownPosition(cursor, latest);
    const ascending = order === "asc";
    if (ascending && position !== undefined && position < oldest) throw expired(oldest);
    const page = ascending
      ? await events.after(position ?? oldest, filter, limit)
      : await events.before(position ?? latest + 1, filter, limit);
    // What was deleted while the page was read may be missing from it.
    if (ascending && position !== undefined && position < page.oldest) throw expired(page.oldest);
    const more = ascending ? page.through < page.latest : page.through > page.oldest + 1;
    return {
      events: page.events.map((event) => eventText(event, this.#parts.now())),
      next: more ? cursorText(page.through) : null,
      oldest: cursorText(page.oldest),
      latest: cursorText(page.latest),
    };
  }

  /** Resolves when subscribers have been given all that is stored by now. */
  settled(): Promise<void> {
    return this.#parts.hub.settled();
  }
}

function knownPosition(cursor: string, latest: number): number {
  const position = cursorPosition(cursor);
  if (position !== undefined && position <= latest) return position;
  throw new FacewireError("request_invalid", "The cursor was not given out by this server.", {
    details: { parameter: "cursor", found: cursor.slice(0, 100), latest: cursorText(latest) },
  });
}
