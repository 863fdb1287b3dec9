/** Whether what `aggregate:` asks for is written by a stage and can be put together that way. */
import type { StageRegistry } from "../stages/registry.ts";
import type { AggregateMethod } from "../stages/stage.ts";
import { nearest } from "../yaml/nearest.ts";
import type { PipelineDefinition } from "./definition.ts";
import type { Plan, PlannedStage } from "./plan.ts";
import type { PlanProblems } from "./plan-problems.ts";

/** The aggregation of a pipeline of these stages; reports keys and methods that do not fit. */
export function planAggregate(
  wanted: PipelineDefinition["aggregate"],
  planned: readonly PlannedStage[],
  stages: StageRegistry,
  problems: PlanProblems,
): Plan["aggregate"] {
  const result: Record<string, Plan["aggregate"][string]> = {};
  const byKey = new Map<string, PlannedStage>();
  // Stages that failed their own check are not in the list; saying so again would only confuse.
  const someMissing = problems.found.length > 0;
  for (const stage of planned) {
    const key = stages.find(stage.kind)?.aggregation?.key;
    if (key !== undefined) byKey.set(key, stage);
  }
  for (const [key, method] of Object.entries(wanted)) {
    const path = ["aggregate", key];
    const stage = byKey.get(key);
    const aggregation = stage && stages.find(stage.kind)?.aggregation;
    if (!stage || !aggregation) {
      if (someMissing) continue;
      const allowed = [...byKey.keys()];
      const near = nearest(key, allowed);
      const extra = { found: key, allowed, ...(near ? { nearest: near } : {}) };
      problems.report(path, "is not written by a stage of this pipeline", extra);
    } else if (!aggregation.methods.includes(method as AggregateMethod)) {
      problems.report(path, "cannot be aggregated this way", { found: method, allowed: aggregation.methods });
    } else result[key] = { method: method as AggregateMethod, kind: stage.kind, options: stage.options };
  }
  return result;
}
