/** The reference's texts of `/v1/dead-letters`. */
import { DISCARD_PARAMETERS, LIST_PARAMETERS } from "../dead-letter-options.ts";
import { errorAnswers, jsonAnswer, operation, queryParameters } from "../openapi.ts";
import {
  DeadLetterAnswerSchema,
  DeadLetterPageSchema,
  DiscardAnswerSchema,
  RetryAnswerSchema,
} from "../schemas/dead-letters.ts";
import { RUN_EXAMPLE } from "./examples.ts";

const REQUEST = "01JD8Q4M7V3N5X2B6K9R0T1W8Z";
const ACCESS_ERRORS = ["unauthorized", "forbidden", "origin_refused"] as const;

const LETTER = {
  id: "01JD8PZ2E5R8Q0G4C6X1T7MABC",
  time: "2026-05-04T10:15:30.123Z",
  kind: "item",
  address: "pipeline.face-liveness stage 3. liveness",
  pipeline: "face-liveness",
  stage: "3. liveness",
  error: { code: "stage_failed" as const, message: "A stage failed.", details: { stage: "3. liveness" } },
  attempts: 3,
  request: "01JD8PZ1QX0V3T2N8C7K4B5MDE",
  index: 0,
  summary: "{pipeline: text(26), name: text(8), bytes: bytes(48211)}",
  input: { name: "gate.jpg", size: 48211 },
};

/** A page of letters. */
export const DEAD_LETTERS_EXAMPLE = { request: REQUEST, dead_letters: [LETTER], next: LETTER.id };

/** One letter. */
export const DEAD_LETTER_EXAMPLE = { request: REQUEST, dead_letter: LETTER };

/** A retry that succeeded. */
export const RETRY_EXAMPLE = {
  request: REQUEST,
  dead_letter: { id: LETTER.id, removed: true, attempts: 4 },
  result: RUN_EXAMPLE,
};

/** One letter less. */
export const DISCARD_EXAMPLE = { request: REQUEST, discarded: 1 };

const ID_PARAMETER = {
  name: "id",
  in: "path",
  required: true,
  description: "Id of a dead letter.",
  schema: { type: "string" },
  example: LETTER.id,
};

export const LETTERS_DOC = operation({
  operationId: "listDeadLetters",
  tag: "Dead letters",
  summary: "List the dead letters",
  description: "Work that was given up, newest first. Role `read`: letters hold no picture.",
  parameters: queryParameters(LIST_PARAMETERS),
  responses: {
    "200": jsonAnswer("A page of letters.", DeadLetterPageSchema, DEAD_LETTERS_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "store_unavailable"]),
  },
});

export const LETTER_DOC = operation({
  operationId: "showDeadLetter",
  tag: "Dead letters",
  summary: "Show one dead letter",
  description: "Stage, cause, attempts, time and request, and whether its input was kept. Role `read`.",
  parameters: [ID_PARAMETER],
  responses: {
    "200": jsonAnswer("The letter.", DeadLetterAnswerSchema, DEAD_LETTER_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "dead_letter_unknown", "store_unavailable"]),
  },
});

export const INPUT_DOC = operation({
  operationId: "deadLetterInput",
  tag: "Dead letters",
  summary: "Download the input of a dead letter",
  description: "The picture, or the frame of a video as JPEG, as it was kept. Role `admin`: it may show a face.",
  parameters: [ID_PARAMETER],
  responses: {
    "200": {
      description: "The bytes.",
      content: {
        "application/octet-stream": { schema: { type: "string", format: "binary" }, example: "(the bytes of a JPEG)" },
      },
    },
    ...errorAnswers([
      "request_invalid",
      ...ACCESS_ERRORS,
      "dead_letter_unknown",
      "dead_letter_without_input",
      "store_unavailable",
    ]),
  },
});

export const RETRY_DOC = operation({
  operationId: "retryDeadLetter",
  tag: "Dead letters",
  summary: "Run the input of a dead letter once more",
  description: [
    "Runs the kept input through its pipeline with the options of its request. When that succeeds the letter is deleted",
    "and the result answered; when it fails the letter stays and counts the tries, and the answer has the status of the",
    "error. A letter is retried by one caller at a time, whatever the number of processes. Role `admin`: the answer is",
    "about somebody else's picture.",
  ].join("\n"),
  parameters: [ID_PARAMETER],
  responses: {
    "200": jsonAnswer("It succeeded; the letter is gone.", RetryAnswerSchema, RETRY_EXAMPLE),
    ...errorAnswers(
      [
        "request_invalid",
        ...ACCESS_ERRORS,
        "dead_letter_unknown",
        "pipeline_unknown",
        "dead_letter_without_input",
        "dead_letter_busy",
        "stage_failed",
        "worker_failed",
        "overloaded",
        "shutting_down",
        "pipeline_unavailable",
        "store_unavailable",
        "deadline_exceeded",
      ],
      RetryAnswerSchema,
    ),
  },
});

export const DISCARD_DOC = operation({
  operationId: "discardDeadLetter",
  tag: "Dead letters",
  summary: "Discard a dead letter",
  description: "Deletes it with its input. Role `admin`.",
  parameters: [ID_PARAMETER],
  responses: {
    "200": jsonAnswer("It is gone.", DiscardAnswerSchema, DISCARD_EXAMPLE),
    ...errorAnswers([
      "request_invalid",
      ...ACCESS_ERRORS,
      "dead_letter_unknown",
      "dead_letter_busy",
      "store_unavailable",
    ]),
  },
});

export const DISCARD_MANY_DOC = operation({
  operationId: "discardDeadLetters",
  tag: "Dead letters",
  summary: "Discard many dead letters",
  description: "Deletes those that fit all filters; ones that are being retried stay. Role `admin`.",
  parameters: queryParameters(DISCARD_PARAMETERS),
  responses: {
    "200": jsonAnswer("They are gone.", DiscardAnswerSchema, DISCARD_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "store_unavailable"]),
  },
});
