/** Serves the native API on a free port, with a real token store, and keeps what it logs. */
import { rm } from "node:fs/promises";
import { createNativeApi, type NativeApi, type NativeApiOptions } from "../../../src/api/native/api.ts";
import { type OpenEvents, openEvents } from "../../../src/app/events.ts";
import { openJobs } from "../../../src/app/jobs.ts";
import { DeadLetterDesk } from "../../../src/dead-letters/desk.ts";
import { DeadLetterRetries } from "../../../src/dead-letters/retries.ts";
import { httpLog } from "../../../src/observe/log-watchers.ts";
import { createLogger } from "../../../src/observe/logs.ts";
import { createMetrics } from "../../../src/observe/metrics.ts";
import { allHttpWatchers } from "../../../src/observe/reports.ts";
import type { Engine } from "../../../src/pipeline/results.ts";
import { loadSettings } from "../../../src/settings/load.ts";
import { openStore, type Store } from "../../../src/store/store.ts";
import type { Tokens } from "../../../src/store/tokens.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

/** A served API. */
export interface Served extends AsyncDisposable {
  readonly api: NativeApi;
  readonly url: string;
  readonly port: number;
  readonly tokens: Tokens;
  readonly events: OpenEvents;
  readonly store: Store;
  /** Log lines so far, parsed. */
  readonly logs: readonly Record<string, unknown>[];
  /** `fetch` at a path of the server, the answer's JSON with it. */
  json(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
}

/**
 * Serves; `options` replace single parts. `prepare` may make tokens before the API is made; `env` are settings of events
 * and jobs.
 */
export async function serveNative(
  engine: Engine,
  options: Partial<NativeApiOptions> & {
    prepare?: (tokens: Tokens) => Promise<void>;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Served> {
  const folder = temporaryFolder("facewire-api-");
  const store = await openStore(folder);
  const { prepare, env = {}, ...parts } = options;
  await prepare?.(store.tokens);
  const logs: Record<string, unknown>[] = [];
  const logger = createLogger("debug", { write: (line: string) => void logs.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const retries = new DeadLetterRetries(store.deadLetters);
  const settings = await loadSettings({ env });
  const events = openEvents({ settings: settings.events, events: store.events, watcher: metrics.events, logger });
  const jobs = openJobs(
    { ...settings, data_dir: folder },
    { store, engine, recorder: events.recorder, logger, workers: 1 },
  );
  const api = await createNativeApi({
    engine,
    jobs: jobs.parts,
    events: { feed: events.feed, pingMs: settings.events.ping },
    deadLetters: {
      desk: new DeadLetterDesk(store.deadLetters),
      retry: (id, call) => retries.retry(engine, id, call),
    },
    limits: { maxBody: 1024 * 1024, maxFiles: 10, bodyTimeoutMs: 5000 },
    models: async () => [],
    health: async () => engine.health(),
    metrics: metrics.text,
    listen: { host: "127.0.0.1", port: 0 },
    access: { open: false },
    tokens: store.tokens,
    watcher: allHttpWatchers([metrics.http, httpLog(logger)], (error) => logger.error("watcher failed", { error })),
    version: "0.0.0",
    ...parts,
  });
  const url = api.listen();
  return {
    api,
    url,
    port: Number(new URL(url).port),
    tokens: store.tokens,
    events,
    store,
    logs,
    async json(path, init) {
      const response = await fetch(url + path, init);
      return { status: response.status, headers: response.headers, body: (await response.json()) as never };
    },
    async [Symbol.asyncDispose]() {
      await api.stop(0);
      await events.close();
      metrics.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
