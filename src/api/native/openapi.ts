/** Builds the operations of the API's reference from the schemas, the parameters and the table of error codes. */
import type { TSchema } from "@sinclair/typebox";
import type { DocumentDecoration } from "elysia";
import { ERROR_CODES, type ErrorCode } from "../../errors.ts";
import type { QueryShape } from "../query.ts";
import { ErrorBodySchema } from "./schemas/error.ts";

/** A JSON value of an OpenAPI document. */
type Json = Readonly<Record<string, unknown>>;

/** The reference's text of one operation. */
export type Operation = DocumentDecoration;

const EXAMPLE_REQUEST = "01JD8Q4M7V3N5X2B6K9R0T1W8Z";

/**
 * A TypeBox schema in the dialect of OpenAPI 3.0: schemas with an `$id` become references, literals become enums,
 * tuples arrays, and `patternProperties` `additionalProperties`.
 */
function openApiSchema(schema: TSchema): Json {
  return schema.$id === undefined ? convert(schema) : { $ref: `#/components/schemas/${schema.$id}` };
}

/** The components of a reference: every schema by its `$id`. */
export function openApiComponents(schemas: readonly TSchema[]): Record<string, Json> {
  return Object.fromEntries(schemas.map((schema) => [String(schema.$id), convert(schema)]));
}

function convert(schema: TSchema): Json {
  const { $id: _, const: constant, patternProperties, items, additionalItems: __, ...rest } = schema;
  const result: Record<string, unknown> = { ...rest };
  if (constant !== undefined) result.enum = [constant];
  if (schema.properties) {
    const properties = Object.entries(schema.properties as Record<string, TSchema>);
    result.properties = Object.fromEntries(properties.map(([name, value]) => [name, openApiSchema(value)]));
  }
  if (patternProperties) {
    const [values] = Object.values(patternProperties as Record<string, TSchema>);
    result.additionalProperties = values ? openApiSchema(values) : true;
  }
  if (Array.isArray(items)) result.items = { anyOf: (items as TSchema[]).map(openApiSchema).slice(0, 1) };
  else if (items) result.items = openApiSchema(items as TSchema);
  if (schema.anyOf) Object.assign(result, union(result, schema.anyOf as TSchema[]));
  return result;
}

/** A union; of literals it is an enum, and with null it is nullable, since OpenAPI 3.0 has no type null. */
function union(result: Record<string, unknown>, members: readonly TSchema[]): Json {
  delete result.anyOf;
  if (members.every((member) => member.const !== undefined)) {
    return { type: "string", enum: members.map((member) => member.const as unknown) };
  }
  const present = members.filter((member) => member.type !== "null").map(openApiSchema);
  const nullable = present.length < members.length ? { nullable: true } : {};
  return present.length === 1 && !("$ref" in present[0]!)
    ? { ...present[0], ...nullable }
    : { anyOf: present, ...nullable };
}

/** A JSON answer with an example. */
export function jsonAnswer(description: string, schema: TSchema, example: unknown): Json {
  return { description, content: { "application/json": { schema: openApiSchema(schema), example } } };
}

/**
 * Answers for failures: one a status, one example a code, texts from the table of codes. `other`: a schema such an answer
 * may have instead of the plain one.
 */
export function errorAnswers(codes: readonly ErrorCode[], other?: TSchema): Record<string, Json> {
  const plain = openApiSchema(ErrorBodySchema);
  const schema = other ? { anyOf: [plain, openApiSchema(other)] } : plain;
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      String(status),
      {
        description: group.map((code) => `\`${code}\`: ${ERROR_CODES[code].meaning}`).join("\n\n"),
        content: {
          "application/json": {
            schema,
            examples: Object.fromEntries(group.map((code) => [code, { value: errorExample(code) }])),
          },
        },
      },
    ]),
  );
}

function errorExample(code: ErrorCode): Json {
  return { error: { code, message: ERROR_CODES[code].meaning }, request: EXAMPLE_REQUEST };
}

/** Query parameters of an operation. */
export function queryParameters(shape: QueryShape): Json[] {
  return Object.entries(shape).map(([name, { description, schema }]) => ({
    name,
    in: "query",
    required: false,
    description,
    schema,
  }));
}

/** Headers any operation reads. */
const COMMON_HEADERS: readonly Json[] = [
  {
    name: "X-Request-Id",
    in: "header",
    required: false,
    description: "Your id for the request: 1 to 128 of A-Z a-z 0-9 . _ : - ; it is given back. Else one is made.",
    schema: { type: "string" },
  },
];

/** The `name` in the path. */
export const PIPELINE_NAME_PARAMETER: Json = {
  name: "name",
  in: "path",
  required: true,
  description: "Name of a pipeline.",
  schema: { type: "string" },
  example: "face-liveness",
};

/** What an operation is made of; parameters and answers are plain OpenAPI JSON. */
export interface OperationParts {
  readonly operationId: string;
  readonly tag: "Pipelines" | "Jobs" | "Models" | "Events" | "Dead letters" | "Server";
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Json>>;
  /** Needs no token even where the listener asks for one. */
  readonly open?: boolean;
}

/** The reference's entry of an operation. */
export function operation(parts: OperationParts): Operation {
  const { tag, open = false, parameters = [], ...rest } = parts;
  const built: Json = {
    ...rest,
    tags: [tag],
    parameters: [...parameters, ...COMMON_HEADERS],
    ...(open ? {} : { security: [{ token: [] }, {}] }),
  };
  return built as Operation;
}
