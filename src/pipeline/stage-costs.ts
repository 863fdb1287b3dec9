/** What the stages of each plan cost lately: running means, shown by the plan's graph and by `facewire pipelines explain`. */
import type { StageTime } from "./executor.ts";

/** Weight of the newest measurement. */
const WEIGHT = 0.05;

/** See the file's head. Times are of one worker, waiting for slots not counted. */
export class StageCosts {
  readonly #means = new Map<string, Map<string, number>>();

  /** Takes an item's times into account; ms. */
  learn(plan: string, decodeMs: number, times: readonly StageTime[]): void {
    const means = this.#means.get(plan) ?? new Map<string, number>();
    this.#means.set(plan, means);
    note(means, "picture", decodeMs);
    for (const { id, elapsedMs, waitedMs } of times) note(means, id, elapsedMs - waitedMs);
  }

  /** Mean milliseconds per item of a stage (or of `picture`: decoding); undefined before the first. */
  mean(plan: string, stageId: string): number | undefined {
    const mean = this.#means.get(plan)?.get(stageId);
    return mean === undefined ? undefined : Math.round(mean * 1000) / 1000;
  }
}

function note(means: Map<string, number>, id: string, ms: number): void {
  const known = means.get(id);
  means.set(id, known === undefined ? ms : known + WEIGHT * (ms - known));
}
