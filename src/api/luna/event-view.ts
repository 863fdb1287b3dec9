/** Events of an account as LUNA's clients get them: the documented message alone, or, where asked for, with its cursor. */
import { cursorText } from "../../events/event-text.ts";
import type { SubscriptionMessage } from "../../events/messages.ts";
import type { OutgoingEvent, ReadyEvent } from "../../events/outgoing.ts";
import type { EventView } from "../../events/view.ts";
import { type EventFact, eventFact, trimmedText } from "./event-fact.ts";
import { keptCandidates, type LunaEventFilter, passes, wantedTypes } from "./event-filter.ts";

/**
 * The view of a subscription. `extended`: events also carry `id` and `age_ms`, and the subscription tells of itself between
 * them; clients that did not ask for it are sent nothing that is not documented.
 */
export function lunaView(account: string, filter: LunaEventFilter, extended: boolean): EventView {
  const types = wantedTypes(filter);
  return {
    filter: { account, ...(types && { types }) },
    ready(outgoing) {
      const fact = outgoing.once(eventFact, () => eventFact(outgoing.event));
      if (!fact || !passes(filter, fact)) return undefined;
      const kept = keptCandidates(filter, fact);
      if (kept?.length === 0) return undefined;
      const whole = kept === undefined || kept.length === fact.similarities.length;
      return readyText(outgoing, fact, whole ? undefined : kept, extended);
    },
    say: (message) => (extended ? messageText(message) : undefined),
  };
}

/** Subscribers with the same candidates left share a text: there are few such, however many subscribers there are. */
function readyText(
  outgoing: OutgoingEvent,
  fact: EventFact,
  kept: readonly number[] | undefined,
  extended: boolean,
): ReadyEvent {
  return outgoing.readyOnce(`${extended ? "extended" : "plain"} ${kept ?? "whole"}`, () => {
    const { event, now } = outgoing;
    const text = kept ? trimmedText(fact, kept) : event.data;
    if (!extended) return text;
    const age = Math.max(0, now - event.time);
    return `${text.slice(0, -1)},"id":"${cursorText(event.id)}","age_ms":${age}}`;
  });
}

/** `subscription.lagged` is `"event_type":"lagged"` here. */
function messageText({ type, ...rest }: SubscriptionMessage): string {
  return JSON.stringify({ event_type: type.slice(type.indexOf(".") + 1), ...rest });
}
