/**
 * Turns a pipeline file into a plan, or says everything that is wrong with it: unknown words, stages whose needs nobody
 * wrote, models that do not exist, branches that lean on each other, pipelines that use each other in a circle.
 */
import { createHash } from "node:crypto";
import type { FacewireError } from "../errors.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import { parseDuration } from "../settings/units.ts";
import type { Part } from "../stages/item.ts";
import type { StageRegistry } from "../stages/registry.ts";
import type { AggregateMethod, StageKind } from "../stages/stage.ts";
import { type CheckedYaml, checkValue, invalid, parseYaml } from "../yaml/checked-yaml.ts";
import { describeValue } from "../yaml/describe.ts";
import { nearest } from "../yaml/nearest.ts";
import type { Problem, YamlPath } from "../yaml/problem.ts";
import { type Condition, compileCondition } from "./condition.ts";
import { ENTRY_WORDS, PipelineDefinition } from "./definition.ts";
import { type Plan, type PlannedStage, type PlannedStep, stagesOf } from "./plan.ts";

/** What a pipeline is checked against. */
export interface PlannerContext {
  readonly stages: StageRegistry;
  readonly models: ModelCatalog;
  readonly pools: Readonly<Record<string, { readonly slots: number; readonly queue: number }>>;
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
/** Characters a problem shows of a wrong value, and of its message: both may hold what was written. */
const SHOWN = { value: 80, message: 400 } as const;
/** Parts that several stages may write because each adds its own names. */
const SHARED_PARTS: ReadonlySet<string> = new Set(["face.attributes", "face.crops"]);

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
  readonly #problems: Problem[] = [];
  readonly #used: string[] = [];
  readonly #writesByDefault = new Map<StageKind, readonly string[]>();
  #position = 0;
  #entries = 0;

  constructor(source: string, file: string, context: PlannerContext, trail: readonly string[]) {
    this.#source = source;
    this.#context = context;
    this.#trail = trail;
    this.#yaml = parseYaml(source, { file, schema: PipelineDefinition, code: "pipeline_invalid" });
  }

  plan(expectedName?: string): PlannedPipeline {
    const definition = this.#yaml.value;
    if (expectedName !== undefined && definition.name !== expectedName) {
      this.#report(["name"], "must be the file's name", { found: definition.name, allowed: [expectedName] });
    }
    const written = new Set<string>(["picture"]);
    const steps = this.#steps(definition.stages, ["stages"], written);
    const deadlineMs = this.#deadline(definition.limits.deadline);
    const aggregate = this.#aggregate(definition.aggregate, stagesOf(steps));
    if (this.#problems.length > 0) throw invalid("pipeline_invalid", this.#problems);
    const plan: Plan = {
      name: definition.name,
      version: createHash("sha256")
        .update([this.#source, ...this.#used].join("\0"))
        .digest("hex")
        .slice(0, 12),
      steps,
      deadlineMs,
      maxFiles: definition.limits.files,
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
      this.#report(path, `is one more than the ${MAX_ENTRIES} stages and groups a pipeline may have`);
      throw invalid("pipeline_invalid", this.#problems);
    }
    if (typeof entry === "string") return this.#stage(entry, {}, {}, path, path, written);
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
      this.#report(path, "must be a stage, such as `detect: {}`", { found: entry });
      return [];
    }
    const record = entry as Record<string, unknown>;
    const words = Object.keys(record).filter((word) => !(ENTRY_WORDS as readonly string[]).includes(word));
    const word = words[0];
    if (word === undefined || words.length > 1) {
      const message = word === undefined ? "names no stage" : `names ${words.length} stages; one an entry`;
      this.#report(path, message, { found: words.join(", "), allowed: this.#words() });
      return [];
    }
    if (word === "parallel") return this.#parallel(record, path, written);
    if (word === "use") return this.#use(record, path, written);
    return this.#stage(word, record[word] ?? {}, record, path, [...path, word], written);
  }

  #stage(
    word: string,
    given: unknown,
    entry: Record<string, unknown>,
    path: YamlPath,
    at: YamlPath,
    written: Set<string>,
  ): PlannedStep[] {
    this.#position++;
    const kind = this.#context.stages.find(word);
    if (!kind) {
      const allowed = this.#words();
      const near = nearest(word, allowed);
      this.#report(at, "is no kind of stage", { found: word, allowed, ...(near ? { nearest: near } : {}) });
      return [];
    }
    const checked = checkValue(kind.options, given, { yaml: this.#yaml, path: at });
    this.#problems.push(...checked.problems);
    const condition = this.#condition(entry.when, path);
    const pool = this.#pool(entry, path);
    const name = this.#name(entry.name, path);
    if (checked.problems.length > 0) {
      // Its parts are taken as written so that one mistake does not bring a false one for each later stage.
      for (const part of this.#safeWrites(kind)) written.add(part);
      return [];
    }
    const options = checked.value as Record<string, unknown>;
    const reads = [...new Set([...kind.reads(options), ...(condition?.reads ?? [])])];
    for (const part of reads) this.#needs(word, part, written, at);
    const writes = kind.writes(options);
    for (const part of writes) this.#claims(part, written, at);
    const models = this.#models(kind, options, at);
    return [
      {
        type: "stage",
        id: `${this.#position}. ${word}${name ? ` (${name})` : ""}`,
        kind: word,
        options,
        reads,
        writes,
        models,
        ...(condition ? { when: condition.source } : {}),
        ...(pool ? { pool } : {}),
      },
    ];
  }

  #parallel(entry: Record<string, unknown>, path: YamlPath, written: Set<string>): PlannedStep[] {
    this.#noEntryWords(entry, path, "parallel");
    const at = [...path, "parallel"];
    const list = entry.parallel;
    if (!Array.isArray(list) || list.length < 2) {
      this.#report(at, "must be a list of two or more branches", { found: list });
      return [];
    }
    const before = new Set(written);
    const branches: PlannedStep[][] = [];
    // A branch starts from what stood before the group: a part of a sibling is not there for it.
    for (const [index, branch] of list.entries()) {
      const own = new Set(before);
      const branchPath = [...at, index];
      branches.push(
        Array.isArray(branch) ? this.#steps(branch, branchPath, own) : this.#entry(branch, branchPath, own),
      );
      for (const part of own) {
        if (before.has(part)) continue;
        if (written.has(part) && !SHARED_PARTS.has(part)) {
          this.#report(branchPath, `writes ${part}, which another branch writes too`);
        }
        written.add(part);
      }
    }
    return [{ type: "parallel", branches }];
  }

  #use(entry: Record<string, unknown>, path: YamlPath, written: Set<string>): PlannedStep[] {
    this.#noEntryWords(entry, path, "use");
    const at = [...path, "use"];
    const name = entry.use;
    if (typeof name !== "string") {
      this.#report(at, "must be the name of a pipeline", { found: name });
      return [];
    }
    const trail = [...this.#trail, this.#yaml.value.name];
    if (trail.includes(name)) {
      this.#report(at, `pipelines use each other in a circle: ${[...trail, name].join(" -> ")}`);
      return [];
    }
    const source = this.#context.source(name);
    if (!source) {
      const near = nearest(name, this.#context.names());
      this.#report(at, "is no pipeline", { found: name, ...(near ? { nearest: near } : {}) });
      return [];
    }
    if (source.fault) {
      this.#report(at, `cannot be used: ${source.fault.message}`, { found: name });
      return [];
    }
    const inner = new Planner(source.text, source.file, this.#context, trail);
    inner.#position = this.#position;
    inner.#entries = this.#entries;
    const steps = inner.#steps(inner.#yaml.value.stages, ["stages"], written);
    this.#position = inner.#position;
    this.#entries = inner.#entries;
    this.#problems.push(...inner.#problems);
    this.#used.push(source.text, ...inner.#used);
    return steps;
  }

  #condition(source: unknown, path: YamlPath): Condition | undefined {
    if (source === undefined) return undefined;
    const at = [...path, "when"];
    if (typeof source !== "string") {
      this.#report(at, "must be an expression, such as `face.quality.overall > 0.5`", { found: source });
      return undefined;
    }
    try {
      return compileCondition(source);
    } catch (thrown) {
      this.#report(at, `is not valid: ${(thrown as Error).message}`, { found: source });
      return undefined;
    }
  }

  #pool(entry: Record<string, unknown>, path: YamlPath): PlannedStage["pool"] {
    const { pool: name, slots = 1 } = entry;
    if (name === undefined) {
      if (entry.slots !== undefined) this.#report([...path, "slots"], "is set without `pool`");
      return undefined;
    }
    const pools = this.#context.pools;
    const pool = typeof name === "string" && Object.hasOwn(pools, name) ? pools[name] : undefined;
    if (!pool) {
      const near = nearest(String(name), Object.keys(pools));
      const extra = { found: name, allowed: Object.keys(pools), ...(near ? { nearest: near } : {}) };
      this.#report([...path, "pool"], "is no pool of the settings", extra);
      return undefined;
    }
    if (!Number.isInteger(slots) || (slots as number) < 1 || (slots as number) > pool.slots) {
      const message = `must be 1 to ${pool.slots}, the slots of pool ${String(name)}`;
      this.#report([...path, "slots"], message, { found: slots });
      return undefined;
    }
    return { name: name as string, slots: slots as number };
  }

  #name(name: unknown, path: YamlPath): string | undefined {
    if (name === undefined) return undefined;
    if (typeof name === "string" && /^[\w .-]{1,40}$/.test(name)) return name;
    this.#report([...path, "name"], "must be up to 40 letters, digits, spaces, dots, dashes", { found: name });
    return undefined;
  }

  #models(kind: StageKind, options: Record<string, unknown>, at: YamlPath): string[] {
    const names: string[] = [];
    for (const use of kind.models(options)) {
      const card = this.#context.models.find(use.name);
      const fitting = this.#context.models.list().filter((each) => each.task === use.task);
      const allowed = fitting.flatMap((each) => [each.name, ...(each.aliases ?? [])]);
      if (!card) {
        const near = nearest(use.name, allowed);
        const extra = { found: use.name, allowed, ...(near ? { nearest: near } : {}) };
        this.#report(at, `needs a model that has no card: ${use.name}`, extra);
      } else if (card.task !== use.task) {
        const message = `needs a model for ${use.task}; ${use.name} is for ${card.task}`;
        this.#report(at, message, { found: use.name, allowed });
      } else {
        const missing = use.outputs?.find((output) => !Object.hasOwn(card.outputs, output));
        if (missing !== undefined) {
          const message = `needs the output ${missing}, which no output of model ${card.name} is`;
          this.#report(at, message, { found: missing, allowed: Object.keys(card.outputs) });
        }
        names.push(card.name);
      }
    }
    return names;
  }

  #aggregate(wanted: PipelineDefinition["aggregate"], stages: readonly PlannedStage[]): Plan["aggregate"] {
    const result: Record<string, Plan["aggregate"][string]> = {};
    const byKey = new Map<string, PlannedStage>();
    for (const stage of stages) {
      const key = this.#context.stages.find(stage.kind)?.aggregation?.key;
      if (key !== undefined) byKey.set(key, stage);
    }
    for (const [key, method] of Object.entries(wanted)) {
      const path = ["aggregate", key];
      const stage = byKey.get(key);
      const aggregation = stage && this.#context.stages.find(stage.kind)?.aggregation;
      if (!stage || !aggregation) {
        // Stages that failed their own check are not in the list; saying so again would only confuse.
        if (this.#problems.length > 0) continue;
        const allowed = [...byKey.keys()];
        const near = nearest(key, allowed);
        this.#report(path, "is not written by a stage of this pipeline", {
          found: key,
          allowed,
          ...(near ? { nearest: near } : {}),
        });
      } else if (!aggregation.methods.includes(method as AggregateMethod)) {
        this.#report(path, `cannot be aggregated this way`, { found: method, allowed: aggregation.methods });
      } else result[key] = { method: method as AggregateMethod, kind: stage.kind, options: stage.options };
    }
    return result;
  }

  #deadline(text: string): number {
    const ms = parseDuration(text);
    if (ms >= DEADLINE_RANGE.least && ms <= DEADLINE_RANGE.most) return ms;
    this.#report(["limits", "deadline"], "must be 10ms to 10m", { found: text });
    return DEADLINE_RANGE.most;
  }

  #needs(word: string, part: Part, written: ReadonlySet<string>, at: YamlPath): void {
    if (written.has(part)) return;
    const writers = this.#context.stages.kinds().filter((kind) => this.#safeWrites(kind).includes(part));
    const hint = writers.length > 0 ? `put ${writers.map((kind) => `\`${kind.kind}\``).join(" or ")} before it` : "";
    this.#report(at, `${word} needs ${part}, which no earlier stage writes${hint ? `: ${hint}` : ""}`);
  }

  #claims(part: string, written: Set<string>, at: YamlPath): void {
    if (written.has(part) && !SHARED_PARTS.has(part)) {
      this.#report(at, `writes ${part}, which an earlier stage writes already`);
    }
    written.add(part);
  }

  #noEntryWords(entry: Record<string, unknown>, path: YamlPath, word: string): void {
    for (const each of ENTRY_WORDS) {
      if (entry[each] !== undefined) this.#report([...path, each], `does not go with \`${word}\``);
    }
  }

  /** Parts a kind writes with its default options; none where it has no valid defaults. */
  #safeWrites(kind: StageKind): readonly string[] {
    const known = this.#writesByDefault.get(kind);
    if (known) return known;
    const { value, problems } = checkValue(kind.options, {}, { yaml: this.#yaml, path: [] });
    const writes = problems.length === 0 ? kind.writes(value as never) : [];
    this.#writesByDefault.set(kind, writes);
    return writes;
  }

  #words(): string[] {
    return [...this.#context.stages.kinds().map((kind) => kind.kind), "parallel", "use"];
  }

  #report(path: YamlPath, message: string, extra: Partial<Pick<Problem, "found" | "allowed" | "nearest">> = {}): void {
    const bounded = extra.found === undefined ? extra : { ...extra, found: shown(extra.found) };
    this.#problems.push(this.#yaml.problem(path, message.slice(0, SHOWN.message), bounded));
  }
}

/** Lists, mappings and long texts are told in a few words. */
function shown(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, SHOWN.value);
  return typeof value === "object" ? describeValue(value).slice(0, SHOWN.value) : value;
}
