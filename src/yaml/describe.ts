/** Says in words what a schema wants and what a value is, for error messages and reference pages. */
import { KindGuard, type TSchema } from "@sinclair/typebox";

/** The words of a union of literals (or of one literal), or undefined for other schemas. */
export function literalsOf(schema: TSchema): readonly (string | number | boolean)[] | undefined {
  if (KindGuard.IsLiteral(schema)) return [schema.const];
  if (!KindGuard.IsUnion(schema)) return undefined;
  const words = schema.anyOf.map(literalsOf);
  return words.every((word) => word !== undefined) ? words.flat() : undefined;
}

/**
 * What a schema wants, such as `an integer from 1 to 64`. A schema may say it itself in its `expects` annotation, which
 * is wanted wherever a pattern would otherwise be shown to users.
 */
export function describeSchema(schema: TSchema): string {
  if (typeof schema.expects === "string") return schema.expects;
  const literals = literalsOf(schema);
  if (literals) return literals.length === 1 ? JSON.stringify(literals[0]) : `one of ${literals.join(", ")}`;
  if (KindGuard.IsUnion(schema)) return [...new Set(schema.anyOf.map(describeSchema))].join(", or ");
  if (KindGuard.IsInteger(schema)) return `an integer${range(schema)}`;
  if (KindGuard.IsNumber(schema)) return `a number${range(schema)}`;
  if (KindGuard.IsBoolean(schema)) return "true or false";
  if (KindGuard.IsString(schema)) return describeString(schema);
  if (KindGuard.IsArray(schema))
    return `a list${count(schema.minItems, schema.maxItems, "items")}${schema.uniqueItems ? " without repeats" : ""}`;
  if (KindGuard.IsTuple(schema)) return `a list of ${(schema.items ?? []).map(describeSchema).join(" and ")}`;
  if (KindGuard.IsObject(schema) || KindGuard.IsRecord(schema)) return "a mapping";
  if (KindGuard.IsNull(schema)) return "nothing";
  return "a valid value";
}

/** What a value is, such as `"abc"` or `a list of 3 items`; long text is cut. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length} ${value.length === 1 ? "item" : "items"}`;
  if (typeof value === "object") {
    const keys = Object.keys(value);
    if (keys.length === 0) return "an empty mapping";
    return `a mapping with ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ", …" : ""}`;
  }
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  return String(value);
}

function describeString(schema: TSchema): string {
  if (typeof schema.pattern === "string") return `text that matches ${schema.pattern}`;
  return `text${count(schema.minLength, schema.maxLength, "characters")}`;
}

function range(schema: TSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  let text = "";
  if (exclusiveMinimum !== undefined) text += ` above ${exclusiveMinimum}`;
  else if (minimum !== undefined) text += ` from ${minimum}`;
  if (exclusiveMaximum !== undefined) text += ` below ${exclusiveMaximum}`;
  else if (maximum !== undefined) text += text === "" ? ` up to ${maximum}` : ` to ${maximum}`;
  return text;
}

function count(least: unknown, most: unknown, noun: string): string {
  if (least !== undefined && least === most) return ` of ${least} ${noun}`;
  if (least !== undefined && most !== undefined) return ` of ${least} to ${most} ${noun}`;
  if (least !== undefined) return ` of at least ${least} ${noun}`;
  return most === undefined ? "" : ` of at most ${most} ${noun}`;
}
