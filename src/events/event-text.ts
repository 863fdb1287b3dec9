/** Events as JSON text. It is written once an event, not once a subscriber; only the age is added when it goes out. */
import type { StoredEvent } from "../store/events.ts";
import type { EventType } from "./catalog.ts";
import type { EventFrame, EventSubject } from "./recorder.ts";

/** An event as subscribers and readers of pages get it. */
export interface PublishedEvent extends Omit<EventSubject, "key"> {
  /** Its cursor: whoever resumes from it gets what came after. */
  readonly id: string;
  /** When it happened; ISO 8601 in UTC. */
  readonly time: string;
  readonly type: EventType;
  readonly frame?: EventFrame;
  readonly data: Readonly<Record<string, unknown>>;
  /** Milliseconds from `time` until it was sent. */
  readonly age_ms: number;
}

/** The cursor behind an event or a position. */
export function cursorText(position: number): string {
  return String(position);
}

/** The position of a cursor; undefined for a text that never was one. */
export function cursorPosition(cursor: string): number | undefined {
  return /^(0|[1-9][0-9]{0,14})$/.test(cursor) ? Number(cursor) : undefined;
}

/** The JSON of an event that goes out at `now` (epoch milliseconds). */
export function eventText(event: StoredEvent, now: number): string {
  const { id, time, type, pipeline, request, job, item, frame, verdict, data } = event;
  const head = JSON.stringify({
    id: cursorText(id),
    time: new Date(time).toISOString(),
    type,
    pipeline,
    request,
    job,
    item,
    verdict,
  }).slice(0, -1);
  const place = frame === undefined ? "" : `,"frame":${frame}`;
  // Clocks of two processes may differ: an age is never negative.
  return `${head}${place},"data":${data},"age_ms":${Math.max(0, now - time)}}`;
}
