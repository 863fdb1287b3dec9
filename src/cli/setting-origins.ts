/** Where each effective setting comes from: the environment, a line of the settings file, or the default. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CONFIG_VARIABLE, isFacewireVariable, overrideOf } from "../settings/keys.ts";
import { PROJECT_DIR } from "../settings/load.ts";
import { readYaml, type YamlText } from "../yaml/document.ts";
import type { GlobalOptions } from "./program.ts";

/** One setting. */
export interface SettingOrigin {
  /** `http.max_body: 64MiB`. */
  readonly text: string;
  /** `default`, `config/facewire.yaml:12` or the variable's name. */
  readonly origin: string;
}

type Path = readonly string[];

/** The settings that {@link GlobalOptions} lead to, one a line in the order of the file, with their origins. */
export async function settingOrigins(
  { config }: GlobalOptions,
  effective: Readonly<Record<string, unknown>>,
): Promise<SettingOrigin[]> {
  const named = config ?? process.env[CONFIG_VARIABLE];
  const shown = named ?? "config/facewire.yaml";
  const file = await readFile(named ?? join(PROJECT_DIR, shown), "utf8").then(readYaml, () => undefined);
  const variables = Object.keys(process.env)
    .filter(isFacewireVariable)
    .flatMap((variable) => {
      const override = overrideOf(variable);
      return override === undefined ? [] : [{ variable, path: override.path }];
    });
  return leaves(effective, []).map(({ path, value }) => {
    const variable = variables.find((candidate) => isPrefix(candidate.path, path))?.variable;
    const line = file === undefined ? undefined : lineOf(file, path);
    return {
      text: `${path.join(".")}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
      origin: variable ?? (line === undefined ? "default" : `${shown}:${line}`),
    };
  });
}

function leaves(value: unknown, path: Path): { path: Path; value: unknown }[] {
  const isGroup = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  if (!isGroup) return [{ path, value }];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, [...path, key]));
}

function isPrefix(shorter: Path, longer: Path): boolean {
  return shorter.length <= longer.length && shorter.every((step, index) => step === longer[index]);
}

/** The line of the file that sets it; undefined when the file does not. */
function lineOf(file: YamlText, path: Path): number | undefined {
  let value = file.value;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return file.locate(path).line;
}
