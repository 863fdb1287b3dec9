/** `facewire models`: what the model cards describe and whether their files are there. */
import type { Command } from "commander";
import type { ModelCatalog } from "../../inference/catalog.ts";
import { note, printLine } from "../output.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { PullReporter } from "../pull-reporter.ts";
import { EXIT } from "../report.ts";
import { settingsOf } from "../settings.ts";
import { table } from "../table.ts";
import { bytesText, plural } from "../units.ts";

/** Adds the command. */
export function addModels(program: Command, finish: Finish): void {
  const models = program.command("models").description("bring, list and check the models");
  models
    .command("pull")
    .description("bring and prepare the models that are missing or damaged")
    .argument("[names...]", "models or aliases (default: all)")
    .action(async (names: string[], _options, command: Command) =>
      finish(await pull(names, command.optsWithGlobals())),
    );
  models
    .command("list")
    .description("every model with its task, aliases, state, size and licence")
    .option("--json", "as JSON, with the whole cards")
    .action(async (_options, command: Command) => finish(await list(command.optsWithGlobals())));
  models
    .command("verify")
    .description("check every prepared file against its card; exit 1 when one is missing or damaged")
    .action(async (_options, command: Command) => finish(await verify(command.optsWithGlobals())));
}

async function pull(names: readonly string[], options: GlobalOptions): Promise<number> {
  const { catalog, cacheDir } = await load(options);
  const { pullModels } = await import("../../inference/store.ts");
  const reporter = new PullReporter();
  try {
    await pullModels(catalog, cacheDir, {
      ...(names.length > 0 ? { only: names } : {}),
      onProgress: (progress) => reporter.tell(progress),
    });
  } finally {
    reporter.stop();
  }
  note(reporter.summary());
  return EXIT.ok;
}

async function list(options: GlobalOptions & { readonly json?: boolean }): Promise<number> {
  const { catalog, cacheDir } = await load(options);
  const { verifyModels } = await import("../../inference/store.ts");
  const models = await verifyModels(catalog, cacheDir);
  if (options.json) {
    const entries = models.map(({ card, state, file }) => ({ ...card, state, bytes: sizeOf(file) ?? null }));
    await printLine(JSON.stringify(entries, undefined, 2));
    return EXIT.ok;
  }
  const rows = models.map(({ card, state, file }) => {
    const size = sizeOf(file);
    return [
      card.name,
      card.task,
      card.aliases?.join(", ") ?? "",
      state,
      size === undefined ? "" : bytesText(size),
      card.license.split(",", 1)[0]!,
    ];
  });
  for (const line of table(["name", "task", "aliases", "state", "size", "licence"], rows)) await printLine(line);
  return EXIT.ok;
}

async function verify(options: GlobalOptions): Promise<number> {
  const { catalog, cacheDir } = await load(options);
  const { verifyModels } = await import("../../inference/store.ts");
  const models = await verifyModels(catalog, cacheDir);
  const broken = models.filter(({ state }) => state !== "ok");
  for (const { card, state } of broken) await printLine(`${card.name}: ${state}`);
  if (broken.length === 0) {
    await printLine(`${plural(models.length, "model")} whole`);
    return EXIT.ok;
  }
  note(`${broken.length} of ${plural(models.length, "model")} missing or damaged; facewire models pull brings them`);
  return EXIT.failed;
}

async function load(options: GlobalOptions): Promise<{ catalog: ModelCatalog; cacheDir: string }> {
  const settings = await settingsOf(options);
  const { ModelCatalog: Catalog } = await import("../../inference/catalog.ts");
  return { catalog: await Catalog.load(settings.models_dir), cacheDir: settings.models_cache };
}

function sizeOf(file: string): number | undefined {
  const { size } = Bun.file(file);
  return size > 0 ? size : undefined;
}
