/** Puts a whole server together from its settings, and takes it apart in the right order. */
import manifest from "../package.json" with { type: "json" };
import { decideOpenness } from "./api/access.ts";
import { createNativeApi } from "./api/native/api.ts";
import { modelStates } from "./api/native/model-states.ts";
import { openEngine } from "./app/engine.ts";
import { openEvents } from "./app/events.ts";
import { openGalleryWork } from "./app/gallery-work.ts";
import { openJobs } from "./app/jobs.ts";
import { type OpenLuna, openLuna } from "./app/luna.ts";
import { metricSources } from "./app/metric-sources.ts";
import { keepPruned } from "./app/pruning.ts";
import { storeHealth } from "./app/store-health.ts";
import { type Clock, systemClock } from "./bus/clock.ts";
import { DeadLetterDesk } from "./dead-letters/desk.ts";
import { deadLetterKeeper } from "./dead-letters/keeper.ts";
import { DeadLetterRetries } from "./dead-letters/retries.ts";
import { tellingDeadLetters } from "./events/dead-letter-events.ts";
import type { EventFeed } from "./events/feed.ts";
import type { EventRecorder } from "./events/recorder.ts";
import { withEvents } from "./events/with-events.ts";
import type { ModelScript } from "./inference/scripted/script.ts";
import { watchDeadLetters } from "./observe/dead-letter-watch.ts";
import { engineLog, groupLog, httpLog } from "./observe/log-watchers.ts";
import { createLogs, type Logger } from "./observe/logs.ts";
import { createMetrics } from "./observe/metrics.ts";
import { allEngineWatchers, allGroupWatchers, allHttpWatchers } from "./observe/reports.ts";
import type { TakeUp } from "./pipeline/engine.ts";
import type { Engine, PartHealth } from "./pipeline/results.ts";
import type { Settings } from "./settings/schema.ts";
import { openStoreOf, type Store } from "./store/store.ts";

/** Milliseconds workers, actors and traces get once the last request is answered. */
const AFTER_LAST_ANSWER = 5_000;

/** A running server. */
export interface App {
  /** Address of the native API, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Address of the LUNA Backport 3 API, such as `http://127.0.0.1:5140`; undefined where `listen.luna` is `off`. */
  readonly lunaUrl: string | undefined;
  readonly engine: Engine;
  readonly store: Store;
  /** What happened, told and asked for within the process. */
  readonly events: { readonly recorder: EventRecorder; readonly feed: EventFeed };
  /** Inference workers it has. */
  readonly workers: number;
  /** Every part by name. */
  health(): Promise<Readonly<Record<string, PartHealth>>>;
  /**
   * Takes no more requests, finishes the accepted ones for at most `timeoutMs` (`drain.timeout` of the settings when
   * absent), then ends everything. May be called again; never rejects for work that had to be cut off.
   */
  stop(timeoutMs?: number): Promise<void>;
}

/** What is not in the settings. */
export interface AppOptions {
  /** Takes the log instead of standard error. */
  readonly logger?: Logger;
  /** Kept in instead of the database of `data_dir`. The server closes it. */
  readonly store?: Store;
  /** `wait` when absent: it has started when every pipeline can run. */
  readonly takeUp?: TakeUp;
  /** What ages, retention and leases go by; the real time when absent. A given store has to go by it too. */
  readonly clock?: Clock;
  /** Stand-ins for models by name or alias, for tests. */
  readonly scripts?: Readonly<Record<string, ModelScript>>;
}

/**
 * Starts a server; resolves when it answers requests. Rejects with a coded error (`config_invalid` for a taken port,
 * `listen_unsafe`, `card_invalid`, `store_unavailable` …), having closed again what it had opened.
 */
export async function startApp(settings: Settings, options: AppOptions = {}): Promise<App> {
  // Closed in the reverse order of opening, also when a later part fails to start.
  await using opened = new AsyncDisposableStack();
  const logger =
    options.logger ?? opened.adopt(createLogs({ level: settings.log.level }), (logs) => logs.close()).logger;
  const { clock = systemClock } = options;
  const onObserverError = (error: unknown) => logger.error("observing failed", { error });

  const store = opened.adopt(options.store ?? (await openStoreOf(settings)), (open) => open.close());
  // Asked again by the API itself; here before a second is spent on loading models.
  await decideOpenness(settings.listen.native.host, settings.access, store.tokens);
  opened.defer(keepPruned("dead letters", store.deadLetters, settings.dead_letters, logger, clock));
  const metrics = opened.adopt(createMetrics(), (open) => open.close());
  const traces = await openTraces(settings, logger);
  opened.defer(async () => traces?.shutdown());

  const events = opened.adopt(
    openEvents({ settings: settings.events, events: store.events, watcher: metrics.events, logger, clock }),
    (open) => open.close(),
  );
  const retries = new DeadLetterRetries(store.deadLetters, () => clock.now());
  const letters = tellingDeadLetters(store.deadLetters, events.recorder);
  // The engine has the real time; letters age by the same clock as they are pruned by.
  const keeper = deadLetterKeeper(letters, settings.dead_letters, options.clock && (() => clock.now()));
  const open = opened.adopt(
    await openEngine(settings, {
      deadLetters: retries.sink(watchDeadLetters(keeper, metrics, logger)),
      observer: allEngineWatchers(
        [metrics.engine, engineLog(logger), events.observer, ...(traces ? [traces.engine] : [])],
        onObserverError,
      ),
      groupWatcher: allGroupWatchers([metrics.groups, groupLog(logger)], onObserverError),
      logger,
      watch: true,
      ...(options.takeUp && { takeUp: options.takeUp }),
      ...(options.scripts && { scripts: options.scripts }),
    }),
    (engine) => engine.close(AFTER_LAST_ANSWER),
  );
  const engine = withEvents(open.engine, events.recorder);
  const loading = engine.pipelines().filter(({ status }) => status === "loading");
  await events.connect(open.bus, loading);
  const jobs = openJobs(settings, {
    store,
    engine: open.engine,
    recorder: events.recorder,
    logger,
    workers: open.workers,
    clock,
  });
  opened.defer(() => jobs.stop(0));
  const galleryWork = opened.adopt(
    openGalleryWork({
      settings: settings.gallery,
      store: store.gallery,
      engine: open.engine,
      catalog: open.catalog,
      workers: open.workers,
      clock,
      logger,
    }),
    (work) => work.close(),
  );
  metrics.watch(metricSources(engine, store.jobs));
  let luna: OpenLuna | undefined;
  const health = async () => {
    // At once: while the database is away, each of them takes its time to notice.
    const asked = [storeHealth(store), jobs.health(), galleryWork.health()] as const;
    const [inStore, inJobs, reextraction] = await Promise.all(asked);
    return {
      ...engine.health(),
      store: inStore,
      events: events.health(),
      jobs: inJobs,
      reextraction,
      ...luna?.health(),
    };
  };

  const httpWatcher = allHttpWatchers([metrics.http, httpLog(logger)], onObserverError);
  const api = await createNativeApi({
    engine,
    health,
    jobs: jobs.parts,
    deadLetters: {
      desk: new DeadLetterDesk(store.deadLetters),
      retry: (id, call) => retries.retry(engine, id, call),
    },
    events: { feed: events.feed, pingMs: settings.events.ping },
    metrics: () => metrics.text(),
    models: modelStates(open.catalog, settings.models_cache),
    limits: {
      maxBody: settings.http.max_body,
      maxFiles: settings.http.max_files,
      bodyTimeoutMs: settings.http.body_timeout,
    },
    listen: settings.listen.native,
    access: settings.access,
    proxies: settings.http.proxies,
    tokens: store.tokens,
    watcher: httpWatcher,
    version: manifest.version,
  });
  luna = await openLuna({
    // Not the one that tells native subscribers: what an account does is told to itself alone.
    engine: open.engine,
    store: store.gallery,
    events: { recorder: events.recorder, feed: events.feed },
    models: open.catalog,
    settings,
    health,
    bus: open.bus,
    clock,
    logger,
    watcher: httpWatcher,
  });
  opened.defer(() => luna?.close());
  const url = api.listen();
  opened.defer(async () => void (await api.stop(0)));
  const lunaUrl = luna?.listen();
  jobs.start();
  logger.info("listening", { url, luna: lunaUrl ?? "off", workers: open.workers, version: manifest.version });

  const parts = opened.move();
  let stopped: Promise<void> | undefined;
  return {
    url,
    lunaUrl,
    engine,
    store,
    events,
    workers: open.workers,
    health,
    stop(timeoutMs = settings.drain.timeout) {
      stopped ??= (async () => {
        const [cut, cutLuna = 0] = await Promise.all([
          api.stop(timeoutMs),
          luna?.stop(timeoutMs),
          jobs.stop(timeoutMs),
          open.leave(timeoutMs),
          // Nobody waits for it: it ends now, not behind the last answer.
          galleryWork.close(),
        ]);
        if (cut + cutLuna > 0) logger.warn("requests cut off", { requests: cut + cutLuna });
        await parts.disposeAsync();
      })();
      return stopped;
    },
  };
}

/** The libraries are only loaded when somebody wants traces. */
async function openTraces(settings: Settings, logger: Logger) {
  const { endpoint, headers } = settings.observe.traces;
  if (endpoint === "") return undefined;
  const { startTraces } = await import("./observe/traces.ts");
  return startTraces({ endpoint, headers, logger });
}
