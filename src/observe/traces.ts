/**
 * OpenTelemetry traces, sent by OTLP/HTTP. Spans are made after the fact from the engine's reports, so that tracing
 * costs a request nothing while it runs; the libraries are only loaded when an endpoint is set.
 */
import type { Context, Tracer } from "@opentelemetry/api";
import type { ExportResult } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "./logs.ts";
import type { EngineWatcher, ItemReport, RequestReport } from "./reports.ts";

/** Where traces go. */
export interface TraceOptions {
  /** Such as `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  /** Sent with each export; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

/** Running traces. */
export interface Traces {
  readonly engine: EngineWatcher;
  /** Sends what is left, at most for a few seconds, and stops. Never rejects. */
  shutdown(): Promise<void>;
}

/** Milliseconds one export may take; also bounds the shutdown. */
const EXPORT_TIMEOUT = 3_000;
/** Spans that wait to be sent; more are dropped. */
const MAX_QUEUE = 8_192;
/** Requests whose pictures were reported but whose end was not; the oldest is forgotten when more come. */
const MAX_OPEN_REQUESTS = 1_024;
/** Milliseconds between two log lines about an endpoint that does not take traces. */
const WARN_EVERY = 60_000;

/** Starts sending traces. An endpoint that cannot be reached is logged once a minute and hurts nothing else. */
export async function startTraces({ endpoint, headers, logger }: TraceOptions): Promise<Traces> {
  const [api, core, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/core"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/exporter-trace-otlp-http"),
  ]);
  const exporter = new OTLPTraceExporter({ url: endpoint, headers: { ...headers }, timeoutMillis: EXPORT_TIMEOUT });
  const processor = new sdk.BatchSpanProcessor({
    exporter: new WatchedExporter(exporter, core.ExportResultCode.SUCCESS, logger),
    maxQueueSize: MAX_QUEUE,
    exportTimeoutMillis: EXPORT_TIMEOUT,
    scheduledDelayMillis: 1_000,
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ "service.name": "facewire" }),
    spanProcessors: [processor],
  });
  const propagator = new core.W3CTraceContextPropagator();
  const spans = new SpanMaker(provider.getTracer("facewire"), {
    parentOf: (traceparent) =>
      propagator.extract(api.ROOT_CONTEXT, traceparent ? { traceparent } : {}, api.defaultTextMapGetter),
    within: (span, parent) => api.trace.setSpan(parent, span),
    server: api.SpanKind.SERVER,
    failed: api.SpanStatusCode.ERROR,
  });
  return {
    engine: spans,
    async shutdown() {
      const late = new Promise((resolve) => setTimeout(resolve, EXPORT_TIMEOUT).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
    },
  };
}

/** What {@link SpanMaker} needs of the lazily loaded libraries. */
interface TraceParts {
  parentOf(traceparent: string | undefined): Context;
  within(span: ReturnType<Tracer["startSpan"]>, parent: Context): Context;
  readonly server: number;
  readonly failed: number;
}

/** Collects the pictures of a request and makes its spans when it ends: request > picture > queue wait, decode, stages. */
class SpanMaker implements EngineWatcher {
  readonly #tracer: Tracer;
  readonly #parts: TraceParts;
  readonly #open = new Map<string, ItemReport[]>();

  constructor(tracer: Tracer, parts: TraceParts) {
    this.#tracer = tracer;
    this.#parts = parts;
  }

  item(report: ItemReport): void {
    const reports = this.#open.get(report.requestId);
    if (reports) {
      reports.push(report);
      return;
    }
    this.#open.set(report.requestId, [report]);
    const oldest = this.#open.keys().next().value;
    if (this.#open.size > MAX_OPEN_REQUESTS && oldest !== undefined) this.#open.delete(oldest);
  }

  request(report: RequestReport): void {
    const { requestId, pipeline, items, code, traceparent } = report;
    const attributes = { "facewire.request": requestId, "facewire.pipeline": pipeline, "facewire.items": items };
    const parent = this.#parts.parentOf(traceparent);
    const inner = this.#span(parent, `run ${pipeline}`, report.startedAt, report.finishedAt, attributes, code);
    for (const item of this.#open.get(requestId) ?? []) this.#picture(inner, item);
    this.#open.delete(requestId);
  }

  #picture(parent: Context, item: ItemReport): void {
    const { index, status, attempts, queuedAt, startedAt, finishedAt, decodeMs, code } = item;
    const attributes = { "facewire.item": index, "facewire.status": status, "facewire.attempts": attempts };
    const inner = this.#span(parent, "picture", queuedAt, finishedAt, attributes, code);
    this.#span(inner, "queue wait", queuedAt, startedAt ?? finishedAt);
    if (startedAt === undefined) return;
    this.#span(inner, "decode", startedAt, startedAt + decodeMs);
    for (const stage of item.stages) {
      const name = `stage ${stage.id}`;
      const facts = { "facewire.stage": stage.kind, "facewire.pool_wait_ms": stage.waitedMs };
      this.#span(inner, name, stage.startedAt, stage.startedAt + stage.elapsedMs, facts);
    }
  }

  #span(
    parent: Context,
    name: string,
    startTime: number,
    endTime: number,
    attributes: Readonly<Record<string, string | number>> = {},
    code?: string,
  ): Context {
    const kind = name.startsWith("run ") ? { kind: this.#parts.server } : {};
    const span = this.#tracer.startSpan(name, { ...kind, startTime, attributes }, parent);
    if (code !== undefined) span.setStatus({ code: this.#parts.failed, message: code });
    span.end(endTime);
    return this.#parts.within(span, parent);
  }
}

/** Says in the log, now and then, that traces are not taken; the libraries themselves are silent about it. */
class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #success: number;
  readonly #logger: Logger;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(inner: SpanExporter, success: number, logger: Logger) {
    this.#inner = inner;
    this.#success = success;
    this.#logger = logger;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#inner.export(spans, (result) => {
      if (result.code !== this.#success && performance.now() - this.#warnedAt > WARN_EVERY) {
        this.#warnedAt = performance.now();
        this.#logger.warn("traces are not taken by observe.traces.endpoint", {
          lost: spans.length,
          error: result.error,
        });
      }
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
