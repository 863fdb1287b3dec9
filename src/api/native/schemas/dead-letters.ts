/** The schemas of dead letters. */
import { Type } from "@sinclair/typebox";
import { ErrorSchema, RequestIdSchema } from "./error.ts";
import { RunResultSchema } from "./run.ts";

const strict = { additionalProperties: false } as const;
const Time = Type.String({ format: "date-time" });

export const DeadLetterSchema = Type.Object(
  {
    id: Type.String({ description: "Larger ids were recorded later." }),
    time: Time,
    kind: Type.String({ description: "`item` for a picture or frame, else the kind of the part that gave up." }),
    address: Type.String({ description: "Who gave it up." }),
    pipeline: Type.Optional(Type.String()),
    stage: Type.Optional(Type.String({ description: "The stage that failed, with its position." })),
    error: ErrorSchema,
    attempts: Type.Integer({ minimum: 0, description: "Tries so far, those of retries included." }),
    request: Type.Optional(Type.String({ description: "Id of the request it belonged to." })),
    index: Type.Optional(Type.Integer({ minimum: 0, description: "Number of the item in its request." })),
    summary: Type.String({ description: "The shape of the work, without its content." }),
    input: Type.Union(
      [
        Type.Object({ name: Type.String(), size: Type.Integer({ minimum: 0, description: "Bytes." }) }, strict),
        Type.Null(),
      ],
      { description: "What was kept of the picture; null where nothing was, and it cannot be retried." },
    ),
    retried_at: Type.Optional(Type.String({ format: "date-time", description: "The last retry that failed." })),
    retrying_until: Type.Optional(
      Type.String({ format: "date-time", description: "It is being retried now, at most until then." }),
    ),
  },
  { ...strict, $id: "DeadLetter", description: "Work that was given up." },
);

export const DeadLetterPageSchema = Type.Object(
  {
    request: RequestIdSchema,
    dead_letters: Type.Array(DeadLetterSchema),
    next: Type.Optional(Type.String({ description: "`before` of the next page; absent on the last." })),
  },
  { ...strict, $id: "DeadLetterPage" },
);

export const DeadLetterAnswerSchema = Type.Object(
  { request: RequestIdSchema, dead_letter: DeadLetterSchema },
  { ...strict, $id: "DeadLetterAnswer" },
);

export const RetryAnswerSchema = Type.Object(
  {
    request: RequestIdSchema,
    error: Type.Optional(ErrorSchema),
    dead_letter: Type.Object(
      {
        id: Type.String(),
        removed: Type.Boolean({ description: "True where the retry succeeded." }),
        attempts: Type.Integer({ minimum: 1, description: "Tries so far, those of this retry included." }),
      },
      strict,
    ),
    result: RunResultSchema,
  },
  {
    ...strict,
    $id: "RetryAnswer",
    description: "`result` is the answer of the run; its `request` is the run's own id, as in logs and events.",
  },
);

export const DiscardAnswerSchema = Type.Object(
  { request: RequestIdSchema, discarded: Type.Integer({ minimum: 0, description: "Letters that were deleted." }) },
  { ...strict, $id: "DiscardAnswer" },
);
