/** The metrics of this API under the names its clients' dashboards know. Counters begin at 0 with each start. */
import { Counter, Histogram, Registry } from "prom-client";

/** Seconds. */
const BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30,
  60,
];
/** Callers choose methods; only known ones become labels, so that nobody can fill the memory. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** See the file's head. */
export interface LunaMetrics {
  /** Counts an answer. `route`: the address as described, such as `/4/account/tokens/{token_id}`. */
  answered(method: string, route: string, status: number, ms: number, errorCode: number | undefined): void;
  /** In the Prometheus text format. */
  text(): Promise<string>;
}

/** Metrics in a registry of their own. */
export function createLunaMetrics(): LunaMetrics {
  const registers = [new Registry()];
  const requests = new Counter({
    name: "request_count_total",
    help: "Requests answered.",
    labelNames: ["path", "status_code"],
    registers,
  });
  const errors = new Counter({
    name: "errors_count_total",
    help: "Requests answered with an error.",
    labelNames: ["path", "error_code"],
    registers,
  });
  const seconds = new Histogram({
    name: "requests",
    help: "Seconds from a request's arrival to its answer.",
    labelNames: ["path", "status_code"],
    buckets: BUCKETS,
    registers,
  });
  return {
    answered(method, route, status, ms, errorCode) {
      const path = `${METHODS.has(method) ? method : "OTHER"}:${route}`;
      requests.inc({ path, status_code: status });
      seconds.observe({ path, status_code: status }, ms / 1000);
      if (errorCode !== undefined) errors.inc({ path, error_code: errorCode });
    },
    text: () => (registers[0] as Registry).metrics(),
  };
}
