/** The schemas of events as the API gives them out. */
import { Type } from "@sinclair/typebox";
import { EVENT_TYPE_NAMES, EVENT_TYPES, type EventType, VERDICTS, type Verdict } from "../../../events/catalog.ts";
import { RequestIdSchema } from "./error.ts";

const strict = { additionalProperties: false } as const;

export const EventSchema = Type.Object(
  {
    id: Type.String({ description: "The event's cursor: ids grow in the order events were stored." }),
    time: Type.String({ description: "When it happened, ISO 8601 in UTC." }),
    type: Type.Unsafe<EventType>(Type.Union(EVENT_TYPE_NAMES.map((type) => Type.Literal(type)))),
    pipeline: Type.Optional(Type.String()),
    request: Type.Optional(Type.String({ description: "Id of the request." })),
    job: Type.Optional(Type.String({ description: "Id of the job." })),
    item: Type.Optional(Type.Integer({ minimum: 0, description: "Position of the item in its request or job." })),
    verdict: Type.Optional(Type.Unsafe<Verdict>(Type.Union(VERDICTS.map((verdict) => Type.Literal(verdict))))),
    frame: Type.Optional(
      Type.Object(
        {
          file: Type.Integer({ minimum: 0, description: "Position of the video in its request or job." }),
          number: Type.Integer({ minimum: 0, description: "Among all decoded frames." }),
          time_s: Type.Number({ minimum: 0 }),
        },
        { ...strict, description: "Only for frames of videos." },
      ),
    ),
    data: Type.Union(
      Object.values(EVENT_TYPES).map(({ data }) => data),
      { description: "By type; see docs/event-types.md." },
    ),
    age_ms: Type.Number({ minimum: 0, description: "Milliseconds from `time` until it was sent." }),
  },
  { ...strict, $id: "Event", description: "Something that happened." },
);

export const EventPageSchema = Type.Object(
  {
    events: Type.Array(EventSchema),
    next: Type.Union([Type.String(), Type.Null()], {
      description: "Cursor of the next page; null when nothing more is there now.",
    }),
    oldest: Type.String({ description: "Everything that is kept came after this cursor." }),
    latest: Type.String({
      description: "The newest event when the page was read: a WebSocket with this cursor gets what came afterwards.",
    }),
    request: RequestIdSchema,
  },
  { ...strict, $id: "EventPage", description: "A page of the past." },
);
