/**
 * What a process must have to run a plan of another one with the same results: the same stage kinds, model cards and
 * pools. Plans name them; digests tell whether the names mean the same.
 */
import { createHash } from "node:crypto";
import { Value } from "@sinclair/typebox/value";
import manifest from "../../../package.json" with { type: "json" };
import type { ModelCatalog } from "../../inference/catalog.ts";
import type { StageRegistry } from "../../stages/registry.ts";
import { type Plan, type PlannedStage, planKey, stagesOf } from "../plan.ts";
import type { Pool } from "../pools.ts";

/** What a process runs stages with. */
export interface Equipment {
  readonly models: ModelCatalog;
  readonly stages: StageRegistry;
  readonly pools: ReadonlyMap<string, Pool>;
}

/** Digests by name. */
export interface Requirements {
  readonly cards: Readonly<Record<string, string>>;
  readonly kinds: Readonly<Record<string, string>>;
}

/** Card entries that say where a model is from or what is known of it, and change no number. */
const TOLD_ONLY: ReadonlySet<string> = new Set([
  "source",
  "description",
  "license",
  "provenance",
  "accuracy",
  "aliases",
]);

/** A key under which all processes hold the same plan: the content counts, not who made it. */
export function contentKey(plan: Plan): string {
  return `${planKey(plan)}~${digest(plan)}`;
}

/** What a plan was made with. */
export function requirementsOf(plan: Plan, { models, stages }: Pick<Equipment, "models" | "stages">): Requirements {
  const planned = stagesOf(plan.steps);
  const names = new Set(planned.flatMap((stage) => stage.models));
  const kinds = new Set(planned.map(({ kind }) => kind));
  return {
    cards: Object.fromEntries([...names].map((name) => [name, cardDigest(models, name) ?? ""])),
    kinds: Object.fromEntries([...kinds].map((kind) => [kind, kindDigest(stages, kind) ?? ""])),
  };
}

/** Why a plan cannot be run with this equipment, in a sentence; undefined when it can. */
export function lacking(plan: Plan, wanted: Requirements, equipment: Equipment): string | undefined {
  for (const stage of stagesOf(plan.steps)) {
    const lack = stageLack(stage, wanted, equipment);
    if (lack !== undefined) return `Stage ${stage.id}: ${lack}`;
  }
  return undefined;
}

function stageLack({ kind, models: names, options, pool }: PlannedStage, wanted: Requirements, equipment: Equipment) {
  const { stages, models, pools } = equipment;
  const known = kindDigest(stages, kind);
  if (known === undefined) return `there is no stage kind ${kind} here.`;
  if (known !== wanted.kinds[kind])
    return `the stage kind ${kind} is another one here, of another version of Facewire or of its file.`;
  if (!Value.Check(stages.get(kind).options, options)) return `its options are not those of the stage kind ${kind}.`;
  for (const name of names) {
    const card = cardDigest(models, name);
    if (card === undefined) return `there is no model card ${name} here.`;
    if (card !== wanted.cards[name]) return `the model card ${name} is another one here.`;
  }
  if (pool && pool.slots > (pools.get(pool.name)?.slots ?? 0)) {
    return `there is no pool ${pool.name} with ${pool.slots} slots here.`;
  }
  return undefined;
}

function cardDigest(models: ModelCatalog, name: string): string | undefined {
  const card = models.find(name);
  return card && digest(Object.fromEntries(Object.entries(card).filter(([key]) => !TOLD_ONLY.has(key))));
}

/** The code of a stage has no digest; its options, its words and the version of Facewire stand for it. */
function kindDigest(stages: StageRegistry, kind: string): string | undefined {
  const found = stages.find(kind);
  if (!found) return undefined;
  const { summary, description, example, options, drops, cost } = found;
  return digest({ version: manifest.version, summary, description, example, options, drops, cost });
}

/** First 16 hex digits of the sha256; the order of keys does not count. */
function digest(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex")
    .slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted((value as Record<string, unknown>)[key])]),
  );
}
