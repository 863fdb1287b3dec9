/**
 * YAML files that users write, checked against a TypeBox schema: model cards, pipelines and settings stand on this.
 * Schemas may carry two annotations: `expects` (words for what is wanted, instead of a pattern) and `secret` (the value
 * never shows up in a problem).
 */
import type { Static, TSchema } from "@sinclair/typebox";
import { checkAgainst, type ValueProblem } from "./check.ts";
import { type Place, readYaml } from "./document.ts";
import { invalid, type Problem, type ProblemExtra, pathText, type YamlPath } from "./problem.ts";

export { describeSchema } from "./describe.ts";
export type { Place } from "./document.ts";
export { nearest } from "./nearest.ts";
export { invalid, type Problem, type ProblemExtra, pathText, problemText, type YamlPath } from "./problem.ts";

/** A file whose content fits its schema. */
export interface CheckedYaml<T> {
  /** The content with the schema's defaults filled in. */
  readonly value: T;
  /** Where a key or list item stands; the nearest parent that exists when it does not. */
  locate(path: YamlPath): Place;
  /** A problem found by a later check, at the place of `path`. */
  problem(path: YamlPath, message: string, extra?: ProblemExtra): Problem;
}

/** How a file is read. */
export interface ParseYamlOptions<S extends TSchema> {
  /** The name shown to the user. */
  readonly file: string;
  readonly schema: S;
  readonly code: Parameters<typeof invalid>[0];
}

/**
 * Parses and checks a file. Throws an error of the given code that tells all problems at once: syntax, repeated and
 * unknown keys, wrong types. A text over 256 KiB, 64 levels or 100 alias expansions is refused.
 */
export function parseYaml<S extends TSchema>(text: string, options: ParseYamlOptions<S>): CheckedYaml<Static<S>> {
  const read = readYaml(text);
  const { file, schema, code } = options;
  const problem = (path: YamlPath, message: string, extra: ProblemExtra = {}): Problem => ({
    file,
    ...read.locate(path),
    path: pathText(path),
    message,
    ...extra,
  });
  const problems: Problem[] = read.problems.map((found) => ({ file, path: "", ...found }));
  if (read.fatal) throw invalid(code, problems);
  const checked = checkAgainst(schema, read.value);
  problems.push(...checked.problems.map((found) => placed(found, problem)));
  if (problems.length > 0)
    throw invalid(
      code,
      problems.sort((a, b) => a.line - b.line || a.column - b.column),
    );
  return { value: checked.value, locate: read.locate, problem };
}

/**
 * Checks one already parsed value, such as the options of a stage, against a schema of its own. The value in the answer
 * is a copy with defaults filled in; it has the schema's type only when there are no problems.
 */
export function checkValue<S extends TSchema>(
  schema: S,
  value: unknown,
  at: { readonly yaml: Pick<CheckedYaml<unknown>, "problem">; readonly path: YamlPath },
): { readonly value: Static<S>; readonly problems: readonly Problem[] } {
  const checked = checkAgainst(schema, value);
  const problem = (path: YamlPath, message: string, extra: ProblemExtra) =>
    at.yaml.problem([...at.path, ...path], message, extra);
  return { value: checked.value, problems: checked.problems.map((found) => placed(found, problem)) };
}

function placed(
  { path, message, ...extra }: ValueProblem,
  problem: (path: YamlPath, message: string, extra: ProblemExtra) => Problem,
): Problem {
  return problem(path, message, extra);
}
