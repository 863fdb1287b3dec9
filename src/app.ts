/** The composition root: store, engine, API and what watches them, put together as the settings say. */
import { version } from "../package.json";
import { createNativeApi } from "./api/native/api.ts";
import { modelStates } from "./api/native/model-states.ts";
import { type OpenEngine, openEngine } from "./app/engine.ts";
import { startPruning } from "./app/pruning.ts";
import { storeHealth } from "./app/store-health.ts";
import { watchDeadLetters } from "./observe/dead-letter-watch.ts";
import { engineLog, httpLog } from "./observe/log-watchers.ts";
import { createLogs, type Logger } from "./observe/logs.ts";
import { createMetrics } from "./observe/metrics.ts";
import { allEngineWatchers, allHttpWatchers } from "./observe/reports.ts";
import type { Engine } from "./pipeline/results.ts";
import type { Settings } from "./settings/schema.ts";
import { openStore } from "./store/store.ts";

/** A running server. */
export interface App {
  /** Address of the native API, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly engine: Engine;
  /** Inference workers it has. */
  readonly workers: number;
  /** Takes no more requests, finishes the accepted ones within `drain.timeout`, then closes everything. Once is enough. */
  stop(): Promise<void>;
}

/** Milliseconds the engine gets to end after the API has, so that its workers can free their models. */
const ENGINE_PATIENCE = 5_000;

/**
 * Starts a server; resolves when it answers. Rejects, with nothing left behind, when a part cannot start: `config_invalid`
 * (such as a taken port), `card_invalid`, `stage_invalid`, `listen_unsafe`, `store_unavailable`.
 */
export async function startApp(settings: Settings): Promise<App> {
  // What was opened is closed in reverse order, at the end and when a later part cannot start.
  const parts = new AsyncDisposableStack();
  try {
    return await assemble(settings, parts);
  } catch (thrown) {
    await parts.disposeAsync();
    throw thrown;
  }
}

async function assemble(settings: Settings, parts: AsyncDisposableStack): Promise<App> {
  const logs = createLogs({ level: settings.log.level });
  parts.defer(() => logs.close());
  const { logger } = logs;
  const metrics = createMetrics();
  parts.defer(() => metrics.close());
  const traces = await openTraces(settings, logger);
  parts.defer(() => traces?.shutdown());
  const store = await openStore(settings.data_dir);
  parts.defer(() => store.close());
  parts.defer(startPruning(store.deadLetters, settings.dead_letters, logger));

  const onError = (error: unknown) => logger.error("an observer failed", { error });
  const open = await openEngine(settings, {
    deadLetters: watchDeadLetters(store.deadLetters, metrics, logger),
    observer: allEngineWatchers([metrics.engine, engineLog(logger), ...(traces ? [traces.engine] : [])], onError),
    watch: true,
  });
  parts.defer(() => open.close(ENGINE_PATIENCE));
  metrics.watch({ queueLength: () => queueLength(open), workers: () => workerStates(open) });

  const api = await createNativeApi({
    engine: open.engine,
    version,
    tokens: store.tokens,
    access: settings.access,
    listen: settings.listen.native,
    limits: {
      maxBody: settings.http.max_body,
      maxFiles: settings.http.max_files,
      bodyTimeoutMs: settings.http.body_timeout,
    },
    models: modelStates(open.catalog, settings.models_cache),
    metrics: metrics.text,
    health: async () => ({ ...open.engine.health(), store: await storeHealth(store) }),
    watcher: allHttpWatchers([metrics.http, httpLog(logger)], onError),
  });
  const url = api.listen();
  parts.defer(async () => {
    const cutOff = await api.stop(settings.drain.timeout);
    if (cutOff > 0) logger.warn("requests cut off while stopping", { requests: cutOff });
  });
  logger.info("ready", { url, workers: open.workers });
  return { url, engine: open.engine, workers: open.workers, stop: () => parts.disposeAsync() };
}

async function openTraces(settings: Settings, logger: Logger) {
  const { endpoint, headers } = settings.observe.traces;
  if (endpoint === "") return undefined;
  const { startTraces } = await import("./observe/traces.ts");
  return startTraces({ endpoint, headers, logger });
}

function queueLength({ engine }: OpenEngine): number {
  return Number(engine.health().queue?.details?.waiting ?? 0);
}

function workerStates({ engine }: OpenEngine): Record<string, number> {
  const { size = 0, ready = 0, busy = 0 } = (engine.health().workers?.details ?? {}) as Record<string, number>;
  return { busy, idle: ready - busy, down: size - ready };
}
