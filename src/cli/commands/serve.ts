/** `facewire serve`: the server, until it is told to stop. */
import { type Command, Option } from "commander";
import { FacewireError } from "../../errors.ts";
import type { Settings } from "../../settings/schema.ts";
import { type ServeOptions as ListenOptions, listenOption, servingSettings } from "../listen-option.ts";
import { printLine } from "../output.ts";
import type { Finish } from "../program.ts";
import { plural } from "../units.ts";

interface ServeOptions extends ListenOptions {
  readonly roles?: string;
  readonly groups?: string;
}

/** Adds the command. */
export function addServe(program: Command, finish: Finish): void {
  program
    .command("serve")
    .description("start the server and keep it running; SIGTERM or Ctrl-C lets it finish what it has taken")
    .addOption(listenOption())
    .addOption(
      new Option("--roles <list>", "what this process does: api, inference or both (default: roles of the settings)"),
    )
    .addOption(
      new Option(
        "--groups <list>",
        "groups whose stages it runs for all, such as faces,docs (default: groups of the settings)",
      ),
    )
    .action(async (_options, command: Command) => finish(await serve(command.optsWithGlobals())));
}

async function serve({ roles, groups, ...options }: ServeOptions): Promise<number> {
  const settings = await servingSettings(options, {
    ...(roles === undefined ? {} : { FACEWIRE_ROLES: listText(roles) }),
    ...(groups === undefined ? {} : { FACEWIRE_GROUPS: listText(groups) }),
  });
  if (!settings.roles.includes("api")) {
    if (options.listen !== undefined) {
      throw new FacewireError("usage", "--listen is for processes with the role api; this one answers no requests.");
    }
    return serveOthers(settings);
  }
  const { refuseTakenPort } = await import("../port.ts");
  await refuseTakenPort(settings);
  const { serveUntilStopped } = await import("../serving.ts");
  return serveUntilStopped(settings, async (app) => {
    await printLine(`Facewire listens on ${app.url}`);
    if (app.lunaUrl !== undefined) await printLine(`The LUNA API listens on ${app.lunaUrl}`);
  });
}

async function serveOthers(settings: Settings): Promise<number> {
  const { runUntilStopped } = await import("../serving.ts");
  const { startInferenceNode } = await import("../../app/inference-node.ts");
  return runUntilStopped(
    () => startInferenceNode(settings),
    ({ groups, workers }) =>
      printLine(
        `Facewire runs stages of ${plural(groups.length, "group")} (${groups.join(", ")}) with ${plural(workers, "worker")}`,
      ),
  );
}

/** Words joined by commas as the list that a setting takes from the environment. */
function listText(words: string): string {
  return JSON.stringify(
    words
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== ""),
  );
}
