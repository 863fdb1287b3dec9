/**
 * The legs of a pipeline: the parts of it that run in one place without a hop. A stage with `place:` begins a new one,
 * which also holds all stages behind it until the next `place:`.
 */
import type { Plan, PlannedStep } from "./plan.ts";

/** Where stages without a `place:` go from a process that runs none itself. */
export const DEFAULT_GROUP = "default";

/** A part of a pipeline. */
export interface Leg {
  /** The group of processes it goes to; undefined where this process runs it. */
  readonly group: string | undefined;
  /** The plan with the steps of this leg only, and a key of its own. */
  readonly plan: Plan;
}

/** Says whether this process runs the stages of a group, or, asked with undefined, stages without a place. */
export type RunsHere = (group: string | undefined) => boolean;

/**
 * Cuts a plan into legs. Neighbours that run here are one leg: what the border between them does to an item
 * (`ItemControl.cross`) the executor does as well. Empty legs are left out, but there is always one.
 */
export function legsOf(plan: Plan, runsHere: RunsHere): readonly Leg[] {
  const parts: { group: string | undefined; steps: PlannedStep[] }[] = [];
  let place: string | undefined;
  for (const step of plan.steps) {
    if (step.type === "stage" && step.place !== undefined) place = step.place;
    const group = runsHere(place) ? undefined : (place ?? DEFAULT_GROUP);
    const last = parts.at(-1);
    if (last && last.group === group) last.steps.push(step);
    else parts.push({ group, steps: [step] });
  }
  // Where a place begins a frame becomes a file, also at the very first stage, and a worker of this process makes it one.
  if (parts[0]?.group !== undefined && beginsPlaced(plan) && plan.accepts.includes("video")) {
    parts.unshift({ group: undefined, steps: [] });
  }
  return parts.map(({ group, steps }, leg) => ({
    group,
    plan: parts.length === 1 && group === undefined ? plan : { ...plan, steps, leg },
  }));
}

function beginsPlaced({ steps: [first] }: Plan): boolean {
  return first?.type === "stage" && first.place !== undefined;
}
