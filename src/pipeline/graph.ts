/** A plan as a graph: stages are nodes, and an edge says which parts one stage writes for another. */
import type { StageRegistry } from "../stages/registry.ts";
import { type Plan, stagesOf } from "./plan.ts";
import type { PlanGraph } from "./results.ts";

/** Builds the graph. `measured` gives a stage's mean milliseconds per item, where there is one. */
export function planGraph(
  plan: Plan,
  stages: StageRegistry,
  measured: (stageId: string) => number | undefined,
): PlanGraph {
  const planned = stagesOf(plan.steps);
  const nodes = planned.map((stage) => ({
    id: stage.id,
    stage: stage.id,
    kind: stage.kind,
    options: stage.options,
    reads: stage.reads,
    writes: stage.writes,
    models: stage.models,
    ...(stage.pool ? { pool: stage.pool } : {}),
    ...(stage.when === undefined ? {} : { when: stage.when }),
    measured_ms: measured(stage.id) ?? null,
    cost: stages.get(stage.kind).cost,
  }));
  const edges: { from: string; to: string; parts: string[] }[] = [];
  const writers = new Map<string, string[]>([["picture", ["picture"]]]);
  for (const stage of planned) {
    const byWriter = new Map<string, string[]>();
    for (const part of stage.reads) {
      for (const writer of writers.get(part) ?? []) byWriter.set(writer, [...(byWriter.get(writer) ?? []), part]);
    }
    for (const [from, parts] of byWriter) edges.push({ from, to: stage.id, parts });
    for (const part of stage.writes) writers.set(part, [...(writers.get(part) ?? []), stage.id]);
  }
  return {
    nodes: [
      {
        id: "picture",
        stage: "picture",
        kind: "decode",
        options: {},
        reads: [],
        writes: ["picture"],
        models: [],
        measured_ms: measured("picture") ?? null,
        cost: "Decoding; see docs/architecture.md.",
      },
      ...nodes,
    ],
    edges,
  };
}
