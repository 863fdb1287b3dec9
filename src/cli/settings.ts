/** The settings of a command: those of the server, with the file that `--config` names. */
import type { Settings } from "../settings/schema.ts";
import type { GlobalOptions } from "./program.ts";

/** Loads the settings. Rejects with `config_invalid`. */
export async function settingsOf({ config }: GlobalOptions): Promise<Settings> {
  const { loadSettings } = await import("../settings/load.ts");
  return loadSettings(config === undefined ? {} : { file: config });
}
