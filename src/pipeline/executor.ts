/** Runs one item through a plan inside a worker: order, `when`, pools, checkpoints, times and traces. */
import { FacewireError } from "../errors.ts";
import type { Face, Item } from "../stages/item.ts";
import type { StageRegistry } from "../stages/registry.ts";
import type { Stage, StageContext, StageEnvironment, StageKind } from "../stages/stage.ts";
import { type Condition, compileCondition } from "./condition.ts";
import { facePart } from "./face-parts.ts";
import { stageWithoutModel } from "./missing-models.ts";
import type { ParameterDeclarations, ParameterValues } from "./parameters.ts";
import { partsOf } from "./parts-view.ts";
import { type Plan, type PlannedStage, type PlannedStep, stagesOf } from "./plan.ts";
import type { StageTrace } from "./results.ts";

/** What an item may ask of the process that sent it. */
export interface ItemControl {
  /** Throws `request_cancelled` or `deadline_exceeded` when the work is no longer wanted. */
  checkpoint(): void;
  /** Waits for slots of a pool; rejects with `pool_full` or `deadline_exceeded`. The result gives them back. */
  acquire(pool: string, slots: number): Promise<() => void>;
  /**
   * Does to an item what going to another place does, also where the place is this one: numbers must not depend on where
   * stages run.
   */
  cross(item: Item): Promise<void>;
  /** Whether traces are wanted. */
  readonly explain: boolean;
  /** Values of all parameters of the pipeline. */
  readonly parameters: ParameterValues;
}

/** Time one stage took with one item. */
export interface StageTime {
  readonly id: string;
  readonly kind: string;
  /** Milliseconds, waiting included. */
  readonly elapsedMs: number;
  /** Milliseconds waited for slots of the stage's pool. */
  readonly waitedMs: number;
  /** Milliseconds since the epoch when it began. */
  readonly startedAt: number;
}

/** What came of an item beside what is written on it. */
export interface ItemRun {
  readonly times: readonly StageTime[];
  /** Empty unless traces were wanted. */
  readonly traces: readonly StageTrace[];
}

interface BuiltStage {
  readonly planned: PlannedStage;
  readonly stage: Stage;
  readonly condition: Condition | undefined;
  /** Parts a face must have to be handled: the stage that writes them may have passed some faces by. */
  readonly requires: readonly string[];
  /** Whether it works on faces rather than on the picture. */
  readonly needsFaces: boolean;
}

type BuiltStep = BuiltStage | { readonly branches: readonly (readonly BuiltStep[])[] };

/** Collects times and traces of one item. */
interface Recorder {
  readonly times: StageTime[];
  readonly traces: StageTrace[];
}

/** A plan with its stages built and its models loaded. Belongs to one worker. */
export class Executor {
  readonly #plan: Plan;
  readonly #steps: readonly BuiltStep[];
  /** Position of each stage in the file, by id. */
  readonly #order: ReadonlyMap<string, number>;

  private constructor(plan: Plan, steps: readonly BuiltStep[]) {
    this.#plan = plan;
    this.#steps = steps;
    this.#order = new Map(stagesOf(plan.steps).map(({ id }, at) => [id, at]));
  }

  /** Builds every stage; rejects with what the first one that cannot be built says (`model_unavailable`, …). */
  static async build(plan: Plan, registry: StageRegistry, environment: StageEnvironment): Promise<Executor> {
    return new Executor(plan, await buildSteps(plan.steps, { registry, environment, parameters: plan.parameters }));
  }

  /** Runs all stages on an item, writing onto its faces. Rejects with the first failure. */
  async run(item: Item, control: ItemControl): Promise<ItemRun> {
    const recorder: Recorder = { times: [], traces: [] };
    for (const step of this.#steps) await this.#step(step, item, control, recorder);
    return { times: this.#inOrder(recorder.times), traces: this.#inOrder(recorder.traces) };
  }

  /** As the file has the stages: those of branches end in any order. */
  #inOrder<T extends { readonly id: string } | { readonly stage: string }>(records: readonly T[]): readonly T[] {
    const at = (record: T) => this.#order.get("id" in record ? record.id : record.stage) ?? 0;
    return records.toSorted((a, b) => at(a) - at(b));
  }

  async #step(step: BuiltStep, item: Item, control: ItemControl, recorder: Recorder): Promise<void> {
    if ("stage" in step) return this.#stage(step, item, control, recorder);
    const sequences = step.branches.map(async (branch) => {
      for (const inner of branch) await this.#step(inner, item, control, recorder);
    });
    // All branches end before the item does, also when one fails: the picture is released after them.
    const outcomes = await Promise.allSettled(sequences);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #stage(built: BuiltStage, item: Item, control: ItemControl, recorder: Recorder): Promise<void> {
    control.checkpoint();
    const { planned } = built;
    if (planned.place !== undefined) await control.cross(item);
    const startedAt = Date.now();
    const start = performance.now();
    const reasons: string[] = [];
    const context = stageContext(control, item, reasons);
    const faces = facesFor(built, item, control.parameters, context);
    const ran = faces !== undefined && (faces.length > 0 || !built.needsFaces);
    const input = control.explain ? partsOf(item, faces ?? [], planned.reads) : undefined;
    let waitedMs = 0;
    if (ran) {
      const release = planned.pool && (await control.acquire(planned.pool.name, planned.pool.slots));
      waitedMs = release ? performance.now() - start : 0;
      try {
        if (release) control.checkpoint();
        await built.stage.run(item, faces, context);
      } catch (thrown) {
        if (thrown instanceof FacewireError) throw thrown;
        throw new FacewireError("stage_failed", `Stage ${planned.id} failed on this picture.`, {
          details: { stage: planned.id },
          cause: thrown,
        });
      } finally {
        release?.();
      }
      this.#boundFaces(item, reasons);
    }
    const elapsedMs = performance.now() - start;
    recorder.times.push({ id: planned.id, kind: planned.kind, elapsedMs, waitedMs, startedAt });
    if (!control.explain) return;
    const after = item.faces.filter((face) => !face.rejected);
    recorder.traces.push({
      stage: planned.id,
      kind: planned.kind,
      options: planned.options,
      reads: planned.reads,
      writes: planned.writes,
      faces_in: faces?.length ?? 0,
      faces_out: after.length,
      input,
      output: ran ? partsOf(item, built.needsFaces ? (faces ?? []) : item.faces, planned.writes) : null,
      elapsed_ms: round(elapsedMs),
      waited_ms: round(waitedMs),
      ran,
      reasons: ran || reasons.length > 0 ? reasons : ["no face to work on"],
    });
  }

  /** A crowd must not cost without bound: only the best-scored faces go on. */
  #boundFaces(item: Item, reasons: string[]): void {
    const most = this.#plan.maxFaces;
    if (item.faces.length <= most) return;
    reasons.push(`limits.faces: the ${most} best-scored of ${item.faces.length} faces are kept`);
    item.faces = item.faces.toSorted((a, b) => b.score - a.score).slice(0, most);
  }
}

/** What stages are built with. */
interface Building {
  readonly registry: StageRegistry;
  readonly environment: StageEnvironment;
  readonly parameters: ParameterDeclarations;
}

async function buildSteps(steps: readonly PlannedStep[], building: Building): Promise<BuiltStep[]> {
  const { registry, environment, parameters } = building;
  const built: BuiltStep[] = [];
  for (const step of steps) {
    if (step.type === "parallel") {
      const branches: BuiltStep[][] = [];
      for (const branch of step.branches) branches.push(await buildSteps(branch, building));
      built.push({ branches });
      continue;
    }
    const kind = registry.get(step.kind);
    built.push({
      planned: step,
      stage: await builtStage(step, kind, environment),
      requires: kind.reads(step.options as never).filter((part) => part.startsWith("face.")),
      condition: step.when === undefined ? undefined : compileCondition(step.when, parameters),
      needsFaces: step.reads.some((part) => part.startsWith("face.")),
    });
  }
  return built;
}

function builtStage(step: PlannedStage, kind: StageKind, environment: StageEnvironment): Promise<Stage> {
  const create = () => kind.create(step.options as never, environment);
  return step.modelMissing === "fail" ? stageWithoutModel(step, kind, create) : create();
}

/** The faces a stage handles, or undefined where its `when` turned the whole picture away. */
function facesFor(
  built: BuiltStage,
  item: Item,
  request: ParameterValues,
  { explain }: StageContext,
): readonly Face[] | undefined {
  const { condition, planned, requires } = built;
  const able = item.faces.filter((face) => {
    if (face.rejected) return false;
    const missing = requires.find((part) => facePart(face, part) === undefined);
    if (missing !== undefined) explain(() => `has no ${missing}`, face);
    return missing === undefined;
  });
  if (!condition) return able;
  try {
    const each = condition.perFace;
    const chosen = each
      ? able.filter((face) => condition.test(item, request, face))
      : condition.test(item, request)
        ? able
        : undefined;
    if (!chosen || (chosen.length === 0 && able.length > 0)) explain(() => `when: ${condition.source}`);
    return chosen;
  } catch (thrown) {
    throw new FacewireError("stage_failed", `The condition of stage ${planned.id} failed on this picture.`, {
      details: { stage: planned.id, when: condition.source },
      cause: thrown,
    });
  }
}

function stageContext(control: ItemControl, item: Item, reasons: string[]): StageContext {
  return {
    checkpoint: () => control.checkpoint(),
    explain(reason, face) {
      if (!control.explain) return;
      const index = face ? item.faces.indexOf(face) : -1;
      reasons.push(index < 0 ? reason() : `face ${index + 1}: ${reason()}`);
    },
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
