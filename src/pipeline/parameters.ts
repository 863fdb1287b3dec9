/**
 * Parameters of a pipeline: what a request may choose, as the file's `parameters:` declares it. `when:` expressions read
 * them as `request.<name>`; stages never see them.
 */
import { type Static, Type } from "@sinclair/typebox";
import { FacewireError } from "../errors.ts";
import { nearest } from "../yaml/nearest.ts";

const strict = { additionalProperties: false } as const;

/** Lower-case words joined by underscores. */
export const PARAMETER_NAME = "^[a-z][a-z0-9_]{0,63}$";
/** Most parameters of a pipeline. */
export const MAX_PARAMETERS = 50;
/** Longest word of a string parameter. */
const MAX_WORD = 100;

const Description = Type.Optional(
  Type.String({ minLength: 1, maxLength: 1000, description: "One sentence for those who send requests." }),
);

/** The declaration of one parameter. Every one has a default, so that a condition always has a value to read. */
export const ParameterDeclaration = Type.Union([
  Type.Object({ type: Type.Literal("boolean"), default: Type.Boolean(), description: Description }, strict),
  Type.Object(
    {
      type: Type.Literal("number"),
      default: Type.Number(),
      minimum: Type.Optional(Type.Number({ description: "Least value." })),
      maximum: Type.Optional(Type.Number({ description: "Greatest value." })),
      description: Description,
    },
    strict,
  ),
  Type.Object(
    {
      type: Type.Literal("string"),
      default: Type.String({ maxLength: MAX_WORD }),
      one_of: Type.Array(Type.String({ minLength: 1, maxLength: MAX_WORD }), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description: "The words that are allowed.",
      }),
      description: Description,
    },
    strict,
  ),
]);
export type ParameterDeclaration = Static<typeof ParameterDeclaration>;

/** Declarations by name. */
export type ParameterDeclarations = Readonly<Record<string, ParameterDeclaration>>;

/** Values by name. */
export type ParameterValues = Readonly<Record<string, boolean | number | string>>;

/** What a parameter may be, in words such as `a number from 0 to 1`. */
export function allowedText(declaration: ParameterDeclaration): string {
  switch (declaration.type) {
    case "boolean":
      return "true or false";
    case "number": {
      const { minimum, maximum } = declaration;
      const from = minimum === undefined ? "" : ` from ${minimum}`;
      return `a number${from}${maximum === undefined ? (minimum === undefined ? "" : " up") : ` ${from ? "" : "up "}to ${maximum}`}`;
    }
    case "string":
      return `one of ${declaration.one_of.join(", ")}`;
  }
}

/** Whether a value is one that the declaration allows. */
export function fits(declaration: ParameterDeclaration, value: unknown): boolean {
  switch (declaration.type) {
    case "boolean":
      return typeof value === "boolean";
    case "number": {
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = declaration;
      return typeof value === "number" && Number.isFinite(value) && value >= minimum && value <= maximum;
    }
    case "string":
      return typeof value === "string" && declaration.one_of.includes(value);
  }
}

/**
 * The values of all parameters of a pipeline: those of the request, else the defaults. Throws `request_invalid` for a name
 * that is not declared and for a value that does not fit.
 */
export function parameterValues(
  declared: ParameterDeclarations,
  given: Readonly<Record<string, unknown>>,
  pipeline: string,
): ParameterValues {
  for (const [name, value] of Object.entries(given)) {
    const declaration = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (!declaration) throw unknownParameter(name, Object.keys(declared), pipeline);
    if (!fits(declaration, value)) {
      const allowed = allowedText(declaration);
      const found = typeof value === "string" ? value.slice(0, 100) : value;
      throw new FacewireError("request_invalid", `Parameter ${name} of pipeline ${pipeline} must be ${allowed}.`, {
        details: { parameter: name, found, allowed },
      });
    }
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, declaration]) => [
      name,
      Object.hasOwn(given, name) ? (given[name] as boolean | number | string) : declaration.default,
    ]),
  );
}

function unknownParameter(name: string, allowed: readonly string[], pipeline: string): FacewireError {
  const shown = name.slice(0, 100);
  const near = nearest(shown, allowed);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return new FacewireError(
    "request_invalid",
    `Pipeline ${pipeline} has no parameter ${JSON.stringify(shown)}.${hint}`,
    { details: { parameter: shown, allowed, ...(near === undefined ? {} : { nearest: near }) } },
  );
}
