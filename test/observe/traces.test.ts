import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createLogger, type Logger } from "../../src/observe/logs.ts";
import { startTraces } from "../../src/observe/traces.ts";
import { itemReport, requestReport, START } from "./reports.ts";

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A collector that takes traces over HTTP as OpenTelemetry collectors do. */
class Collector {
  readonly spans: OtlpSpan[] = [];
  readonly headers: Headers[] = [];
  readonly services: string[] = [];
  status = 200;
  readonly #server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#take(request) });

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.port}/v1/traces`;
  }

  async #take(request: Request): Promise<Response> {
    this.headers.push(request.headers);
    if (this.status === 200) {
      const body = await request.json();
      for (const resource of body.resourceSpans) {
        this.services.push(
          resource.resource.attributes.find(({ key }: { key: string }) => key === "service.name").value.stringValue,
        );
        for (const scope of resource.scopeSpans) this.spans.push(...scope.spans);
      }
    }
    return Response.json({}, { status: this.status });
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }
}

let collector: Collector;
let lines: string[];
let logger: Logger;
beforeEach(() => {
  collector = new Collector();
  lines = [];
  logger = createLogger("info", { write: (line) => lines.push(line) });
});
afterEach(() => collector.stop());

const starting = (headers: Record<string, string> = {}) =>
  startTraces({ endpoint: collector.endpoint, headers, logger });
const named = (name: string) => collector.spans.find((span) => span.name === name);
const ms = (nano: string | undefined) => Number(BigInt(nano ?? 0) / 1_000_000n);

describe("traces", () => {
  test("show request, picture, queue wait, decoding and each stage, with their true times", async () => {
    const traces = await starting();
    traces.engine.item?.(itemReport());
    traces.engine.request?.(requestReport());
    await traces.shutdown();
    const request = named("run face-liveness");
    const picture = named("picture");
    expect(collector.services).toEqual(["facewire"]);
    expect(collector.spans).toHaveLength(6);
    expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(request?.kind).toBe(2);
    expect(picture?.parentSpanId).toBe(request?.spanId ?? "");
    const expected = {
      "queue wait": [1, 11],
      decode: [11, 16],
      "stage 1. detect": [16, 36],
      "stage 2. liveness": [36, 43],
    };
    for (const [name, [from = 0, to = 0]] of Object.entries(expected)) {
      const span = named(name);
      expect(span?.parentSpanId).toBe(picture?.spanId ?? "");
      expect([ms(span?.startTimeUnixNano), ms(span?.endTimeUnixNano)]).toEqual([START + from, START + to]);
    }
  });

  test("go on with the caller's trace", async () => {
    const traces = await starting();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    traces.engine.request?.(requestReport({ traceparent: `00-${traceId}-b7ad6b7169203331-01` }));
    await traces.shutdown();
    expect(named("run face-liveness")).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331" });
  });

  test("are not sent for a caller that does not want its request sampled", async () => {
    const traces = await starting();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    traces.engine.request?.(requestReport({ traceparent }));
    traces.engine.request?.(requestReport({ pipeline: "other" }));
    await traces.shutdown();
    expect(collector.spans.map(({ name }) => name)).toEqual(["run other"]);
  });

  test("begin anew when the caller's trace context is nonsense", async () => {
    const traces = await starting();
    traces.engine.request?.(requestReport({ traceparent: "00-zzz" }));
    await traces.shutdown();
    expect(named("run face-liveness")?.parentSpanId ?? "").toBe("");
  });

  test("mark what failed with its code", async () => {
    const traces = await starting();
    traces.engine.item?.(itemReport({ status: "failed", code: "stage_failed", startedAt: undefined, stages: [] }));
    traces.engine.request?.(requestReport({ code: "deadline_exceeded" }));
    await traces.shutdown();
    expect(named("picture")?.status).toEqual({ code: 2, message: "stage_failed" });
    expect(named("run face-liveness")?.status).toEqual({ code: 2, message: "deadline_exceeded" });
    expect(named("decode")).toBeUndefined();
  });

  test("carry the configured headers, which no log shows", async () => {
    const traces = await starting({ authorization: "Bearer trace-key-123" });
    collector.status = 400;
    traces.engine.request?.(requestReport());
    await traces.shutdown();
    expect(collector.headers[0]?.get("authorization")).toBe("Bearer trace-key-123");
    expect(lines.join("")).toContain("traces are not taken");
    expect(lines.join("")).not.toContain("trace-key-123");
  });
});

describe("a collector that", () => {
  test("refuses is logged once and hurts nothing", async () => {
    collector.status = 400;
    const traces = await starting();
    // Larger than a batch, so that there is more than one export.
    for (let i = 0; i < 1_100; i++) traces.engine.request?.(requestReport());
    await traces.shutdown();
    expect(collector.headers.length).toBeGreaterThan(1);
    expect(lines).toHaveLength(1);
  });

  test("is not there lets the shutdown end all the same", async () => {
    const endpoint = collector.endpoint;
    await collector.stop();
    const traces = await startTraces({ endpoint, headers: {}, logger });
    traces.engine.request?.(requestReport());
    await traces.shutdown();
    traces.engine.request?.(requestReport());
  });
});

test("pictures whose request never ends do not fill the memory", async () => {
  const traces = await starting();
  for (let i = 0; i < 1_030; i++) traces.engine.item?.(itemReport({ requestId: `r${i}` }));
  traces.engine.request?.(requestReport({ requestId: "r0" }));
  traces.engine.request?.(requestReport({ requestId: "r1029" }));
  await traces.shutdown();
  expect(collector.spans.filter(({ name }) => name === "picture")).toHaveLength(1);
});

test("tracing libraries are not loaded before traces are started", async () => {
  const code = `await import("${import.meta.dir}/../../src/observe/traces.ts"); console.log(Object.keys(require.cache).filter((file) => file.includes("@opentelemetry")).length)`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  expect((await new Response(child.stdout).text()).trim()).toBe("0");
});
