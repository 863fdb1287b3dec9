/** What is wrong with one pipeline file, each mistake in few words and at its place. */
import type { CheckedYaml } from "../yaml/checked-yaml.ts";
import { describeValue } from "../yaml/describe.ts";
import type { Problem, ProblemExtra, YamlPath } from "../yaml/problem.ts";

/** Characters a problem shows of a wrong value, and of its message: both may hold what was written. */
const SHOWN = { value: 80, message: 400 } as const;

/** See the file's head. */
export class PlanProblems {
  readonly #yaml: Pick<CheckedYaml<unknown>, "problem">;
  readonly #found: Problem[] = [];

  /** `yaml` knows where in the file a path is. */
  constructor(yaml: Pick<CheckedYaml<unknown>, "problem">) {
    this.#yaml = yaml;
  }

  /** All problems, in the order they were found. */
  get found(): readonly Problem[] {
    return this.#found;
  }

  /** Notes a problem at `path`; long messages and values are cut. */
  report(path: YamlPath, message: string, extra: ProblemExtra = {}): void {
    const bounded = extra.found === undefined ? extra : { ...extra, found: shown(extra.found) };
    this.#found.push(this.#yaml.problem(path, message.slice(0, SHOWN.message), bounded));
  }

  /** Takes over problems that another check found. */
  add(problems: readonly Problem[]): void {
    this.#found.push(...problems);
  }
}

/** Lists, mappings and long texts are told in a few words. */
function shown(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, SHOWN.value);
  return typeof value === "object" ? describeValue(value).slice(0, SHOWN.value) : value;
}
