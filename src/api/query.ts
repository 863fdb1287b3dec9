/** Reads query strings strictly: what is not known is refused with the nearest name, never ignored. */
import { FacewireError } from "../errors.ts";
import { nearest } from "../yaml/nearest.ts";

/** Reads one parameter's text; returns undefined where the text is not allowed. */
export interface QueryParameter<T> {
  /** One line for the reference. */
  readonly description: string;
  /** What may stand there, in words or as in `1 or 0`. */
  readonly allowed: string;
  /** JSON Schema of the text, for the reference. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** It may be given several times: `parse` then gets all texts, joined by commas. */
  readonly repeatable?: boolean;
  parse(text: string): T | undefined;
}

/** Parameters of an address, by name. */
export type QueryShape = Readonly<Record<string, QueryParameter<unknown>>>;

/** What a shape's parameters give; absent ones are undefined. */
export type QueryValues<S extends QueryShape> = {
  readonly [K in keyof S]?: S[K] extends QueryParameter<infer T> ? T : never;
};

/** The parameters of a request. Throws `request_invalid` for an unknown, a repeated or a malformed one. */
export function readQuery<S extends QueryShape>(request: Request, shape: S): QueryValues<S> {
  const values: Record<string, unknown> = {};
  const given = new URL(request.url).searchParams;
  for (const name of new Set(given.keys())) {
    const parameter = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (!parameter) throw unknownParameter(name, Object.keys(shape));
    const texts = given.getAll(name);
    if (texts.length > 1 && !parameter.repeatable) {
      throw invalid(name, `The query parameter ${name} is given twice.`, {});
    }
    const text = texts.join(",");
    const value = parameter.parse(text);
    if (value === undefined) {
      const message = `The query parameter ${name} must be ${parameter.allowed}.`;
      throw invalid(name, message, { found: text.slice(0, 100), allowed: parameter.allowed });
    }
    values[name] = value;
  }
  return values as QueryValues<S>;
}

function unknownParameter(name: string, allowed: readonly string[]): FacewireError {
  const near = nearest(name, allowed);
  const shown = JSON.stringify(name.slice(0, 100));
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return invalid(name.slice(0, 100), `There is no query parameter ${shown} here.${hint}`, {
    allowed,
    ...(near === undefined ? {} : { nearest: near }),
  });
}

function invalid(parameter: string, message: string, details: Record<string, unknown>): FacewireError {
  return new FacewireError("request_invalid", message, { details: { parameter, ...details } });
}
