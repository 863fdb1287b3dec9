/** Whether the models a stage wants have cards, and cards that fit. */
import type { ModelCatalog } from "../inference/catalog.ts";
import type { ModelUse } from "../stages/stage.ts";
import { nearest } from "../yaml/nearest.ts";
import type { YamlPath } from "../yaml/problem.ts";
import type { PlanProblems } from "./plan-problems.ts";

/** Names of the cards of all models that are there and fit, aliases resolved; reports the others at `at`. */
export function stageModels(
  uses: readonly ModelUse[],
  models: ModelCatalog,
  at: YamlPath,
  problems: PlanProblems,
): string[] {
  const names: string[] = [];
  for (const use of uses) {
    const card = models.find(use.name);
    const fitting = models.list().filter((each) => each.task === use.task);
    const allowed = fitting.flatMap((each) => [each.name, ...(each.aliases ?? [])]);
    if (!card) {
      const near = nearest(use.name, allowed);
      const extra = { found: use.name, allowed, ...(near ? { nearest: near } : {}) };
      problems.report(at, `needs a model that has no card: ${use.name}`, extra);
    } else if (card.task !== use.task) {
      const message = `needs a model for ${use.task}; ${use.name} is for ${card.task}`;
      problems.report(at, message, { found: use.name, allowed });
    } else {
      const missing = use.outputs?.find((output) => !Object.hasOwn(card.outputs, output));
      if (missing !== undefined) {
        const message = `needs the output ${missing}, which no output of model ${card.name} is`;
        problems.report(at, message, { found: missing, allowed: Object.keys(card.outputs) });
      }
      names.push(card.name);
    }
  }
  return names;
}
