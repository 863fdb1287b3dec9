/** A whole server inside the test's own process, on a free port, with a data folder and pipelines of its own. */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../src/app.ts";
import { createLogger } from "../../src/observe/logs.ts";
import { loadSettings } from "../../src/settings/load.ts";
import { ApiClient } from "./api-client.ts";
import { PROJECT_ROOT } from "./cli.ts";
import { FIXTURE_STAGES, MODELS_CACHE } from "./engine.ts";

/** Pipelines by file name without `.yaml`; each text without its `name:` and `description:` lines. */
export type Pipelines = Readonly<Record<string, string>>;

/** Folders of a server, made for one test. */
export interface Home extends AsyncDisposable {
  readonly dataDir: string;
  readonly pipelinesDir: string;
  /** The variables that make a server live there. */
  readonly env: Readonly<Record<string, string>>;
  writePipeline(name: string, text: string): Promise<void>;
}

/** Makes folders with `face-liveness`, the other shipped pipelines that are named, and the test's own ones. */
export async function makeHome(pipelines: Pipelines = {}, shipped: readonly string[] = []): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), "facewire-e2e-"));
  const dataDir = join(folder, "data");
  const pipelinesDir = join(folder, "pipelines");
  await mkdir(pipelinesDir);
  for (const name of new Set(["face-liveness", ...shipped])) {
    await cp(join(PROJECT_ROOT, "pipelines", `${name}.yaml`), join(pipelinesDir, `${name}.yaml`));
  }
  const writePipeline = (name: string, text: string) =>
    writeFile(join(pipelinesDir, `${name}.yaml`), `name: ${name}\ndescription: For a test.\n${text}`);
  for (const [name, text] of Object.entries(pipelines)) await writePipeline(name, text);
  return {
    dataDir,
    pipelinesDir,
    writePipeline,
    env: {
      FACEWIRE_LISTEN_NATIVE: "127.0.0.1:0",
      FACEWIRE_DATA_DIR: dataDir,
      FACEWIRE_MODELS_CACHE: MODELS_CACHE,
      FACEWIRE_PIPELINES_DIR: pipelinesDir,
      FACEWIRE_STAGES_EXTRA: JSON.stringify(FIXTURE_STAGES),
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a test may choose. */
export interface TestServerOptions {
  readonly pipelines?: Pipelines;
  readonly shipped?: readonly string[];
  /** Settings as environment variables, on top of those of the home. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running server. */
export interface TestServer extends AsyncDisposable {
  readonly app: App;
  readonly client: ApiClient;
  readonly home: Home;
  /** Log lines so far, parsed. */
  readonly logs: readonly Readonly<Record<string, unknown>>[];
}

/** Starts it; rejects as `startApp` does. */
export async function testServer({ pipelines, shipped, env = {} }: TestServerOptions = {}): Promise<TestServer> {
  await using made = new AsyncDisposableStack();
  const home = made.use(await makeHome(pipelines, shipped));
  const logs: Record<string, unknown>[] = [];
  const logger = createLogger("debug", { write: (line: string) => void logs.push(JSON.parse(line)) });
  const settings = await loadSettings({ env: { ...home.env, ...env } });
  const app = made.adopt(await startApp(settings, { logger }), (running) => running.stop(0));
  const parts = made.move();
  return {
    app,
    client: new ApiClient(app.url),
    home,
    logs,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
