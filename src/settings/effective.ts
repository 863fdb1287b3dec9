/** The settings as `facewire config` shows them: in the units of the file, with secrets hidden. */
import { isAbsolute } from "node:path";
import { KindGuard, type TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { type Settings, SettingsSchema } from "./schema.ts";

/** Stands where a secret is. */
export const HIDDEN = "(hidden)";

/** Name and password in front of an address's host. */
const URL_CREDENTIALS = /^([a-z]+:\/\/)[^/@\s]+@/;

/** How much is shown. */
export interface Showing {
  /** Stands where something is hidden; {@link HIDDEN} when absent. */
  readonly hidden?: string;
  /** Whether paths of this machine are shown; true when absent. */
  readonly paths?: boolean;
}

/** Plain data in the shape of the settings file. Of secret maps the keys stay, of secret texts whether they are set. */
export function effectiveSettings(
  settings: Settings,
  { hidden = HIDDEN, paths = true }: Showing = {},
): Readonly<Record<string, unknown>> {
  // Encode writes into what it is given, and settings are frozen.
  const written = Value.Encode(SettingsSchema, Value.Clone(settings));
  return hideSecrets(SettingsSchema, written, { hidden, paths }) as Record<string, unknown>;
}

function hideSecrets(schema: TSchema, value: unknown, showing: Required<Showing>): unknown {
  if (KindGuard.IsRecord(schema)) {
    const entry = Object.values(schema.patternProperties)[0] as TSchema;
    return mapValues(value, (child) => hideSecrets(entry, child, showing));
  }
  if (schema.secret === true) return value === "" ? "" : showing.hidden;
  if (schema.isPath === true && !showing.paths) return showing.hidden;
  if (KindGuard.IsArray(schema)) return (value as unknown[]).map((item) => hideSecrets(schema.items, item, showing));
  if (KindGuard.IsObject(schema)) {
    return mapValues(value, (child, key) => hideSecrets(schema.properties[key] as TSchema, child, showing));
  }
  // A command may be a path as well.
  if (!showing.paths && typeof value === "string" && isAbsolute(value)) return showing.hidden;
  return typeof value === "string"
    ? value.replace(URL_CREDENTIALS, (_whole, scheme) => `${scheme}${showing.hidden}@`)
    : value;
}

function mapValues(value: unknown, change: (child: unknown, key: string) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value as object).map(([key, child]) => [key, change(child, key)]));
}
