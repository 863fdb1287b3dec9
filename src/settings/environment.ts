/** Settings from environment variables. */
import { resolve } from "node:path";
import { KindGuard, type TSchema } from "@sinclair/typebox";
import { checkAgainst } from "../yaml/check.ts";
import { readYaml } from "../yaml/document.ts";
import { nearest } from "../yaml/nearest.ts";
import { type Problem, pathText } from "../yaml/problem.ts";
import { CONFIG_VARIABLE, isFacewireVariable, type Override, overrideOf, SETTING_KEYS } from "./keys.ts";

/** A checked value for one key. */
export interface EnvironmentValue {
  readonly path: readonly string[];
  readonly value: unknown;
}

/**
 * Reads all `FACEWIRE_*` variables. Texts are taken as they are; numbers, switches, lists and maps are read as YAML
 * (`FACEWIRE_STAGES_EXTRA='[a.ts, b.ts]'`). Relative paths are resolved against `workingDir`, as in any shell command.
 * Whole maps come before their entries, so that the narrower variable wins.
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  workingDir: string,
): { readonly values: readonly EnvironmentValue[]; readonly problems: readonly Problem[] } {
  const values: EnvironmentValue[] = [];
  const problems: Problem[] = [];
  for (const variable of Object.keys(env).filter(isFacewireVariable).sort()) {
    const text = env[variable];
    if (variable === CONFIG_VARIABLE || text === undefined) continue;
    const override = overrideOf(variable);
    if (!override) problems.push(unknownVariable(variable));
    else {
      const read = readOverride(variable, text, override, workingDir);
      if ("problems" in read) problems.push(...read.problems);
      else values.push(read);
    }
  }
  return { values: values.sort((a, b) => a.path.length - b.path.length), problems };
}

function readOverride(
  variable: string,
  text: string,
  { key, path }: Override,
  workingDir: string,
): EnvironmentValue | { readonly problems: readonly Problem[] } {
  const place = { file: "environment", line: 0, column: 0 };
  let given: unknown = text;
  if (key.schema.type !== "string") {
    const yaml = readYaml(text);
    if (yaml.problems.length > 0) {
      // The reader's own message may quote the text, which may be a secret.
      return { problems: [{ ...place, path: variable, message: "is not valid YAML" }] };
    }
    given = yaml.value ?? null;
  }
  const { value, problems } = checkAgainst(key.schema, given);
  if (problems.length > 0) {
    return {
      problems: problems.map((problem) => ({ ...place, ...problem, path: pathText([variable, ...problem.path]) })),
    };
  }
  return { path, value: resolvePaths(key.schema, value, workingDir) };
}

function unknownVariable(variable: string): Problem {
  const near = nearest(
    variable,
    SETTING_KEYS.map((key) => key.variable),
  );
  const message = "no setting has this variable; docs/settings.md lists them";
  return { file: "environment", line: 0, column: 0, path: variable, message, ...(near ? { nearest: near } : {}) };
}

/** Makes every path in a value absolute, where the schema says that it is one. */
export function resolvePaths(schema: TSchema, value: unknown, base: string): unknown {
  if (schema.isPath === true) return resolve(base, String(value));
  if (KindGuard.IsArray(schema)) return (value as unknown[]).map((item) => resolvePaths(schema.items, item, base));
  if (!KindGuard.IsObject(schema)) return value;
  return Object.fromEntries(
    Object.entries(value as object).map(([key, child]) => [
      key,
      resolvePaths(schema.properties[key] as TSchema, child, base),
    ]),
  );
}
