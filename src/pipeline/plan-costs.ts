/**
 * What plans cost lately, as running means: of each stage, for the plan's graph and `facewire pipelines explain`, and of a
 * whole item, for the estimate of how long a line takes.
 */
import type { StageTime } from "./executor.ts";

/** What was measured of one item; milliseconds, waiting for slots included in the times. */
export interface MeasuredItem {
  readonly decodeMs: number;
  readonly times: readonly StageTime[];
}

/** Weight of the newest measurement, once there are enough for it to count less than its share. */
const WEIGHT = 0.1;
/** Milliseconds of a worker's time an item is taken to cost before its plan was measured. */
const FIRST_COST = 30;
/** Id of what is not a stage: decoding. */
const PICTURE = "picture";

interface PlanCost {
  readonly item: RunningMean;
  readonly stages: Map<string, RunningMean>;
}

/** See the file's head. */
export class PlanCosts {
  readonly #plans = new Map<string, PlanCost>();

  /**
   * Takes an item into account. `inHand` is how many items its worker had in hand: they shared the thread, so that each
   * cost the worker that part of the time it took.
   */
  learn(plan: string, { decodeMs, times }: MeasuredItem, inHand: number): void {
    const cost = this.#plans.get(plan) ?? { item: new RunningMean(FIRST_COST), stages: new Map() };
    this.#plans.set(plan, cost);
    let busyMs = decodeMs;
    note(cost.stages, PICTURE, decodeMs);
    for (const { id, elapsedMs, waitedMs } of times) {
      busyMs += elapsedMs - waitedMs;
      note(cost.stages, id, elapsedMs - waitedMs);
    }
    cost.item.add(busyMs / inHand);
  }

  /**
   * Mean milliseconds per item of a stage (or of `picture`: decoding) from begin to end, under the first of these plans
   * that knows it; undefined before the first item.
   */
  stageMs(plans: readonly string[], stageId: string): number | undefined {
    for (const plan of plans) {
      const mean = this.#plans.get(plan)?.stages.get(stageId);
      if (mean) return Math.round(mean.value * 1000) / 1000;
    }
    return undefined;
  }

  /** Milliseconds of one worker's time that an item costs. */
  itemMs(plan: string): number {
    return this.#plans.get(plan)?.item.value ?? FIRST_COST;
  }

  /** Drops what is known of a plan that runs no more. */
  forget(plan: string): void {
    this.#plans.delete(plan);
  }
}

/** A plain mean at first, so that one slow beginning is soon outweighed; then the newest count {@link WEIGHT}. */
class RunningMean {
  value: number;
  #count = 1;

  constructor(first: number) {
    this.value = first;
  }

  add(value: number): void {
    this.#count++;
    this.value += Math.max(WEIGHT, 1 / this.#count) * (value - this.value);
  }
}

function note(means: Map<string, RunningMean>, id: string, ms: number): void {
  const known = means.get(id);
  if (known) known.add(ms);
  else means.set(id, new RunningMean(ms));
}
