/** From a fresh clone to a server that has shown that it works. */
import { ModelCatalog } from "../../inference/catalog.ts";
import { pullModels } from "../../inference/store.ts";
import type { Settings } from "../../settings/schema.ts";
import { note, printLine } from "../output.ts";
import { refuseTakenPort } from "../port.ts";
import { PullReporter } from "../pull-reporter.ts";
import { serveUntilStopped } from "../serving.ts";
import { ensureSystemTools, FFMPEG } from "../system-packages.ts";
import { welcome } from "./welcome.ts";

/** An archive that does not answer holds the start up no longer than this once the models are there; milliseconds. */
const FFMPEG_PATIENCE = 30_000;

/** Resolves with the exit code when the server was stopped. */
export async function bringUp(settings: Settings): Promise<number> {
  const startedAt = performance.now();
  // Before models are brought: that may take minutes, and this cannot be mended by waiting.
  await refuseTakenPort(settings);
  const ffmpeg = bringFfmpeg(settings);
  await bringModels(settings);
  // Videos look for it anew each time, so one that comes later is not too late.
  await Promise.race([ffmpeg, Bun.sleep(FFMPEG_PATIENCE)]);
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

/** Pictures work without. A command of one's own in the settings is one's own to bring. */
async function bringFfmpeg({ video }: Settings): Promise<void> {
  if (video.ffmpeg !== FFMPEG.command) return;
  for (const { message } of await ensureSystemTools([FFMPEG])) note(`${message}; pictures work without`);
}

/** A person is reading: of the log only what is out of order. `serve` logs as the settings say. */
function quietly(settings: Settings): Settings {
  return settings.log.level === "info" ? { ...settings, log: { ...settings.log, level: "warn" } } : settings;
}
