/** A server of the testing kit as Facewire's own suite mostly wants it: the real models, the stages of the fixtures, a file. */
import type { App } from "../../src/app.ts";
import { readEnvironment } from "../../src/settings/environment.ts";
import type { WrittenSettings } from "../../src/settings/schema.ts";
import { type Home as KitHome, makeHome as makeKitHome } from "../../src/testing/home.ts";
import { type LogLine, startTestServer } from "../../src/testing/index.ts";
import { invalid } from "../../src/yaml/problem.ts";
import { ApiClient } from "./api-client.ts";
import { FIXTURE_STAGES, MODELS_CACHE } from "./engine.ts";

/** Pipelines by name; each text without its `name:` and `description:` lines. */
export type Pipelines = Readonly<Record<string, string>>;

/** Folders of a server, made for one test. */
export interface Home extends KitHome {
  /** The variables that make a server live there. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes folders with `face-liveness`, the other shipped pipelines that are named, and the test's own ones. */
export async function makeHome(pipelines: Pipelines = {}, shipped: readonly string[] = []): Promise<Home> {
  const home = await makeKitHome(pipelines, withLiveness(shipped));
  return {
    ...home,
    env: {
      FACEWIRE_LISTEN_NATIVE: "127.0.0.1:0",
      FACEWIRE_LISTEN_LUNA: "off",
      FACEWIRE_DATA_DIR: home.dataDir,
      FACEWIRE_MODELS_CACHE: MODELS_CACHE,
      FACEWIRE_PIPELINES_DIR: home.pipelinesDir,
      FACEWIRE_STAGES_EXTRA: JSON.stringify(FIXTURE_STAGES),
    },
  };
}

/** What a test may choose. */
export interface TestServerOptions {
  readonly pipelines?: Pipelines;
  readonly shipped?: readonly string[];
  /** Settings as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running server. */
export interface TestServer extends AsyncDisposable {
  readonly app: App;
  readonly client: ApiClient;
  readonly home: Pick<KitHome, "dataDir" | "pipelinesDir" | "writePipeline">;
  /** Log lines so far. */
  readonly logs: readonly LogLine[];
}

/** Starts it, its models loaded; rejects as `startApp` does. */
export async function testServer({
  pipelines = {},
  shipped = [],
  env = {},
}: TestServerOptions = {}): Promise<TestServer> {
  const settings = writtenSettings(env);
  const server = await startTestServer({
    pipelines,
    shipped: withLiveness(shipped),
    stages: FIXTURE_STAGES,
    settings: { models_cache: MODELS_CACHE, ...settings, inference: { workers: "auto", ...settings.inference } },
    database: "file",
    loaded: true,
  });
  return {
    app: server.app,
    client: new ApiClient(server.url),
    home: {
      dataDir: server.dataDir,
      pipelinesDir: server.pipelinesDir,
      writePipeline: (name, source) => server.writePipeline(name, source),
    },
    get logs() {
      return server.logs.all();
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

function withLiveness(shipped: readonly string[]): readonly string[] {
  return [...new Set(["face-liveness", ...shipped])];
}

/** The settings that environment variables say. */
function writtenSettings(env: Readonly<Record<string, string>>): WrittenSettings {
  const { values, problems } = readEnvironment(env, process.cwd());
  if (problems.length > 0) throw invalid("config_invalid", problems);
  const settings: Record<string, unknown> = {};
  for (const { path, value } of values) {
    let node = settings;
    for (const step of path.slice(0, -1)) {
      node[step] ??= {};
      node = node[step] as Record<string, unknown>;
    }
    node[path.at(-1) as string] = value;
  }
  return settings;
}
