/** From a fresh clone to a server that has shown that it works. */
import { ModelCatalog } from "../../inference/catalog.ts";
import { pullModels } from "../../inference/store.ts";
import type { Settings } from "../../settings/schema.ts";
import { note, printLine } from "../output.ts";
import { refuseTakenPort } from "../port.ts";
import { PullReporter } from "../pull-reporter.ts";
import { serveUntilStopped } from "../serving.ts";
import { welcome } from "./welcome.ts";

/** Resolves with the exit code when the server was stopped. */
export async function bringUp(settings: Settings): Promise<number> {
  const startedAt = performance.now();
  // Before models are brought: that may take minutes, and this cannot be mended by waiting.
  await refuseTakenPort(settings);
  await bringModels(settings);
  return serveUntilStopped(quietly(settings), async (app) => {
    for (const line of await welcome(app, settings, (performance.now() - startedAt) / 1000)) await printLine(line);
  });
}

async function bringModels(settings: Settings): Promise<void> {
  const reporter = new PullReporter();
  try {
    const catalog = await ModelCatalog.load(settings.models_dir);
    await pullModels(catalog, settings.models_cache, { onProgress: (progress) => reporter.tell(progress) });
  } finally {
    reporter.stop();
  }
  note(reporter.summary());
}

/** A person is reading: of the log only what is out of order. `serve` logs as the settings say. */
function quietly(settings: Settings): Settings {
  return settings.log.level === "info" ? { ...settings, log: { ...settings.log, level: "warn" } } : settings;
}
