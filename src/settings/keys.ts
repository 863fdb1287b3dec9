/** The keys of the settings as a flat list, and the environment variables that go with them. */
import { KindGuard, type TSchema } from "@sinclair/typebox";
import { SettingsSchema } from "./schema.ts";

/** Names the settings file; the one variable that is no setting. */
export const CONFIG_VARIABLE = "FACEWIRE_CONFIG";
const PREFIX = "FACEWIRE_";

/** One setting. */
export interface SettingKey {
  /** From the root. `*` stands for a name the user gives, as in `pools.*.slots`. */
  readonly path: readonly string[];
  readonly schema: TSchema;
  /** Such as `FACEWIRE_HTTP_MAX_BODY`; `<NAME>` stands for the user's name. */
  readonly variable: string;
}

/** All settings in the order of the file. Maps are there as a whole and with the keys of their entries. */
export const SETTING_KEYS: readonly SettingKey[] = keysOf(SettingsSchema, []);

function keysOf(schema: TSchema, path: readonly string[]): SettingKey[] {
  if (KindGuard.IsObject(schema)) {
    return Object.entries(schema.properties).flatMap(([key, child]) => keysOf(child, [...path, key]));
  }
  const own = { path, schema, variable: variableOf(path) };
  if (!KindGuard.IsRecord(schema)) return [own];
  const entry = Object.values(schema.patternProperties)[0];
  return entry && KindGuard.IsObject(entry) ? [own, ...keysOf(entry, [...path, "*"])] : [own];
}

function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((key) => (key === "*" ? "<NAME>" : key.toUpperCase())).join("_");
}

/** A variable that sets something. */
export interface Override {
  readonly key: SettingKey;
  /** With the user's names in the place of `*`. */
  readonly path: readonly string[];
}

/** The setting a variable stands for, or undefined. In users' names `_` stands for `-`. */
export function overrideOf(variable: string): Override | undefined {
  for (const key of SETTING_KEYS) {
    if (key.variable === variable) return { key, path: key.path };
    if (!key.path.includes("*")) continue;
    const match = new RegExp(`^${key.variable.replace("<NAME>", "([A-Z][A-Z0-9_]*)")}$`).exec(variable);
    const name = match?.[1]?.toLowerCase().replaceAll("_", "-");
    if (name !== undefined) return { key, path: key.path.map((step) => (step === "*" ? name : step)) };
  }
  return undefined;
}

/** Whether a variable claims to be one of Facewire's. */
export function isFacewireVariable(variable: string): boolean {
  return variable.startsWith(PREFIX);
}
