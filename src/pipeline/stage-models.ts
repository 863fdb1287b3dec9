/** Whether the models a stage wants have cards, and cards that fit. */
import type { ModelCatalog } from "../inference/catalog.ts";
import type { ModelUse } from "../stages/stage.ts";
import { nearest } from "../yaml/nearest.ts";
import type { YamlPath } from "../yaml/problem.ts";
import type { PlanProblems } from "./plan-problems.ts";

/** The models of a stage. */
export interface StageModels {
  /** Names of the cards of those that are there and fit, aliases resolved. */
  readonly names: readonly string[];
  /** Those that have no card, as the stage names them; only where `mayMiss`. */
  readonly missing: readonly string[];
}

/** Looks the models of a stage up; reports those that do not fit at `at`, and those without a card unless they may miss. */
export function stageModels(
  uses: readonly ModelUse[],
  models: ModelCatalog,
  { at, mayMiss }: { readonly at: YamlPath; readonly mayMiss: boolean },
  problems: PlanProblems,
): StageModels {
  const names: string[] = [];
  const missing: string[] = [];
  for (const use of uses) {
    const card = models.find(use.name);
    const fitting = models.list().filter((each) => each.task === use.task);
    const allowed = fitting.flatMap((each) => [each.name, ...(each.aliases ?? [])]);
    if (!card && mayMiss) missing.push(use.name);
    else if (!card) {
      const near = nearest(use.name, allowed);
      const extra = { found: use.name, allowed, ...(near ? { nearest: near } : {}) };
      problems.report(at, `needs a model that has no card: ${use.name}`, extra);
    } else if (card.task !== use.task) {
      const message = `needs a model for ${use.task}; ${use.name} is for ${card.task}`;
      problems.report(at, message, { found: use.name, allowed });
    } else {
      const absent = use.outputs?.find((output) => !Object.hasOwn(card.outputs, output));
      if (absent !== undefined) {
        const message = `needs the output ${absent}, which no output of model ${card.name} is`;
        problems.report(at, message, { found: absent, allowed: Object.keys(card.outputs) });
      }
      names.push(card.name);
    }
  }
  return { names, missing };
}
