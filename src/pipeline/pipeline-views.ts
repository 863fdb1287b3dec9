/** A pipeline as users see it: a line of the list, and everything there is to say of one. */
import type { StageRegistry } from "../stages/registry.ts";
import type { PipelineEntry } from "./deployments.ts";
import { planGraph } from "./graph.ts";
import { pipelineStatus } from "./health.ts";
import { stagesOf } from "./plan.ts";
import type { PlanCosts } from "./plan-costs.ts";
import type { PlannedPipeline } from "./planner.ts";
import type { PipelineDetail, PipelineSummary } from "./results.ts";

/** What lists say of a pipeline; one that never ran has neither version nor description. */
export function pipelineSummary(entry: PipelineEntry): PipelineSummary {
  const { name, running, error } = entry;
  return {
    name,
    description: running?.definition.description ?? "",
    version: running?.plan.version ?? "",
    accepts: running?.definition.accepts ?? [],
    status: pipelineStatus(entry),
    ...(error ? { error: error.toPublic() } : {}),
  };
}

/**
 * A checked definition with its plan as a graph; its status is `ok`, as nothing is known of how it runs. `keys`: what the
 * costs of its legs are kept under.
 */
export function pipelineDetail(
  planned: PlannedPipeline,
  stages: StageRegistry,
  costs: PlanCosts,
  keys: readonly string[] = [],
): PipelineDetail {
  const { plan, definition, source } = planned;
  const kinds = new Set(stagesOf(plan.steps).map((stage) => stage.kind));
  return {
    name: plan.name,
    description: definition.description,
    version: plan.version,
    accepts: definition.accepts,
    status: "ok",
    definition,
    source,
    limits: { deadline_ms: plan.deadlineMs, files: plan.maxFiles },
    parameters: plan.parameters,
    aggregate: definition.aggregate,
    plan: planGraph(plan, stages, (stageId) => costs.stageMs(keys, stageId)),
    stage_schemas: Object.fromEntries([...kinds].map((kind) => [kind, stages.get(kind).options])),
  };
}
