/** Reads bodies of JSON: their type, their size, their depth, then their form. */
import { Kind, type Static, type TSchema, Type, TypeRegistry } from "@sinclair/typebox";
import { type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { Value } from "@sinclair/typebox/value";
import type { Settings } from "../../settings/schema.ts";
import { type BodyLimits, readWhole } from "../body.ts";
import { badJson, LunaError } from "./errors.ts";
import type { LunaCall } from "./operation.ts";
import { UUID4 } from "./uuid.ts";

/** Bytes of a body of JSON that carries no pictures. */
const MAX_JSON = 1024 * 1024;
/** Nested objects and arrays; the deepest body described here has four. */
const MAX_DEPTH = 16;

/** Milliseconds: at the deadline the request is answered as too late; only then its body is given up. */
const BEHIND_DEADLINE = 100;

/** An id. */
export const Uuid = Type.String({ pattern: `^${UUID4}$` });

/** A text with its length in characters (code points), as the description counts them. */
export function text(limits: { readonly least?: number; readonly most: number }) {
  return Type.Unsafe<string>({ [Kind]: "Luna:Text", type: "string", ...limits });
}
TypeRegistry.Set<{ readonly least?: number; readonly most: number }>("Luna:Text", ({ least = 0, most }, value) => {
  if (typeof value !== "string") return false;
  const length = value.length > most || least > 0 ? [...value].length : value.length;
  return length >= least && length <= most;
});

/** A closed object: unknown members are refused. */
export function closed<P extends Record<string, TSchema>>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

/** Limits of a request's body of any kind: `luna.max_body`, and the time that is left. */
export function bodyLimits(settings: Settings, call: LunaCall, maxBytes = settings.luna.max_body): BodyLimits {
  return {
    maxBytes,
    timeoutMs: Math.min(settings.http.body_timeout, Math.max(0, call.deadline - Date.now()) + BEHIND_DEADLINE),
    share: call.exchange.body,
  };
}

/**
 * The body as the schema says. Throws `LunaError` 12017 for another content type, 12022 for what is no JSON or has another
 * form, and `request_too_large` beyond `maxBytes` (1 MiB when absent).
 */
export async function readJson<S extends TSchema>(
  settings: Settings,
  call: LunaCall,
  schema: S,
  maxBytes = MAX_JSON,
): Promise<Static<S>> {
  if (mediaType(call.request) !== "application/json") throw new LunaError(12017, "Bad content type");
  const most = Math.min(maxBytes, settings.luna.max_body);
  const bytes = await readWhole(call.request, bodyLimits(settings, call, most));
  const value = parsed(bytes);
  checkForm(schema, value);
  return value as Static<S>;
}

/** Throws 12022 with the place of the first thing that is not as the schema says. */
export function checkForm(schema: TSchema, value: unknown): void {
  const error = Value.Errors(schema, value).First();
  if (error) throw formProblem(error);
  checkTexts(value, "");
}

/** Type and subtype of `Content-Type` in lower case, without parameters; empty where there is none. */
export function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

function parsed(bytes: Uint8Array): unknown {
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (isDeep(json)) throw badJson("", `nested deeper than ${MAX_DEPTH}`);
    return JSON.parse(json);
  } catch (cause) {
    if (cause instanceof LunaError) throw cause;
    throw badJson("", "is not JSON");
  }
}

/** Whether objects and arrays are nested too deep; looked at before the text is parsed. */
function isDeep(json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at);
    if (quoted) {
      if (character === 0x5c) at++;
      else if (character === 0x22) quoted = false;
    } else if (character === 0x22) quoted = true;
    else if (character === 0x7b || character === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (character === 0x7d || character === 0x5d) depth--;
  }
  return false;
}

function formProblem({ type, path, schema }: ValueError): LunaError {
  const steps = path.split("/").slice(1).map(unescaped);
  const name = steps.at(-1) ?? "";
  const parent = pathText(steps.slice(0, -1));
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    return badJson(parent, `Additional properties are not allowed ('${name.slice(0, 100)}' was unexpected)`);
  }
  if (type === ValueErrorType.ObjectRequiredProperty) return badJson(parent, `'${name}' is a required property`);
  const place = pathText(steps);
  return badJson(place, `${place || "the body"} must be ${expected(schema)}`);
}

/** In words a caller can act on. */
function expected(schema: TSchema): string {
  if (schema[Kind] === "Luna:Text") {
    return `string of ${schema.least ?? 0} to ${schema.most} characters`;
  }
  if (schema.pattern === Uuid.pattern) return "a UUID of version 4";
  if (schema.type === "integer" || schema.type === "number") {
    const { minimum, maximum } = schema;
    return minimum === undefined && maximum === undefined
      ? String(schema.type)
      : `${schema.type} from ${minimum ?? "any"} to ${maximum ?? "any"}`;
  }
  if (schema.type === "array") {
    const { minItems, maxItems } = schema;
    return minItems === undefined && maxItems === undefined
      ? "array"
      : `array of ${minItems ?? 0} to ${maxItems ?? "any number of"} elements`;
  }
  return String(schema.expects ?? schema.type ?? "one of the described forms");
}

/** Dotted, with indexes in brackets: `tokens[1]`. */
function pathText(steps: readonly string[]): string {
  return steps
    .map((step, at) => (/^[0-9]+$/.test(step) ? `[${step}]` : `${at > 0 ? "." : ""}${step}`))
    .join("")
    .slice(0, 200);
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** No database keeps a NUL or half a character in a text. */
function checkTexts(value: unknown, path: string): void {
  if (typeof value === "string") {
    if (value.includes("\0") || !value.isWellFormed()) throw badJson(path, "holds characters that are no text");
  } else if (Array.isArray(value)) {
    value.forEach((each, at) => void checkTexts(each, `${path}[${at}]`));
  } else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const [name, each] of Object.entries(value)) checkTexts(each, path === "" ? name : `${path}.${name}`);
  }
}
