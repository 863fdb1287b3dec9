/**
 * The words that may stand beside a stage in an entry of `stages:`: `when`, `pool` with `slots`, `place`, `model_missing` and
 * `name`.
 */
import { GROUP_NAME } from "../settings/schema.ts";
import { nearest } from "../yaml/nearest.ts";
import type { YamlPath } from "../yaml/problem.ts";
import { type Condition, compileCondition, UnknownParameter } from "./condition.ts";
import { ENTRY_WORDS } from "./definition.ts";
import type { ParameterDeclarations } from "./parameters.ts";
import type { PlannedStage } from "./plan.ts";
import type { PlanProblems } from "./plan-problems.ts";
import type { PoolSettings } from "./pools.ts";

/** An entry of `stages:` as it is written. */
export type WrittenEntry = Readonly<Record<string, unknown>>;

/** What the words of an entry mean; those that are missing or wrong are undefined. */
export interface EntryWords {
  readonly condition: Condition | undefined;
  readonly pool: PlannedStage["pool"];
  readonly place: string | undefined;
  /** Whether the stage is planned also where its model is not there; items that need it then fail. */
  readonly modelMayMiss: boolean;
  readonly name: string | undefined;
}

/** What the words of an entry may speak of. */
export interface EntryContext {
  readonly pools: Readonly<Record<string, PoolSettings>>;
  readonly parameters: ParameterDeclarations;
}

/** Checks the words of the entry at `path` and reports those that are wrong. */
export function entryWords(
  entry: WrittenEntry,
  path: YamlPath,
  context: EntryContext,
  problems: PlanProblems,
): EntryWords {
  return {
    condition: conditionOf(entry.when, path, context.parameters, problems),
    pool: poolOf(entry, path, context.pools, problems),
    place: placeOf(entry.place, path, problems),
    modelMayMiss: modelMayMiss(entry.model_missing, path, problems),
    name: nameOf(entry.name, path, problems),
  };
}

/** Reports words that stand beside `parallel` or `use`, where they mean nothing. */
export function refuseEntryWords(
  entry: WrittenEntry,
  path: YamlPath,
  word: "parallel" | "use",
  problems: PlanProblems,
): void {
  for (const each of ENTRY_WORDS) {
    if (entry[each] !== undefined) problems.report([...path, each], `does not go with \`${word}\``);
  }
}

function conditionOf(
  source: unknown,
  path: YamlPath,
  parameters: ParameterDeclarations,
  problems: PlanProblems,
): Condition | undefined {
  if (source === undefined) return undefined;
  const at = [...path, "when"];
  if (typeof source !== "string") {
    problems.report(at, "must be an expression, such as `face.quality.overall > 0.5`", { found: source });
    return undefined;
  }
  try {
    return compileCondition(source, parameters);
  } catch (thrown) {
    if (thrown instanceof UnknownParameter) {
      problems.report(at, thrown.message, thrown.extra);
      return undefined;
    }
    problems.report(at, `is not valid: ${(thrown as Error).message}`, { found: source });
    return undefined;
  }
}

function poolOf(
  entry: WrittenEntry,
  path: YamlPath,
  pools: Readonly<Record<string, PoolSettings>>,
  problems: PlanProblems,
): PlannedStage["pool"] {
  const { pool: name, slots = 1 } = entry;
  if (name === undefined) {
    if (entry.slots !== undefined) problems.report([...path, "slots"], "is set without `pool`");
    return undefined;
  }
  const pool = typeof name === "string" && Object.hasOwn(pools, name) ? pools[name] : undefined;
  if (!pool) {
    const near = nearest(String(name), Object.keys(pools));
    const extra = { found: name, allowed: Object.keys(pools), ...(near ? { nearest: near } : {}) };
    problems.report([...path, "pool"], "is no pool of the settings", extra);
    return undefined;
  }
  if (!Number.isInteger(slots) || (slots as number) < 1 || (slots as number) > pool.slots) {
    const message = `must be 1 to ${pool.slots}, the slots of pool ${String(name)}`;
    problems.report([...path, "slots"], message, { found: slots });
    return undefined;
  }
  return { name: name as string, slots: slots as number };
}

function placeOf(place: unknown, path: YamlPath, problems: PlanProblems): string | undefined {
  if (place === undefined) return undefined;
  if (typeof place === "string" && place.length <= 64 && new RegExp(GROUP_NAME).test(place)) return place;
  problems.report([...path, "place"], "must be the name of a group: lower-case words joined by dashes", {
    found: place,
  });
  return undefined;
}

/** What may be done about a model that is not there. */
const MODEL_MISSING = ["refuse", "fail"];

function modelMayMiss(word: unknown, path: YamlPath, problems: PlanProblems): boolean {
  if (word === undefined || MODEL_MISSING.includes(word as string)) return word === "fail";
  const near = nearest(String(word), MODEL_MISSING);
  problems.report([...path, "model_missing"], "must be refuse (the pipeline) or fail (the pictures that need it)", {
    found: word,
    allowed: MODEL_MISSING,
    ...(near ? { nearest: near } : {}),
  });
  return false;
}

function nameOf(name: unknown, path: YamlPath, problems: PlanProblems): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name === "string" && /^[\w .-]{1,40}$/.test(name)) return name;
  problems.report([...path, "name"], "must be up to 40 letters, digits, spaces, dots, dashes", { found: name });
  return undefined;
}
