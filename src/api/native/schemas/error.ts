/** The schema of failures. */
import { Type } from "@sinclair/typebox";
import { ERROR_CODES, type ErrorCode } from "../../../errors.ts";

const strict = { additionalProperties: false } as const;
const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

/** Id of the request, in every JSON answer. */
export const RequestIdSchema = Type.String({ description: "Id of the request, as in the header X-Request-Id." });

export const ErrorSchema = Type.Object(
  {
    code: Type.Unsafe<ErrorCode>(Type.Union(CODES.map((code) => Type.Literal(code)))),
    message: Type.String({ description: "For people; may change." }),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "Facts, by code." })),
  },
  { ...strict, $id: "Error", description: "What went wrong. `code` is stable; docs/errors.md lists all." },
);

export const ErrorBodySchema = Type.Object(
  { error: ErrorSchema, request: RequestIdSchema },
  { ...strict, $id: "ErrorBody", description: "Body of every answer that is not a success." },
);
