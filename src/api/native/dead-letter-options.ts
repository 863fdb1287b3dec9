/** The query parameters of `/v1/dead-letters`. */
import type { QueryParameter } from "../query.ts";

const LETTERS = 1_000;

const before: QueryParameter<string> = {
  description: "Only letters recorded before the one with this id; `next` of the page before.",
  allowed: "the id of a dead letter",
  schema: { type: "string" },
  parse: (text) => (/^[0-9A-HJKMNP-TV-Z]{26}$/i.test(text) ? text.toUpperCase() : undefined),
};

const request: QueryParameter<string> = {
  description: "Only letters of the request with this id.",
  allowed: "the id of a request",
  schema: { type: "string" },
  parse: (text) => (text !== "" && text.length <= 200 ? text : undefined),
};

/** Of the list. */
export const LIST_PARAMETERS = {
  limit: {
    description: "Most letters on the page; 50 when absent.",
    allowed: `a whole number from 1 to ${LETTERS}`,
    schema: { type: "integer", minimum: 1, maximum: LETTERS, default: 50 },
    parse: (text) => (/^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= LETTERS ? Number(text) : undefined),
  } satisfies QueryParameter<number>,
  before,
  request,
} as const;

/** Of discarding many. */
export const DISCARD_PARAMETERS = {
  all: {
    description: "Needed to discard without another filter: nobody means all by leaving one out.",
    allowed: "1",
    schema: { type: "string", enum: ["1"] },
    parse: (text) => (text === "1" || text === "true" ? true : undefined),
  } satisfies QueryParameter<true>,
  before,
  request,
} as const;
