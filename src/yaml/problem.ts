/** What is wrong in a file that a user wrote, and how it is told. */
import { type ErrorCode, FacewireError } from "../errors.ts";

/** Keys and list positions from the root of a document, such as `["stages", 2, "detect", "min_face"]`. */
export type YamlPath = readonly (string | number)[];

/** One mistake in one file. Plain JSON: it is shown as `details.problems`. */
export interface Problem {
  /** The file as the user knows it, or `environment`. */
  readonly file: string;
  /** From 1; 0 where there are no lines (environment variables). */
  readonly line: number;
  /** From 1; 0 where there are no lines. */
  readonly column: number;
  /** Such as `stages[2].detect.min_face`; empty for the whole document. */
  readonly path: string;
  readonly message: string;
  /** What stands there: a scalar as it is, or a few words for lists and mappings. Absent for secrets. */
  readonly found?: unknown;
  /** The keys or words that would have been right. */
  readonly allowed?: readonly string[];
  /** The one of `allowed` that was probably meant. */
  readonly nearest?: string;
}

/** The parts of a {@link Problem} that not every problem has. */
export type ProblemExtra = Pick<Problem, "found" | "allowed" | "nearest">;

/** Writes a path as users read it: `stages[2].detect.min_face`. */
export function pathText(path: YamlPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** One line: `file:line:col path: message (allowed: a, b; did you mean "x"?)`. */
export function problemText(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const hints: string[] = [];
  if (problem.allowed && problem.allowed.length > 0) hints.push(`allowed: ${problem.allowed.join(", ")}`);
  if (problem.nearest !== undefined) hints.push(`did you mean "${problem.nearest}"?`);
  const where = problem.path === "" ? place : `${place} ${problem.path}`;
  return `${where}: ${problem.message}${hints.length > 0 ? ` (${hints.join("; ")})` : ""}`;
}

/** The error that tells all problems of a file: one line each, and `details.problems` for programs. */
export function invalid(
  code: Extract<ErrorCode, "config_invalid" | "pipeline_invalid" | "card_invalid">,
  problems: readonly Problem[],
): FacewireError {
  return new FacewireError(code, problems.map(problemText).join("\n"), { details: { problems } });
}
