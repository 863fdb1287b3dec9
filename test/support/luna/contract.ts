/** Checks answers against the description (src/api/luna/openapi.yaml), and notes which of them were seen. */
import { appendFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { parse } from "yaml";

interface Described {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Record<string, unknown> }>>;
}

/** Where a request says something, or the name under which the description says it once for many. */
interface Parameter {
  readonly $ref?: string;
  readonly name?: string;
  readonly in?: string;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: {
    readonly responses: Described["responses"];
    readonly parameters: Readonly<Record<string, Parameter>>;
  };
}

/** One operation of the description. */
export interface DescribedOperation {
  /** Such as `GET /4/account/tokens/{token_id}`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly id: string | undefined;
  /** Whether it asks for credentials. */
  readonly secured: boolean;
  /** Statuses that are described. */
  readonly statuses: readonly string[];
}

const METHODS = ["get", "post", "patch", "delete", "options"] as const;
const FILE = new URL("../../../src/api/luna/openapi.yaml", import.meta.url);
const description = parse(await Bun.file(FILE).text(), anyFace) as Description;

/**
 * The description says that a handler's face is exactly one of a picture's, a warp's and a descriptor's face. Each of these
 * also is what the next one is, so that no face of a picture could be: it is at least one of them.
 */
function anyFace(_key: unknown, value: unknown): unknown {
  const alternatives = (value as { readonly oneOf?: readonly { readonly $ref?: string }[] } | null)?.oneOf;
  if (!alternatives?.some(({ $ref }) => $ref === "#/components/schemas/extracted_face")) return value;
  const { oneOf, ...others } = value as { readonly oneOf: unknown };
  return { ...others, anyOf: oneOf };
}

const ajv = new Ajv({ strict: false, allErrors: true });
// The package is CommonJS: what is imported is the function itself or holds it.
(addFormats as unknown as { default?: (ajv: Ajv) => void }).default?.(ajv) ??
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
for (const free of ["timestamp,uuid4", "uuid4", "int32", "float", "double", "binary", "byte", "list"]) {
  ajv.addFormat(free, true);
}
ajv.addSchema(description, "luna");

/** All operations of the description. */
export const DESCRIBED_OPERATIONS: readonly DescribedOperation[] = Object.entries(description.paths).flatMap(
  ([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => {
      const operation = item[method] as Described;
      return {
        name: nameOf(method, path),
        method: method.toUpperCase(),
        path,
        id: operation.operationId,
        secured: (operation.security?.length ?? 0) > 0,
        statuses: Object.keys(operation.responses),
      };
    }),
);

/** The parameters of its path and query that name objects, such as `person_id`. */
export function idsOf({ method, path }: DescribedOperation): readonly string[] {
  const item = description.paths[path] as Described & Readonly<Record<string, Described>>;
  const { parameters = [] } = item[method.toLowerCase()]!;
  return [...(item.parameters ?? []), ...parameters]
    .map((each) => (each.$ref ? description.components.parameters[each.$ref.split("/").at(-1)!]! : each))
    .filter((each) => each.in === "path" || each.in === "query")
    .map(({ name = "" }) => name)
    .filter((name) => /_ids?(_with_thumbnails)?$/.test(name) && name !== "external_id");
}

/** Where answers that were seen are noted, one a line, for who counts them over many processes. */
const SEEN_FILE = process.env.LUNA_ANSWERS_SEEN;
const seen = new Set<string>();

function note(answer: string): void {
  if (seen.has(answer)) return;
  seen.add(answer);
  if (SEEN_FILE) appendFileSync(SEEN_FILE, `${answer}\n`);
}

/** An answer as it came. */
export interface CheckedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of JSON. */
  readonly body: unknown;
}

const REQUEST_ID = /^[0-9]{10},[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/;

/** Throws unless the answer is one the description knows, or an error in the described form. */
export function checkAnswer(method: string, path: string, answer: CheckedAnswer): void {
  const { status, headers } = answer;
  const asked = `${method} ${path} ${status}`;
  const id = headers.get("luna-request-id") ?? "";
  if (!REQUEST_ID.test(id)) throw new Error(`${asked}: no Luna-Request-Id but ${JSON.stringify(id)}`);
  if (headers.get("access-control-allow-origin") !== "*") throw new Error(`${asked}: no CORS header`);
  const operation = operationAt(method, path);
  const listed = operation?.statuses.includes(String(status));
  if (operation) note(`${operation.name} ${status}`);
  if (method === "HEAD") return;
  if (operation && listed) checkListed(asked, operation, answer);
  else if (status >= 400) checkBody(asked, "luna#/components/schemas/Error", answer);
  else if (operation) throw new Error(`${asked}: the description has no such answer`);
}

/** Throws unless an event of a WebSocket has the described form. */
export function checkEvent(event: { readonly source?: string }): void {
  const validate = validator(`luna#/components/schemas/ws_${event.source}`);
  if (!validate(event)) throw new Error(`${ajv.errorsText(validate.errors)} in ${JSON.stringify(event)}`);
}

/** The operation of a real path, or undefined when there is none. */
export function operationAt(method: string, path: string): DescribedOperation | undefined {
  const bare = path.split("?", 1)[0]!;
  return DESCRIBED_OPERATIONS.find((operation) => operation.method === method && patternOf(operation.path).test(bare));
}

function checkListed(asked: string, operation: DescribedOperation, answer: CheckedAnswer): void {
  const item = description.paths[operation.path]?.[operation.method.toLowerCase()] as Described;
  const described = item.responses[String(answer.status)]!;
  const [response, pointer] = described.$ref
    ? [description.components.responses[described.$ref.split("/").at(-1)!]!, `luna${described.$ref}`]
    : [
        described,
        `luna#/paths/${escaped(operation.path)}/${operation.method.toLowerCase()}/responses/${answer.status}`,
      ];
  const types = Object.keys(response.content ?? {});
  const type = mediaType(answer.headers);
  if (types.length === 0) {
    if (answer.text !== "") throw new Error(`${asked}: has a body`);
    return;
  }
  if (answer.status === 101) return;
  if (!types.includes(type)) throw new Error(`${asked}: is ${type || "of no type"}, described are ${types.join(", ")}`);
  if (type !== "application/json") return;
  checkBody(asked, `${pointer}/content/${escaped(type)}/schema`, answer);
}

function checkBody(asked: string, schema: string, answer: CheckedAnswer): void {
  if (mediaType(answer.headers) !== "application/json") throw new Error(`${asked}: is not JSON but ${answer.text}`);
  const validate = validator(schema);
  if (!validate(answer.body)) {
    throw new Error(`${asked}: ${ajv.errorsText(validate.errors)} in ${answer.text.slice(0, 500)}`);
  }
}

const validators = new Map<string, ValidateFunction>();
function validator(pointer: string): ValidateFunction {
  const known = validators.get(pointer) ?? ajv.compile({ $ref: pointer });
  validators.set(pointer, known);
  return known;
}

function mediaType(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]!.trim();
}

function patternOf(path: string): RegExp {
  const steps = path.split("/").map((step) => {
    if (step === "{descriptor_id_with_thumbnails}") return "[0-9a-fA-F-]{36}_[0-9]+";
    return step.startsWith("{") ? "[0-9a-fA-F-]{36}" : RegExp.escape(step);
  });
  return new RegExp(`^${steps.join("/")}$`);
}

/** As a step of a JSON pointer within an address. */
function escaped(step: string): string {
  return encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"));
}

function nameOf(method: string, path: string): string {
  return `${method.toUpperCase()} ${path}`;
}
