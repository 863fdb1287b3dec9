/** `facewire up`: the newcomer's command. Brings the models, starts the server, shows that it works. */
import type { Command } from "commander";
import { listenOption, type ServeOptions, servingSettings } from "../listen-option.ts";
import type { Finish } from "../program.ts";

/** Adds the command. */
export function addUp(program: Command, finish: Finish): void {
  program
    .command("up")
    .description("bring the models, start the server, run a picture through it as a check, and keep it running")
    .addOption(listenOption())
    .action(async (_options, command: Command) => finish(await up(command.optsWithGlobals())));
}

async function up(options: ServeOptions): Promise<number> {
  const settings = await servingSettings(options);
  const { bringUp } = await import("../up/bring-up.ts");
  return bringUp(settings);
}
