/** The reference's text of `GET /v1/events`. */
import { EVENT_TYPES } from "../../../events/catalog.ts";
import { SUBSCRIPTION_SCHEMAS } from "../../../events/messages.ts";
import { PAGE_PARAMETERS } from "../event-options.ts";
import { errorAnswers, jsonAnswer, operation, queryParameters } from "../openapi.ts";
import { EventPageSchema } from "../schemas/events.ts";

/** A page with one event. */
export const EVENT_PAGE_EXAMPLE = {
  events: [
    {
      id: "4711",
      time: "2026-03-01T09:30:00.000Z",
      type: "face.liveness",
      pipeline: "face-liveness",
      request: "01JD8Q4M7V3N5X2B6K9R0T1W8Z",
      item: 0,
      verdict: "live",
      data: EVENT_TYPES["face.liveness"].example,
      age_ms: 60_250,
    },
  ],
  next: null,
  oldest: "120",
  latest: "4711",
  request: "01JD8Q4M7V3N5X2B6K9R0T1W92",
};

export const EVENTS_DOC = operation({
  operationId: "events",
  tag: "Events",
  summary: "Follow events, or read past ones",
  description: [
    "As a WebSocket (`Upgrade: websocket`) it sends one JSON text an event, first those after `cursor`, each once and in",
    "order, then what comes. The first message is `subscription.started` with the cursor to resume from. Whoever may not",
    "connect is told so by a plain answer before the upgrade.",
    "",
    "Without an upgrade it answers a page of the past.",
    "",
    "docs/events.md tells the messages of a subscription, how to resume and what happens to slow readers;",
    "docs/event-types.md every type.",
  ].join("\n"),
  parameters: queryParameters(PAGE_PARAMETERS),
  responses: {
    "101": {
      description: `The WebSocket; its messages are events and ${SUBSCRIPTION_SCHEMAS.map(
        (schema) => `\`${schema.properties.type.const}\``,
      ).join(", ")}.`,
    },
    "200": jsonAnswer("A page.", EventPageSchema, EVENT_PAGE_EXAMPLE),
    ...errorAnswers([
      "request_invalid",
      "unauthorized",
      "forbidden",
      "origin_refused",
      "cursor_expired",
      "upgrade_required",
      "overloaded",
      "store_unavailable",
    ]),
  },
});
