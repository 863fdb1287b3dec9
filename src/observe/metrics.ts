/** What Prometheus reads: counters and timings of one server. Names are `facewire_<noun>_<unit>`, counters end in `_total`. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { addProcessMetrics } from "./process-metrics.ts";
import type { EngineWatcher, EventWatcher, GroupWatcher, HttpWatcher } from "./reports.ts";

/** Numbers that are asked for when metrics are read. */
export interface MetricSources {
  /** Pictures that wait for a worker. */
  queueLength(): number;
  /** Inference workers by state, such as `{ ready: 2, busy: 1 }`. */
  workers(): Readonly<Record<string, number>>;
  /** Processes that run stages for this one, by group. */
  members(): Readonly<Record<string, number>>;
  /** Jobs that have not ended, by state. Rejects when they cannot be counted. */
  jobs(): Promise<Readonly<Record<string, number>>>;
}

/** The metrics of one server. */
export interface Metrics {
  /** To be told what the engine does. */
  readonly engine: EngineWatcher;
  /** To be told what a listener does. */
  readonly http: HttpWatcher;
  /** To be told what becomes of events. */
  readonly events: EventWatcher;
  /** To be told of the processes of groups. */
  readonly groups: GroupWatcher;
  /** Counts a dead letter; `kept` is false when the store did not take it. */
  deadLetter(kept: boolean): void;
  /** Names where the numbers of now come from. */
  watch(sources: MetricSources): void;
  /** All metrics in the Prometheus text format. */
  text(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Name, type and meaning of each metric, for the reference page. */
  describe(): Promise<readonly MetricDescription[]>;
  /** Stops measuring the event loop. */
  close(): void;
}

/** One metric of the reference page. */
export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Seconds; from a fast stage to a slow request. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Callers choose methods and pipeline names; only known ones become labels, so that nobody can fill the memory. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const OTHER = "(other)";

/** Creates the metrics of one server in a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const labels = new Map<string, readonly string[]>();
  const parts = <L extends string>(name: string, help: string, labelNames: readonly L[]) => {
    labels.set(name, labelNames);
    return { name, help, labelNames, registers: [registry] };
  };
  const counter = <L extends string>(name: string, help: string, ...names: L[]) =>
    new Counter(parts(name, help, names));
  const seconds = <L extends string>(name: string, help: string, ...names: L[]) =>
    new Histogram({ ...parts(name, help, names), buckets: SECONDS });

  const httpRequests = counter("facewire_http_requests_total", "HTTP requests answered.", "method", "route", "status");
  const httpSeconds = seconds("facewire_http_request_seconds", "Time from a request's arrival to its answer.", "route");
  const httpOpen = new Gauge(parts("facewire_http_requests_open", "HTTP requests being answered now.", []));
  const requests = counter(
    "facewire_requests_total",
    "Requests the engine took, by how they ended: ok or an error code.",
    "pipeline",
    "code",
  );
  const requestSeconds = seconds("facewire_request_seconds", "Time the engine took for a request.", "pipeline");
  const refused = counter("facewire_requests_refused_total", "Requests the engine did not take.", "pipeline", "reason");
  const items = counter(
    "facewire_items_total",
    "Pictures answered, by status and error code.",
    "pipeline",
    "status",
    "code",
  );
  const waitSeconds = seconds("facewire_item_wait_seconds", "Time a picture waited for a worker.", "pipeline");
  const decodeSeconds = seconds("facewire_decode_seconds", "Time to decode a picture.", "pipeline");
  const stageSeconds = seconds("facewire_stage_seconds", "Time of a stage with one picture.", "pipeline", "stage");
  const workerLosses = counter("facewire_worker_losses_total", "Inference workers that died and were replaced.");
  const groupItems = counter("facewire_group_items_total", "Pictures sent to the processes of a group.", "group");
  const membersLost = counter("facewire_group_members_lost_total", "Processes of groups that ended without a word.");
  const deadLetters = counter("facewire_dead_letters_total", "Work given up and kept as a dead letter.");
  const lostLetters = counter("facewire_dead_letters_lost_total", "Dead letters that could not be kept.");
  const eventsStored = counter("facewire_events_stored_total", "Events stored.", "type");
  const eventCommits = seconds("facewire_event_commit_seconds", "Time to store events that came together.");
  const eventsLost = counter("facewire_events_lost_total", "Events that could not be stored.");
  const deliveries = counter("facewire_event_deliveries_total", "Events sent to subscribers.");
  const missed = counter("facewire_event_missed_total", "Events left out for subscribers that read too slowly.");
  const subscribers = new Gauge(parts("facewire_event_subscribers", "Subscriptions to events that are open now.", []));
  let sources: MetricSources | undefined;
  new Gauge({
    ...parts("facewire_queue_items", "Pictures that wait for a worker now.", []),
    collect() {
      this.set(sources?.queueLength() ?? 0);
    },
  });
  new Gauge({
    ...parts("facewire_workers", "Inference workers now, by state.", ["state"]),
    collect() {
      this.reset();
      for (const [state, count] of Object.entries(sources?.workers() ?? {})) this.set({ state }, count);
    },
  });
  new Gauge({
    ...parts("facewire_group_members", "Processes that run stages for this one now, by group.", ["group"]),
    collect() {
      this.reset();
      for (const [group, count] of Object.entries(sources?.members() ?? {})) this.set({ group }, count);
    },
  });
  new Gauge({
    ...parts("facewire_jobs", "Jobs that have not ended, of all processes on the database, by state.", ["state"]),
    async collect() {
      this.reset();
      // Nothing is said of what cannot be counted; the other metrics must not go with it.
      const jobs = (await sources?.jobs().catch(() => undefined)) ?? {};
      for (const [state, count] of Object.entries(jobs)) this.set({ state }, count);
    },
  });
  const stopProcessMetrics = addProcessMetrics(registry);

  return {
    engine: {
      item({ pipeline, status, code, queuedAt, startedAt, decodeMs, stages }) {
        items.inc({ pipeline, status, code: code ?? "ok" });
        if (startedAt === undefined) return;
        waitSeconds.observe({ pipeline }, Math.max(0, startedAt - queuedAt) / 1000);
        decodeSeconds.observe({ pipeline }, decodeMs / 1000);
        for (const { id, elapsedMs } of stages) stageSeconds.observe({ pipeline, stage: id }, elapsedMs / 1000);
      },
      request({ pipeline, code, startedAt, finishedAt }) {
        requests.inc({ pipeline, code: code ?? "ok" });
        requestSeconds.observe({ pipeline }, Math.max(0, finishedAt - startedAt) / 1000);
      },
      refused: (pipeline, reason) =>
        refused.inc({ pipeline: reason === "pipeline_unknown" ? OTHER : pipeline, reason }),
      workerLost: () => workerLosses.inc(),
    },
    http: {
      started: () => httpOpen.inc(),
      finished({ method, route }, status, ms) {
        httpOpen.dec();
        httpRequests.inc({ method: METHODS.has(method) ? method : OTHER, route, status });
        httpSeconds.observe({ route }, ms / 1000);
      },
    },
    events: {
      stored(events, ms) {
        for (const { type } of events) eventsStored.inc({ type });
        eventCommits.observe(ms / 1000);
      },
      lost: (count) => eventsLost.inc(count),
      delivered: (count) => deliveries.inc(count),
      missed: (count) => missed.inc(count),
      subscribers: (count) => subscribers.set(count),
    },
    groups: {
      sent: (group) => groupItems.inc({ group }),
      memberLost: () => membersLost.inc(),
    },
    deadLetter: (kept) => (kept ? deadLetters : lostLetters).inc(),
    watch: (given) => {
      sources = given;
    },
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    describe: async () =>
      (await registry.getMetricsAsJSON()).map(({ name, type, help }) => ({
        name,
        type: String(type),
        help,
        labels: labels.get(name) ?? [],
      })),
    close: stopProcessMetrics,
  };
}
