/** A whole server inside a test: HTTP and WebSocket on a free port, inference workers, a database in memory. */
import { fileURLToPath } from "node:url";
import { type App, startApp } from "../app.ts";
import { type Clock, systemClock } from "../bus/clock.ts";
import { openGate } from "../inference/scripted/gate.ts";
import type { ModelScript } from "../inference/scripted/script.ts";
import type { WrittenSettings } from "../settings/schema.ts";
import { openMemoryStore, openStoreOf, type Store } from "../store/store.ts";
import type { TokenRole } from "../store/tokens.ts";
import { TestClient } from "./client.ts";
import { EventCollector } from "./events.ts";
import { type Home, makeHome, type PipelineSource } from "./home.ts";
import { LogLines } from "./log-lines.ts";
import { testSettings } from "./settings.ts";

/** What a test chooses. Everything has a default. */
export interface TestServerOptions<Token extends string = string> {
  /** Pipelines by name, on top of the shipped ones or in their place. */
  readonly pipelines?: Readonly<Record<string, PipelineSource>>;
  /** Which shipped pipelines it has: all (the default), none, or those named. */
  readonly shipped?: boolean | readonly string[];
  /** Stand-ins for models by name or alias (`liveness-default`); `*` is for all others. See `scripted`. */
  readonly models?: Readonly<Record<string, ModelScript>>;
  /** Stage files of your own: paths from the working directory, or URLs such as `new URL("./my-stage.ts", import.meta.url)`. */
  readonly stages?: readonly (string | URL)[];
  /** Settings in the form of the settings file, such as `{ http: { max_body: "1MiB" } }`. */
  readonly settings?: WrittenSettings;
  /** What the server goes by; a `fakeClock()` lets days pass in a moment. See docs/testing.md for what goes by it. */
  readonly clock?: Clock;
  /** Inference workers; 1 when absent. */
  readonly workers?: number;
  /**
   * Where it keeps what it has to keep: in memory (the default), or in a file of its data folder, for tests of what is
   * there after a restart. `settings: { data_dir }` names a folder that outlives the server; `settings: { database: { url } }`
   * a PostgreSQL, which it then uses whatever is said here.
   */
  readonly database?: "memory" | "file";
  /** Whether it has only started when every pipeline's models are loaded, as a server that is not under test. */
  readonly loaded?: boolean;
  /** Tokens by a name of yours and their role; the secrets are `server.tokens`. */
  readonly tokens?: Readonly<Record<Token, TokenRole>>;
}

/** Milliseconds between looks for scripted models that wait at gates while the server stops. */
const OPEN_EVERY = 20;

/** What a running server is made of. */
interface TestServerParts<Token extends string> {
  readonly app: App;
  readonly home: Home;
  readonly dataDir: string;
  readonly logs: LogLines;
  readonly tokens: Readonly<Record<Token, string>>;
  /** Channels of the gates that its models may wait at. */
  readonly gates: readonly string[];
}

/** A running server; also a client of it, without a token. */
export class TestServer<Token extends string = string> extends TestClient implements AsyncDisposable {
  /** The server itself, for what cannot be seen from outside. */
  readonly app: App;
  /** What the server tells over `/v1/events`. */
  readonly events: EventCollector;
  readonly logs: LogLines;
  /** Secrets of the tokens that were asked for, by name: `server.as(server.tokens.reader)`. */
  readonly tokens: Readonly<Record<Token, string>>;
  /** Its data folder. */
  readonly dataDir: string;
  readonly #home: Home;
  readonly #gates: readonly string[];
  #stopped: Promise<void> | undefined;

  /** Use {@link startTestServer}. */
  constructor({ app, home, dataDir, logs, tokens, gates }: TestServerParts<Token>) {
    super(reachable(app.url));
    this.app = app;
    // Where tokens are asked for, any of them may read events.
    const [token] = Object.values<string>(tokens);
    this.events = new EventCollector(token === undefined ? this : this.as(token));
    this.logs = logs;
    this.tokens = tokens;
    this.dataDir = dataDir;
    this.#home = home;
    this.#gates = gates;
  }

  /** Its private folder of pipelines. */
  get pipelinesDir(): string {
    return this.#home.pipelinesDir;
  }

  /** Writes a pipeline's file; the server takes it up, as it does when somebody saves the file. */
  writePipeline(name: string, source: PipelineSource): Promise<void> {
    return this.#home.writePipeline(name, source);
  }

  /** Removes a pipeline's file. */
  removePipeline(name: string): Promise<void> {
    return this.#home.removePipeline(name);
  }

  /**
   * Cuts off what it still works on after `timeoutMs`, ends everything and removes its folder. What waits at a gate goes
   * on. May be called again.
   */
  stop(timeoutMs = 0): Promise<void> {
    this.#stopped ??= this.#stop(timeoutMs);
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(timeoutMs: number): Promise<void> {
    const opening = setInterval(() => {
      for (const gate of this.#gates) openGate(gate);
    }, OPEN_EVERY);
    this.events.close();
    try {
      await this.app.stop(timeoutMs);
    } finally {
      clearInterval(opening);
      await this.#home[Symbol.asyncDispose]();
    }
  }
}

/**
 * Starts a server; it answers when this resolves. Models are loaded when the first request to a pipeline needs them. Several servers may run at once, in one process and in many. Rejects as a server does that cannot start
 * (`config_invalid`, `stage_invalid`, `model_unknown` …); a pipeline that is not valid is listed with its error instead.
 */
export async function startTestServer<Token extends string = never>(
  options: TestServerOptions<Token> = {},
): Promise<TestServer<Token>> {
  await using made = new AsyncDisposableStack();
  const { pipelines = {}, shipped = true, models = {}, stages = [], settings: written = {}, workers = 1 } = options;
  const home = made.use(await makeHome(pipelines, shipped));
  const stageFiles = stages.map((stage) => (stage instanceof URL ? fileURLToPath(stage) : stage));
  const settings = testSettings(home, workers, written, stageFiles);
  const logs = new LogLines(settings.log.level);
  const { clock = systemClock, database = "memory", loaded = false } = options;
  const now = () => clock.now();
  const opening =
    database === "memory" && settings.database.url === "" ? openMemoryStore(now) : openStoreOf(settings, now);
  const store = made.adopt(await opening, (open) => open.close());
  const tokens = await createTokens<Token>(store, options.tokens);
  const app = await startApp(settings, {
    logger: logs.logger,
    store,
    takeUp: loaded ? "wait" : "demand",
    scripts: models,
    ...(options.clock && { clock }),
  });
  const gates = Object.values(models).flatMap(gatesOf);
  made.move();
  return new TestServer({ app, home, dataDir: settings.data_dir, logs, tokens, gates });
}

async function createTokens<Token extends string>(
  store: Store,
  wanted: Readonly<Record<string, TokenRole>> = {},
): Promise<Readonly<Record<Token, string>>> {
  const secrets: Record<string, string> = {};
  for (const [name, role] of Object.entries(wanted)) secrets[name] = (await store.tokens.create({ name, role })).secret;
  return secrets as Record<Token, string>;
}

function gatesOf({ rules }: ModelScript): string[] {
  return rules.flatMap(({ steps }) => steps.flatMap(({ gate }) => gate ?? []));
}

/** An address that listens everywhere is reached over loopback. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
