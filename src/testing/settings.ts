/** The settings of a test server: the defaults, on free ports and in a private folder, and what the test says. */
import { join } from "node:path";
import { settingsOf } from "../settings/load.ts";
import type { Settings, WrittenSettings } from "../settings/schema.ts";
import type { Home } from "./home.ts";

/** Loopback, on a port that is free. */
const ANY_PORT = "127.0.0.1:0";

/**
 * Neither the settings file nor the environment is read, so that a test is the same everywhere; only prepared models are
 * taken from where `FACEWIRE_MODELS_CACHE` or `FACEWIRE_DATA_DIR` say that they are.
 */
export function testSettings(
  home: Home,
  workers: number,
  written: WrittenSettings,
  stages: readonly string[],
): Settings {
  const { listen, inference, log, stages: extra, ...rest } = written;
  return settingsOf({
    data_dir: home.dataDir,
    pipelines_dir: home.pipelinesDir,
    ...modelsCache(),
    ...rest,
    // Several servers run at once: a dialect with a port of its own listens where a test asks for it.
    listen: { native: ANY_PORT, luna: "off", ...listen },
    inference: { workers, ...inference },
    log: { level: "debug", ...log },
    stages: { extra: [...(extra?.extra ?? []), ...stages] },
  });
}

function modelsCache(): Pick<WrittenSettings, "models_cache"> {
  const { FACEWIRE_MODELS_CACHE: cache, FACEWIRE_DATA_DIR: data } = process.env;
  if (cache) return { models_cache: cache };
  return data ? { models_cache: join(data, "models") } : {};
}
