/** Reads the settings: defaults, then the file, then the environment. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Value } from "@sinclair/typebox/value";
import { FacewireError } from "../errors.ts";
import { checkAgainst, type ValueProblem } from "../yaml/check.ts";
import { invalid, type Problem, parseYaml, pathText } from "../yaml/checked-yaml.ts";
import { type EnvironmentValue, readEnvironment, resolvePaths } from "./environment.ts";
import { CONFIG_VARIABLE } from "./keys.ts";
import { type Settings, SettingsSchema, type WrittenSettings } from "./schema.ts";

/** The folder of this installation: the one that holds `config/`, `pipelines/` and `models/`. */
export const PROJECT_DIR = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Where settings come from. */
export interface SettingsSources {
  /** The settings file; else `FACEWIRE_CONFIG`; else `config/facewire.yaml` of the installation, which may be missing. */
  readonly file?: string;
  /** The process's own environment when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What relative paths in the environment and in `file` are resolved against; the process's own when absent. */
  readonly workingDir?: string;
}

/**
 * Loads and checks the settings. Relative paths in the settings file are resolved against the folder of the installation,
 * wherever the command is run; those in variables against the working directory. Throws `config_invalid` with all
 * problems of the file and the environment.
 */
export async function loadSettings(sources: SettingsSources = {}): Promise<Settings> {
  const { env = process.env, workingDir = process.cwd() } = sources;
  const named = sources.file ?? env[CONFIG_VARIABLE];
  const file = named === undefined ? resolve(PROJECT_DIR, "config/facewire.yaml") : resolve(workingDir, named);
  const shown = named ?? "config/facewire.yaml";
  const fromFile = parseFile(await readSettingsFile(file, shown, named !== undefined), shown);
  const fromEnv = readEnvironment(env, workingDir);
  const problems = [...fromFile.problems, ...fromEnv.problems];
  if (problems.length > 0) throw invalid("config_invalid", problems);
  return combine(fromFile.value, fromEnv.values);
}

/**
 * The settings that a program writes itself, the others by default; neither a file nor the environment is read. Relative
 * paths are resolved against `workingDir`. Throws `config_invalid` with all problems.
 */
export function settingsOf(written: WrittenSettings, workingDir = process.cwd()): Settings {
  const { problems } = checkAgainst(SettingsSchema, structuredClone(written));
  if (problems.length > 0) throw invalid("config_invalid", problems.map(placedIn("settings")));
  return combine(resolvePaths(SettingsSchema, structuredClone(written), workingDir), []);
}

async function readSettingsFile(file: string, shown: string, required: boolean): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    if (missing && !required) return "";
    const message = missing ? `There is no settings file ${shown}.` : `The settings file ${shown} cannot be read.`;
    throw new FacewireError("config_invalid", message, { cause });
  }
}

function parseFile(text: string, file: string): { value: unknown; problems: readonly Problem[] } {
  try {
    return { value: parseYaml(text, { file, schema: SettingsSchema, code: "config_invalid" }).value, problems: [] };
  } catch (error) {
    // Problems of the environment are to be told together with these.
    const problems = error instanceof FacewireError ? error.details?.problems : undefined;
    if (!problems) throw error;
    return { value: undefined, problems: problems as readonly Problem[] };
  }
}

function combine(fromFile: unknown, fromEnv: readonly EnvironmentValue[]): Settings {
  const tree = fromFile as Record<string, unknown>;
  for (const { path, value } of fromEnv) setAt(tree, path, value);
  // A map given by the user replaces the default map, but this pool must exist.
  tree.pools = { default: {}, ...(tree.pools as object) };
  const { value, problems } = checkAgainst(SettingsSchema, tree);
  if (problems.length > 0) {
    // Only names inside maps are left unchecked by the variables' own checks.
    throw invalid("config_invalid", problems.map(placedIn("environment")));
  }
  return deepFreeze(Value.Decode(SettingsSchema, resolvePaths(SettingsSchema, value, PROJECT_DIR)));
}

function placedIn(file: string): (found: ValueProblem) => Problem {
  return (found) => ({ file, line: 0, column: 0, ...found, path: pathText(found.path) });
}

function setAt(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const step of path.slice(0, -1)) {
    node[step] ??= {};
    node = node[step] as Record<string, unknown>;
  }
  node[path.at(-1) as string] = value;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
