/** What is wrong with the parameters of a pipeline, as far as one declaration cannot say it by itself. */
import type { YamlPath } from "../yaml/problem.ts";
import type { PipelineDefinition } from "./definition.ts";
import { allowedText, fits, type ParameterDeclarations } from "./parameters.ts";
import type { PlanProblems } from "./plan-problems.ts";

/** Reports defaults that their own declarations do not allow. */
export function checkDefaults({ parameters }: PipelineDefinition, problems: PlanProblems): void {
  for (const [name, declaration] of Object.entries(parameters)) {
    if (fits(declaration, declaration.default)) continue;
    const message = `must be ${allowedText(declaration)}`;
    problems.report(["parameters", name, "default"], message, { found: declaration.default });
  }
}

/**
 * Reports at `at` the parameters of a used pipeline that the using one does not declare, or with another type: requests name
 * the outermost pipeline, so that only what it declares can be chosen.
 */
export function checkInherited(
  used: PipelineDefinition,
  declared: ParameterDeclarations,
  at: YamlPath,
  problems: PlanProblems,
): void {
  for (const [name, { type }] of Object.entries(used.parameters)) {
    const own = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (own?.type === type) continue;
    const message = own
      ? `has a parameter ${name} of type ${type}, which is declared as ${own.type} here`
      : `has the parameter ${name}, which must be declared here too`;
    problems.report(at, message, { found: used.name });
  }
}
