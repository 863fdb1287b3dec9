/** The address to listen on, as an option of `serve` and `up`: quicker to type than a settings key. */
import { Option } from "commander";
import type { Settings } from "../settings/schema.ts";
import type { GlobalOptions } from "./program.ts";

/** Options of commands that serve. */
export interface ServeOptions extends GlobalOptions {
  readonly listen?: string;
}

/** `--listen host:port`. */
export function listenOption(): Option {
  return new Option("-l, --listen <host:port>", "address to listen on (default: listen.native of the settings)");
}

/** The settings with the option's address, checked as the setting is; `env` are variables of further options. */
export async function servingSettings(
  { config, listen }: ServeOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<Settings> {
  const { loadSettings } = await import("../settings/load.ts");
  return loadSettings({
    ...(config === undefined ? {} : { file: config }),
    env: { ...process.env, ...env, ...(listen === undefined ? {} : { FACEWIRE_LISTEN_NATIVE: listen }) },
  });
}
