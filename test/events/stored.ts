/** Stored events and a watcher that counts, for tests. */
import type { NewEvent } from "../../src/events/recorder.ts";
import type { EventWatcher } from "../../src/observe/reports.ts";
import type { StoredEvent } from "../../src/store/events.ts";

/** An event as the database gives it. */
export function storedEvent(id: number, event: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id,
    time: 1_700_000_000_000,
    type: "item.completed",
    pipeline: "gate",
    request: "r1",
    job: undefined,
    item: 0,
    frame: undefined,
    verdict: undefined,
    data: "{}",
    account: undefined,
    ...event,
  };
}

/** An event as it is told: an item of a request, about as long as `bytes` says. */
export function newEvent(item: number, subject: Partial<NewEvent> = {}, bytes = 0): NewEvent {
  const data = { name: "n".repeat(bytes), status: "ok", faces: 1, rejected: 0 } as const;
  return { pipeline: "gate", request: "r1", item, ...subject, type: "item.completed", data } as NewEvent;
}

/** What a {@link countingWatcher} was told. */
export interface Counts {
  stored: number;
  lost: number;
  delivered: number;
  missed: number;
  subscribers: number;
}

/** A watcher that counts, and its counts. */
export function countingWatcher(): EventWatcher & { readonly counts: Counts } {
  const counts: Counts = { stored: 0, lost: 0, delivered: 0, missed: 0, subscribers: 0 };
  return {
    counts,
    stored(events) {
      counts.stored += events.length;
    },
    lost(count) {
      counts.lost += count;
    },
    delivered(count) {
      counts.delivered += count;
    },
    missed(count) {
      counts.missed += count;
    },
    subscribers(count) {
      counts.subscribers = count;
    },
  };
}
