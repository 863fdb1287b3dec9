/** `facewire serve`: the server, until it is told to stop. */
import type { Command } from "commander";
import { listenOption, type ServeOptions, servingSettings } from "../listen-option.ts";
import { printLine } from "../output.ts";
import type { Finish } from "../program.ts";

/** Adds the command. */
export function addServe(program: Command, finish: Finish): void {
  program
    .command("serve")
    .description("start the server and keep it running; SIGTERM or Ctrl-C lets it finish what it has taken")
    .addOption(listenOption())
    .action(async (_options, command: Command) => finish(await serve(command.optsWithGlobals())));
}

async function serve(options: ServeOptions): Promise<number> {
  const settings = await servingSettings(options);
  const { refuseTakenPort } = await import("../port.ts");
  await refuseTakenPort(settings);
  const { serveUntilStopped } = await import("../serving.ts");
  return serveUntilStopped(settings, (app) => printLine(`Facewire listens on ${app.url}`));
}
