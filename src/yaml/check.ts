/** Checks a value against a TypeBox schema and tells every mistake in words a user can act on. */
import { KindGuard, type Static, type TSchema } from "@sinclair/typebox";
import { Value, type ValueError, ValueErrorType } from "@sinclair/typebox/value";
import { withDefaults } from "./defaults.ts";
import { describeSchema, describeValue, literalsOf } from "./describe.ts";
import { nearest } from "./nearest.ts";
import type { ProblemExtra, YamlPath } from "./problem.ts";

/** A mistake in a value, before it is known where in which file it stands. */
export interface ValueProblem extends ProblemExtra {
  readonly path: YamlPath;
  readonly message: string;
}

/** Fills in a schema's defaults and checks; `value` is only of the schema's type when there are no problems. */
export function checkAgainst<S extends TSchema>(
  schema: S,
  value: unknown,
): { readonly value: Static<S>; readonly problems: readonly ValueProblem[] } {
  const filled = withDefaults(schema, value ?? (KindGuard.IsObject(schema) ? {} : value));
  return { value: filled as Static<S>, problems: problemsOf(schema, filled, []) };
}

/** A text can hold a mistake in every few characters; more problems of one value than this help nobody. */
const MAX_PROBLEMS = 100;

function problemsOf(schema: TSchema, value: unknown, base: YamlPath): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const told = new Set<string>();
  for (const error of Value.Errors(schema, value)) {
    // A missing key is also reported once more for its type, and a wrong kind for each of its limits.
    if (told.has(error.path)) continue;
    if (error.value === undefined && error.path !== "" && error.type !== ValueErrorType.ObjectRequiredProperty)
      continue;
    told.add(error.path);
    if (told.size > MAX_PROBLEMS) break;
    problems.push(...explain(error, [...base, ...stepsOf(error.path, value)]));
  }
  return problems;
}

/** Defaults of a union's variant are only filled in once the variant fits, so here they still have to be. */
function problemsOfBranch(schema: TSchema, value: unknown, base: YamlPath): ValueProblem[] {
  return problemsOf(schema, withDefaults(schema, value), base);
}

function explain(error: ValueError, path: YamlPath): ValueProblem[] {
  if (error.type === ValueErrorType.ObjectAdditionalProperties) return [unknownKey(error, path)];
  const words = literalsOf(error.schema)?.map(String);
  if (error.type === ValueErrorType.ObjectRequiredProperty) {
    return words
      ? [wrongWord(words, undefined, path)]
      : [{ path, message: `is required: ${describeSchema(error.schema)}` }];
  }
  if (words) return [wrongWord(words, error.value, path)];
  if (error.type === ValueErrorType.Union) {
    const branch = matchingBranch(error.schema, error.value);
    if (branch && "tag" in branch) return [wrongWord(branch.words, branch.tag, [...path, branch.key])];
    if (branch) return problemsOfBranch(branch.schema, error.value, path);
  }
  return [wrongValue(error.schema, error.value, path)];
}

function wrongValue(schema: TSchema, value: unknown, path: YamlPath): ValueProblem {
  const expected = `expected ${describeSchema(schema)}`;
  if (schema.secret === true) return { path, message: expected };
  return { path, message: `${expected}, found ${describeValue(value)}`, found: plain(value) };
}

function wrongWord(allowed: readonly string[], value: unknown, path: YamlPath): ValueProblem {
  if (value === undefined) return { path, message: "is required", allowed };
  const near = typeof value === "string" ? nearest(value, allowed) : undefined;
  const message = `${describeValue(value)} is not allowed here`;
  return { path, message, found: plain(value), allowed, ...(near === undefined ? {} : { nearest: near }) };
}

/** Scalars as they are; of lists, mappings and long text only a few words, since they can be large. */
function plain(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, 80);
  return typeof value === "object" ? describeValue(value) : value;
}

function unknownKey(error: ValueError, path: YamlPath): ValueProblem {
  const key = String(path.at(-1));
  if (KindGuard.IsRecord(error.schema)) {
    return {
      path,
      message: `"${key}" cannot be a name here: it must match ${Object.keys(error.schema.patternProperties)[0]}`,
    };
  }
  const allowed = Object.keys(error.schema.properties ?? {});
  const near = nearest(key, allowed);
  return { path, message: `unknown key "${key}"`, allowed, ...(near === undefined ? {} : { nearest: near }) };
}

/** A variant, or the words its telling key could have had. */
type Branch = { readonly schema: TSchema } | { readonly key: string; readonly tag: unknown; readonly words: string[] };

/** The variant of a union that the user meant, so that only its mistakes are told. */
function matchingBranch(union: TSchema, value: unknown): Branch | undefined {
  const variants: TSchema[] = union.anyOf;
  const alike = variants.filter((variant) => kindOf(variant) === kindOfValue(value) && !literalsOf(variant));
  if (alike.length <= 1) return alike[0] && { schema: alike[0] };
  if (kindOfValue(value) !== "mapping") return undefined;
  const key = discriminator(alike);
  if (key === undefined) return { schema: fewestProblems(alike, value) };
  const tag: unknown = (value as Record<string, unknown>)[key];
  const wordsOf = (variant: TSchema) => (literalsOf(variant.properties[key]) ?? []).map(String);
  const meant = alike.find((variant) => wordsOf(variant).includes(String(tag)));
  return meant ? { schema: meant } : { key, tag, words: alike.flatMap(wordsOf) };
}

/** The key whose literal tells the variants apart, such as `rule` or `decode`. */
function discriminator(variants: readonly TSchema[]): string | undefined {
  const keys = Object.keys(variants[0]?.properties ?? {});
  return keys.find((key) =>
    variants.every((variant) => variant.properties?.[key] !== undefined && literalsOf(variant.properties[key])),
  );
}

function fewestProblems(variants: readonly TSchema[], value: unknown): TSchema {
  const counted = variants.map((schema) => ({ schema, count: problemsOfBranch(schema, value, []).length }));
  return counted.reduce((best, next) => (next.count < best.count ? next : best)).schema;
}

function kindOf(schema: TSchema): string {
  if (KindGuard.IsObject(schema) || KindGuard.IsRecord(schema)) return "mapping";
  if (KindGuard.IsArray(schema) || KindGuard.IsTuple(schema)) return "list";
  if (KindGuard.IsInteger(schema)) return "number";
  if (KindGuard.IsLiteral(schema)) return typeof schema.const;
  return String(schema.type ?? "any");
}

function kindOfValue(value: unknown): string {
  if (Array.isArray(value)) return "list";
  return typeof value === "object" && value !== null ? "mapping" : typeof value;
}

/** A JSON pointer as steps; digits are list positions only where the value has a list. */
function stepsOf(pointer: string, root: unknown): (string | number)[] {
  let value = root;
  return pointer
    .split("/")
    .slice(1)
    .map((escaped) => {
      const key = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
      const step = Array.isArray(value) ? Number(key) : key;
      value = (value as Record<string | number, unknown> | null | undefined)?.[step];
      return step;
    });
}
