/** A whole server in the test's own process, with the shipped pipelines, the shared models and a data folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../src/app.ts";
import { loadSettings } from "../../src/settings/load.ts";
import { MODELS_CACHE } from "./engine.ts";

/** A running server. */
export interface TestApp extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  /** Stops it and removes its data folder. */
  close(): Promise<void>;
}

/** Starts one on a free port; `env` are settings as environment variables. Rejects as `startApp` does. */
export async function startTestApp(env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), "facewire-app-"));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  try {
    const settings = await loadSettings({
      env: {
        FACEWIRE_LISTEN_NATIVE: "127.0.0.1:0",
        FACEWIRE_DATA_DIR: dataDir,
        FACEWIRE_MODELS_CACHE: MODELS_CACHE,
        FACEWIRE_LOG_LEVEL: "silent",
        ...env,
      },
    });
    const app = await startApp(settings);
    const close = async () => {
      await app.stop();
      await remove();
    };
    return { app, url: app.url, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
