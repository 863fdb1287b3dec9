/** `facewire config`: the settings in effect and where each comes from. */
import type { Command } from "commander";
import { printLine } from "../output.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { settingsOf } from "../settings.ts";

/** Adds the command. */
export function addConfig(program: Command, finish: Finish): void {
  program
    .command("config")
    .description("print the settings in effect, secrets hidden, with where each comes from")
    .option("--json", "as JSON, without where they come from")
    .action(async (_options, command: Command) => finish(await config(command.optsWithGlobals())));
}

async function config(options: GlobalOptions & { readonly json?: boolean }): Promise<number> {
  const settings = await settingsOf(options);
  const { effectiveSettings } = await import("../../settings/effective.ts");
  const effective = effectiveSettings(settings);
  if (options.json) {
    await printLine(JSON.stringify(effective, undefined, 2));
    return EXIT.ok;
  }
  const { settingOrigins } = await import("../setting-origins.ts");
  const origins = await settingOrigins(options, effective);
  const width = Math.max(...origins.map(({ text }) => text.length));
  for (const { text, origin } of origins) await printLine(`${text.padEnd(Math.min(width, 60))}  # ${origin}`);
  return EXIT.ok;
}
