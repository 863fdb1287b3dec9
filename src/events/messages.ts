/** What a subscription tells of itself, between the events. */
import { type Static, Type } from "@sinclair/typebox";
import type { PublicError } from "../errors.ts";

const strict = { additionalProperties: false } as const;
const Cursor = (description: string) => Type.String({ description });

export const SubscriptionStartedSchema = Type.Object(
  {
    type: Type.Literal("subscription.started"),
    cursor: Cursor("Events behind this one follow."),
  },
  { ...strict, $id: "SubscriptionStarted", description: "The first message: resume from here if nothing else comes." },
);

export const SubscriptionLaggedSchema = Type.Object(
  {
    type: Type.Literal("subscription.lagged"),
    missed: Type.Integer({ minimum: 1, description: "Events of the filter that were left out." }),
    after: Cursor("They came after this cursor."),
    until: Cursor("The last of them; what follows on the subscription came later."),
  },
  {
    ...strict,
    $id: "SubscriptionLagged",
    description: "The reader was too slow and more than `events.outbox` waited for it. GET /v1/events gives the gap.",
  },
);

export const SubscriptionEndedSchema = Type.Object(
  {
    type: Type.Literal("subscription.ended"),
    reason: Type.Literal("shutting_down"),
    cursor: Cursor("Resume from here."),
  },
  { ...strict, $id: "SubscriptionEnded", description: "The last message of a server that stops." },
);

const Failure = Type.Object(
  {
    code: Type.Unsafe<PublicError["code"]>(Type.String()),
    message: Type.String(),
    details: Type.Optional(Type.Unsafe<PublicError["details"]>(Type.Record(Type.String(), Type.Unknown()))),
  },
  strict,
);

export const SubscriptionErrorSchema = Type.Object(
  { type: Type.Literal("subscription.error"), error: Failure },
  { ...strict, $id: "SubscriptionError", description: "The client sent a message; none is read. Nothing ends." },
);

export const SubscriptionFailedSchema = Type.Object(
  {
    type: Type.Literal("subscription.failed"),
    error: Failure,
    cursor: Cursor("The last position that was delivered."),
  },
  { ...strict, $id: "SubscriptionFailed", description: "The last message of a subscription that cannot go on." },
);

/** Any of them. */
export type SubscriptionMessage =
  | Static<typeof SubscriptionStartedSchema>
  | Static<typeof SubscriptionLaggedSchema>
  | Static<typeof SubscriptionErrorSchema>
  | Static<typeof SubscriptionEndedSchema>
  | Static<typeof SubscriptionFailedSchema>;

/** Their schemas, in the order a subscription may meet them. */
export const SUBSCRIPTION_SCHEMAS = [
  SubscriptionStartedSchema,
  SubscriptionLaggedSchema,
  SubscriptionErrorSchema,
  SubscriptionEndedSchema,
  SubscriptionFailedSchema,
] as const;
