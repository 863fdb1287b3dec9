/** Fills in what a schema has defaults for. */
import { KindGuard, type TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

/**
 * A copy of `value` with the schema's defaults where keys are missing, at any depth; what does not fit the schema is
 * left as it is. TypeBox's own Value.Default passes over map entries and union variants without a default of their own.
 */
export function withDefaults(schema: TSchema, value: unknown): unknown {
  if (value === undefined) return "default" in schema ? withDefaults(schema, Value.Clone(schema.default)) : undefined;
  if (KindGuard.IsUnion(schema)) {
    const filled = schema.anyOf.map((variant) => ({ variant, value: withDefaults(variant, value) }));
    return (filled.find((one) => Value.Check(one.variant, one.value)) ?? { value }).value;
  }
  if (Array.isArray(value)) {
    const itemSchema = (at: number) => (KindGuard.IsTuple(schema) ? schema.items?.[at] : schema.items);
    return value.map((item, at) => withDefaults(itemSchema(at) ?? {}, item));
  }
  if (typeof value !== "object" || value === null) return value;
  const filled: Record<string, unknown> = { ...value };
  const entries = Object.entries<TSchema>(schema.patternProperties ?? {});
  for (const key of Object.keys(filled)) {
    const entry = entries.find(([pattern]) => new RegExp(pattern).test(key))?.[1];
    if (entry) filled[key] = withDefaults(entry, filled[key]);
  }
  for (const [key, child] of Object.entries<TSchema>(schema.properties ?? {})) {
    const inner = withDefaults(child, filled[key]);
    if (inner !== undefined) filled[key] = inner;
  }
  return filled;
}
