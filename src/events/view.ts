/** How events look to a subscriber: which it wants, in what form, and what it is told of the subscription itself. */
import type { EventFilter } from "../store/events.ts";
import { eventText } from "./event-text.ts";
import type { SubscriptionMessage } from "./messages.ts";
import type { OutgoingEvent, ReadyEvent } from "./outgoing.ts";

/** See the file's head. None of its methods may throw. */
export interface EventView {
  /** What can be told from outside an event; the others are not even looked at. Must not change. */
  readonly filter: EventFilter;
  /** The event as this subscriber gets it, undefined if it does not. Asked only for events that fit the filter. */
  ready(outgoing: OutgoingEvent): ReadyEvent | undefined;
  /** The text of a message; undefined where this subscriber is not told such things. */
  say(message: SubscriptionMessage): string | undefined;
}

/** The form of the native API. */
export function nativeView(filter: EventFilter): EventView {
  return {
    filter,
    ready: (outgoing) => outgoing.readyOnce(nativeView, () => eventText(outgoing.event, outgoing.now)),
    say: (message) => JSON.stringify(message),
  };
}
