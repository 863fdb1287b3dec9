/**
 * Turns a pipeline file into a plan, or says everything that is wrong with it: unknown words, stages whose needs nobody
 * wrote, models that do not exist, branches that lean on each other, pipelines that use each other in a circle.
 */
import { createHash } from "node:crypto";
import type { FacewireError } from "../errors.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import { parseDuration } from "../settings/units.ts";
import type { StageRegistry } from "../stages/registry.ts";
import { type CheckedYaml, checkValue, invalid, parseYaml } from "../yaml/checked-yaml.ts";
import { nearest } from "../yaml/nearest.ts";
import type { YamlPath } from "../yaml/problem.ts";
import { ENTRY_WORDS, PipelineDefinition } from "./definition.ts";
import { type EntryWords, entryWords, refuseEntryWords, type WrittenEntry } from "./entry-words.ts";
import type { ParameterDeclarations } from "./parameters.ts";
import { PartFlow } from "./part-flow.ts";
import { type Plan, type PlannedStep, stagesOf } from "./plan.ts";
import { planAggregate } from "./plan-aggregate.ts";
import { checkDefaults, checkInherited } from "./plan-parameters.ts";
import { PlanProblems } from "./plan-problems.ts";
import { planSampling } from "./plan-sampling.ts";
import type { PoolSettings } from "./pools.ts";
import { stageModels } from "./stage-models.ts";

/** What a pipeline is checked against. */
export interface PlannerContext {
  readonly stages: StageRegistry;
  readonly models: ModelCatalog;
  readonly pools: Readonly<Record<string, PoolSettings>>;
  /** Text of another pipeline, for `use:`; `fault` says why it cannot be used. */
  source(name: string): { readonly text: string; readonly file: string; readonly fault?: FacewireError } | undefined;
  /** Names of all pipelines, to suggest the nearest. */
  names(): readonly string[];
}

/** A checked pipeline with the text it came from. */
export interface PlannedPipeline {
  readonly plan: Plan;
  readonly definition: PipelineDefinition;
  readonly source: string;
}

/** Shortest and longest `limits.deadline`, in ms. */
const DEADLINE_RANGE = { least: 10, most: 600_000 } as const;
/** Most stages and groups of a pipeline, those of pipelines it uses counted: a text can name very many in little room. */
const MAX_ENTRIES = 200;

/**
 * Plans a pipeline. `file` names it in problems; `expectedName` is the file's name without its ending.
 * Throws `pipeline_invalid` with every problem found in `details.problems`.
 */
export function planPipeline(
  source: string,
  file: string,
  context: PlannerContext,
  expectedName?: string,
): PlannedPipeline {
  return new Planner(source, file, context, []).plan(expectedName);
}

class Planner {
  readonly #source: string;
  readonly #context: PlannerContext;
  /** Names of the pipelines that led here through `use:`. */
  readonly #trail: readonly string[];
  readonly #yaml: CheckedYaml<PipelineDefinition>;
  readonly #problems: PlanProblems;
  readonly #flow: PartFlow;
  readonly #used: string[] = [];
  /** What conditions may read: the outermost pipeline's declarations, and for a used one its own, which must be among them. */
  readonly #parameters: ParameterDeclarations;
  #position = 0;
  #entries = 0;
  /** How many `parallel` groups surround the entry that is planned. */
  #branches = 0;

  constructor(
    source: string,
    file: string,
    context: PlannerContext,
    trail: readonly string[],
    outer: ParameterDeclarations = {},
  ) {
    this.#source = source;
    this.#context = context;
    this.#trail = trail;
    this.#yaml = parseYaml(source, { file, schema: PipelineDefinition, code: "pipeline_invalid" });
    this.#problems = new PlanProblems(this.#yaml);
    this.#flow = new PartFlow(context.stages, this.#yaml, this.#problems);
    this.#parameters = { ...this.#yaml.value.parameters, ...outer };
  }

  plan(expectedName?: string): PlannedPipeline {
    const definition = this.#yaml.value;
    if (expectedName !== undefined && definition.name !== expectedName) {
      this.#problems.report(["name"], "must be the file's name", { found: definition.name, allowed: [expectedName] });
    }
    const written = new Set<string>(["picture"]);
    const steps = this.#steps(definition.stages, ["stages"], written);
    const deadlineMs = this.#deadline(definition.limits, "deadline");
    const videoDeadlineMs = this.#deadline(definition.limits, "video_deadline");
    const sampling = planSampling(definition, this.#problems);
    checkDefaults(definition, this.#problems);
    const aggregate = planAggregate(definition.aggregate, stagesOf(steps), this.#context.stages, this.#problems);
    if (this.#problems.found.length > 0) throw this.#invalid();
    const plan: Plan = {
      name: definition.name,
      version: createHash("sha256")
        .update([this.#source, ...this.#used].join("\0"))
        .digest("hex")
        .slice(0, 12),
      steps,
      accepts: definition.accepts,
      parameters: definition.parameters,
      sampling,
      deadlineMs,
      videoDeadlineMs,
      maxFiles: definition.limits.files,
      maxFrames: definition.limits.frames,
      maxFaces: definition.limits.faces,
      priority: definition.priority,
      aggregate,
    };
    return { plan, definition, source: this.#source };
  }

  /** Plans a list of entries; `written` gains the parts they write. */
  #steps(entries: readonly unknown[], path: YamlPath, written: Set<string>): PlannedStep[] {
    return entries.flatMap((entry, index) => this.#entry(entry, [...path, index], written));
  }

  #entry(entry: unknown, path: YamlPath, written: Set<string>): PlannedStep[] {
    if (++this.#entries > MAX_ENTRIES) {
      this.#problems.report(path, `is one more than the ${MAX_ENTRIES} stages and groups a pipeline may have`);
      throw this.#invalid();
    }
    if (typeof entry === "string") return this.#stage(entry, {}, {}, path, path, written);
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
      this.#problems.report(path, "must be a stage, such as `detect: {}`", { found: entry });
      this.#flow.unknownStage(written);
      return [];
    }
    const record = entry as WrittenEntry;
    const words = Object.keys(record).filter((word) => !(ENTRY_WORDS as readonly string[]).includes(word));
    const word = words[0];
    if (word === undefined || words.length > 1) {
      const message = word === undefined ? "names no stage" : `names ${words.length} stages; one an entry`;
      this.#problems.report(path, message, { found: words.join(", "), allowed: this.#allowedWords() });
      this.#flow.unknownStage(written);
      return [];
    }
    if (word === "parallel") return this.#parallel(record, path, written);
    if (word === "use") return this.#use(record, path, written);
    return this.#stage(word, record[word] ?? {}, record, path, [...path, word], written);
  }

  #stage(
    word: string,
    given: unknown,
    entry: WrittenEntry,
    path: YamlPath,
    at: YamlPath,
    written: Set<string>,
  ): PlannedStep[] {
    this.#position++;
    const kind = this.#context.stages.find(word);
    if (!kind) {
      const allowed = this.#allowedWords();
      const near = nearest(word, allowed);
      this.#problems.report(at, "is no kind of stage", { found: word, allowed, ...(near ? { nearest: near } : {}) });
      this.#flow.unknownStage(written);
      return [];
    }
    const checked = checkValue(kind.options, given, { yaml: this.#yaml, path: at });
    this.#problems.add(checked.problems);
    const { condition, pool, place, modelMayMiss, name } = this.#words(entry, path);
    if (place !== undefined && this.#branches > 0) {
      const message = "does not go inside `parallel`: put it on a stage before or behind the branches";
      this.#problems.report([...path, "place"], message, { found: place });
    }
    if (checked.problems.length > 0) {
      this.#flow.brokenStage(kind, written);
      return [];
    }
    const options = checked.value as Record<string, unknown>;
    const reads = [...new Set([...kind.reads(options), ...(condition?.reads ?? [])])];
    const writes = kind.writes(options);
    this.#flow.stage({ word, reads, writes }, written, at);
    const uses = kind.models(options);
    if (entry.model_missing !== undefined && uses.length === 0) {
      this.#problems.report([...path, "model_missing"], `means nothing beside ${word}, which has no model`);
    }
    const models = stageModels(uses, this.#context.models, { at, mayMiss: modelMayMiss }, this.#problems);
    return [
      {
        type: "stage",
        id: `${this.#position}. ${word}${name ? ` (${name})` : ""}`,
        kind: word,
        options,
        reads,
        writes,
        models: models.names,
        ...(modelMayMiss ? { modelMissing: "fail" as const } : {}),
        ...(models.missing.length > 0 ? { missingModels: models.missing } : {}),
        ...(condition ? { when: condition.source } : {}),
        ...(pool ? { pool } : {}),
        ...(place === undefined ? {} : { place }),
      },
    ];
  }

  #parallel(entry: WrittenEntry, path: YamlPath, written: Set<string>): PlannedStep[] {
    refuseEntryWords(entry, path, "parallel", this.#problems);
    const at = [...path, "parallel"];
    const list = entry.parallel;
    if (!Array.isArray(list) || list.length < 2) {
      this.#problems.report(at, "must be a list of two or more branches", { found: list });
      this.#flow.unknownStage(written);
      return [];
    }
    const before = new Set(written);
    const branches: PlannedStep[][] = [];
    this.#branches++;
    // A branch starts from what stood before the group: a part of a sibling is not there for it.
    for (const [index, branch] of list.entries()) {
      const own = new Set(before);
      const branchPath = [...at, index];
      branches.push(
        Array.isArray(branch) ? this.#steps(branch, branchPath, own) : this.#entry(branch, branchPath, own),
      );
      this.#flow.branch(before, own, written, branchPath);
    }
    this.#branches--;
    return [{ type: "parallel", branches }];
  }

  #use(entry: WrittenEntry, path: YamlPath, written: Set<string>): PlannedStep[] {
    refuseEntryWords(entry, path, "use", this.#problems);
    const at = [...path, "use"];
    const name = entry.use;
    if (typeof name !== "string") {
      this.#problems.report(at, "must be the name of a pipeline", { found: name });
      this.#flow.unknownStage(written);
      return [];
    }
    const trail = [...this.#trail, this.#yaml.value.name];
    if (trail.includes(name)) {
      this.#problems.report(at, `pipelines use each other in a circle: ${[...trail, name].join(" -> ")}`);
      return [];
    }
    const source = this.#context.source(name);
    if (!source) {
      const near = nearest(name, this.#context.names());
      this.#problems.report(at, "is no pipeline", { found: name, ...(near ? { nearest: near } : {}) });
      this.#flow.unknownStage(written);
      return [];
    }
    if (source.fault) {
      this.#problems.report(at, `cannot be used: ${source.fault.message}`, { found: name });
      this.#flow.unknownStage(written);
      return [];
    }
    const inner = new Planner(source.text, source.file, this.#context, trail, this.#parameters);
    checkInherited(inner.#yaml.value, this.#parameters, at, this.#problems);
    inner.#position = this.#position;
    inner.#entries = this.#entries;
    inner.#branches = this.#branches;
    const steps = inner.#steps(inner.#yaml.value.stages, ["stages"], written);
    this.#position = inner.#position;
    this.#entries = inner.#entries;
    this.#problems.add(inner.#problems.found);
    this.#used.push(source.text, ...inner.#used);
    return steps;
  }

  #deadline(limits: PipelineDefinition["limits"], key: "deadline" | "video_deadline"): number {
    const text = limits[key];
    const ms = parseDuration(text);
    if (ms >= DEADLINE_RANGE.least && ms <= DEADLINE_RANGE.most) return ms;
    this.#problems.report(["limits", key], "must be 10ms to 10m", { found: text });
    return DEADLINE_RANGE.most;
  }

  #words(entry: WrittenEntry, path: YamlPath): EntryWords {
    const context = { pools: this.#context.pools, parameters: this.#parameters };
    return entryWords(entry, path, context, this.#problems);
  }

  #allowedWords(): string[] {
    return [...this.#context.stages.kinds().map((kind) => kind.kind), "parallel", "use"];
  }

  #invalid(): FacewireError {
    return invalid("pipeline_invalid", this.#problems.found);
  }
}
