/** The kinds of stages there are: the built-in ones and those of a user's own files. */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { TObject } from "@sinclair/typebox";
import { KindGuard } from "@sinclair/typebox";
import { FacewireError } from "../errors.ts";
import { nearest } from "../yaml/nearest.ts";
import attributes from "./attributes.ts";
import crop from "./crop.ts";
import descriptor from "./descriptor.ts";
import detect from "./detect.ts";
import emotion from "./emotion.ts";
import eyes from "./eyes.ts";
import isoFrame from "./iso-frame.ts";
import landmarks from "./landmarks.ts";
import liveness from "./liveness.ts";
import pose from "./pose.ts";
import quality from "./quality.ts";
import reject from "./reject.ts";
import type { StageKind } from "./stage.ts";
import warp from "./warp.ts";

/** Facewire's own kinds, in the order a pipeline mostly has them. */
export const BUILT_IN_KINDS: readonly StageKind[] = [
  detect,
  warp,
  landmarks,
  isoFrame,
  pose,
  eyes,
  quality,
  reject,
  liveness,
  attributes,
  emotion,
  descriptor,
  crop,
];

const NAME = /^[a-z][a-z0-9-]*$/;
const TEXTS = ["summary", "description", "example", "drops", "cost"] as const;
const FUNCTIONS = ["reads", "writes", "models", "create"] as const;

/** Stage kinds by name. */
export class StageRegistry {
  readonly #kinds = new Map<string, StageKind>();

  /** Throws `stage_invalid` when two kinds have one name. */
  constructor(kinds: readonly StageKind[] = BUILT_IN_KINDS) {
    for (const kind of kinds) {
      if (this.#kinds.has(kind.kind)) throw invalid(kind.kind, "there is already a stage of this kind");
      this.#kinds.set(kind.kind, kind);
    }
  }

  /**
   * The built-in kinds and those of a user's own files: modules whose default export was made with `defineStage`.
   * Paths are taken from the working directory. Rejects with `stage_invalid`, naming the file, when one cannot be loaded
   * or is not a stage kind.
   */
  static async load(extraPaths: readonly string[] = []): Promise<StageRegistry> {
    const own: StageKind[] = [];
    for (const path of extraPaths) own.push(await importKind(path));
    return new StageRegistry([...BUILT_IN_KINDS, ...own]);
  }

  /** The kind of this name, or undefined. */
  find(kind: string): StageKind | undefined {
    return this.#kinds.get(kind);
  }

  /** The kind of this name. Throws `pipeline_invalid` with `details.nearest`. */
  get(kind: string): StageKind {
    const found = this.#kinds.get(kind);
    if (found !== undefined) return found;
    const near = nearest(kind, [...this.#kinds.keys()]);
    throw new FacewireError("pipeline_invalid", `There is no stage ${kind}.${near ? ` Did you mean ${near}?` : ""}`, {
      details: { found: kind, allowed: [...this.#kinds.keys()], ...(near && { nearest: near }) },
    });
  }

  /** All kinds, the built-in ones first. */
  kinds(): readonly StageKind[] {
    return [...this.#kinds.values()];
  }
}

function firstLine(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split("\n")[0] ?? "";
}

async function importKind(path: string): Promise<StageKind> {
  const file = basename(path);
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (thrown) {
    throw invalid(file, `the file could not be loaded: ${firstLine(thrown)}`, thrown);
  }
  return checkKind(module.default, file);
}

/** The value as a stage kind. Throws `stage_invalid` with what it lacks; `name` says in the message which file it was. */
function checkKind(value: unknown, name: string): StageKind {
  if (typeof value !== "object" || value === null)
    throw invalid(name, "it has no default export made with defineStage");
  const kind = value as Record<string, unknown>;
  if (typeof kind.kind !== "string" || !NAME.test(kind.kind)) {
    throw invalid(name, "`kind` must be lower-case letters, digits and dashes");
  }
  for (const text of TEXTS) {
    if (typeof kind[text] !== "string" || kind[text] === "") throw invalid(name, `\`${text}\` must be a text`);
  }
  for (const method of FUNCTIONS) {
    if (typeof kind[method] !== "function") throw invalid(name, `\`${method}\` must be a function`);
  }
  const options = kind.options as TObject | undefined;
  if (!KindGuard.IsObject(options) || options.additionalProperties !== false) {
    throw invalid(name, "`options` must be a Type.Object with `additionalProperties: false`");
  }
  for (const [option, schema] of Object.entries(options.properties)) {
    if (!schema.description) throw invalid(name, `the option \`${option}\` has no description`);
  }
  return value as StageKind;
}

function invalid(name: string, problem: string, cause?: unknown): FacewireError {
  return new FacewireError("stage_invalid", `The stage ${name} is not valid: ${problem}.`, {
    details: { stage: name, problem },
    cause,
  });
}
