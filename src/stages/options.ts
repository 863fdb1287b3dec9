/** Building blocks of stage options, and the one way options are read: defaults filled in, unknown ones refused. */
import { type TObject, type TProperties, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { FacewireError } from "../errors.ts";
import { withDefaults } from "../yaml/defaults.ts";
import type { StageKind } from "./stage.ts";

/** The options of a stage: an object that takes no other keys. */
export function stageOptions<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false });
}

/** One of some words. */
export function oneOf<const T extends readonly string[]>(
  values: T,
  settings: { default?: T[number]; description: string },
) {
  return Type.Unsafe<T[number]>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      settings,
    ),
  );
}

/** A model by card name or alias. */
export function modelName(alias: string, description: string) {
  return Type.String({ minLength: 1, default: alias, description });
}

/** A share or probability, 0..1. */
export function share(settings: { default?: number; description: string }) {
  return Type.Number({ minimum: 0, maximum: 1, ...settings });
}

/** A length in pixels of the upright picture: a number, or text such as `40px`. Read it with {@link toPixels}. */
export function pixels(settings: { default?: number | string; description: string }) {
  return Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: "^[0-9]+(\\.[0-9]+)?px$" })], settings);
}

/** The number of pixels that a {@link pixels} option says. */
export function toPixels(value: number | string): number {
  return typeof value === "number" ? value : Number.parseFloat(value);
}

/**
 * Options as the stage gets them: a copy of what was written with the defaults filled in. Throws `pipeline_invalid` whose
 * `details.problems` name each wrong option by its path.
 */
export function parseStageOptions(kind: StageKind, written: unknown): Record<string, unknown> {
  const options = withDefaults(kind.options, written ?? {});
  const problems = [...Value.Errors(kind.options, options)].map((error) => ({
    path: error.path,
    message: error.message,
  }));
  if (problems.length > 0) {
    const named = problems.map((problem) => `${problem.path || "/"}: ${problem.message}`).join("; ");
    throw new FacewireError("pipeline_invalid", `The options of stage ${kind.kind} are not valid. ${named}`, {
      details: { stage: kind.kind, problems },
    });
  }
  return options as Record<string, unknown>;
}
