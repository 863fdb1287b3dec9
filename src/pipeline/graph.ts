/** A plan as a graph: stages are nodes, and an edge says which parts one stage writes for another. */
import type { StageRegistry } from "../stages/registry.ts";
import { type Plan, type PlannedStage, type PlannedStep, stagesOf } from "./plan.ts";
import type { PlanGraph, PlanHop } from "./results.ts";

type Edge = PlanGraph["edges"][number];
/** Ids of the stages that wrote each part so far. */
type Writers = ReadonlyMap<string, ReadonlySet<string>>;

/** Builds the graph. `measured` gives a stage's mean milliseconds per item, where there is one. */
export function planGraph(
  plan: Plan,
  stages: StageRegistry,
  measured: (stageId: string) => number | undefined,
): PlanGraph {
  const planned = stagesOf(plan.steps);
  const places = placesOf(plan.steps);
  const nodes = planned.map((stage) => ({
    id: stage.id,
    stage: stage.id,
    kind: stage.kind,
    options: stage.options,
    reads: stage.reads,
    writes: stage.writes,
    models: stage.models,
    ...(stage.modelMissing ? { model_missing: stage.modelMissing } : {}),
    ...(stage.missingModels ? { missing_models: stage.missingModels } : {}),
    ...(stage.pool ? { pool: stage.pool } : {}),
    ...(stage.when === undefined ? {} : { when: stage.when }),
    ...placeOf(places.get(stage.id)),
    measured_ms: measured(stage.id) ?? null,
    cost: stages.get(stage.kind).cost,
  }));
  const edges: Edge[] = [];
  link(plan.steps, new Map([["picture", new Set(["picture"])]]), edges);
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
    edges: edges.map((edge) =>
      places.get(edge.from) === places.get(edge.to) ? edge : { ...edge, bus: true as const },
    ),
    hops: hopsOf(plan, places),
  };
}

/** The group of each stage by its id; a stage without a place is where the one before it is. */
function placesOf(steps: readonly PlannedStep[]): ReadonlyMap<string, string | undefined> {
  let place: string | undefined;
  // Branches have no places of their own, so that the order they are written in is enough.
  return new Map(
    stagesOf(steps).map((stage) => {
      place = stage.place ?? place;
      return [stage.id, place];
    }),
  );
}

function placeOf(place: string | undefined) {
  return place === undefined ? {} : { place };
}

function hopsOf({ steps, accepts }: Plan, places: ReadonlyMap<string, string | undefined>): PlanHop[] {
  const picture = accepts.map((kind) => (kind === "image" ? "file" : "jpeg"));
  const written = new Set<string>();
  const hops: PlanHop[] = [];
  let at: string | undefined;
  for (const stage of stagesOf(steps)) {
    const place = places.get(stage.id);
    if (place !== at) {
      hops.push({ from: at ?? null, to: place ?? null, before: stage.id, picture, parts: [...written] });
    }
    at = place;
    for (const part of stage.writes) written.add(part);
  }
  if (at !== undefined) hops.push({ from: at, to: null, before: null, picture: [], parts: [...written] });
  return hops;
}

/** Adds the edges of steps behind `writers`; the result are the writers behind the steps. */
function link(steps: readonly PlannedStep[], writers: Writers, edges: Edge[]): Writers {
  let known = writers;
  for (const step of steps) {
    if (step.type === "stage") {
      edges.push(...edgesTo(step, known));
      known = merged([known, new Map(step.writes.map((part) => [part, new Set([step.id])]))]);
    } else {
      // Each branch starts from what stood before the group: siblings give each other nothing.
      const before = known;
      known = merged(step.branches.map((branch) => link(branch, before, edges)));
    }
  }
  return known;
}

function edgesTo(stage: PlannedStage, writers: Writers): Edge[] {
  const byWriter = new Map<string, string[]>();
  for (const part of stage.reads) {
    for (const writer of writers.get(part) ?? []) byWriter.set(writer, [...(byWriter.get(writer) ?? []), part]);
  }
  return [...byWriter].map(([from, parts]) => ({ from, to: stage.id, parts }));
}

function merged(all: readonly Writers[]): Writers {
  const result = new Map<string, Set<string>>();
  for (const [part, writers] of all.flatMap((each) => [...each])) {
    result.set(part, new Set([...(result.get(part) ?? []), ...writers]));
  }
  return result;
}
