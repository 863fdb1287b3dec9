/**
 * Metrics of the process itself. Not prom-client's default ones: under Bun their heap and handle numbers are zeros or
 * nonsense. Names that other exporters use for the same thing are kept, so that common dashboards work.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Gauge, type Registry } from "prom-client";

/** Milliseconds between looks at the event loop. */
const LOOP_RESOLUTION = 10;
const NANO = 1e9;

/** Adds them; the answer stops measuring. */
export function addProcessMetrics(registry: Registry): () => void {
  const registers = [registry];
  const startedAt = Date.now() / 1000 - process.uptime();
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process, workers included.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_cpu_seconds_total",
    help: "CPU time of all threads of the process.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "Start of the process, in seconds since the epoch.",
    registers,
    collect() {
      this.set(startedAt);
    },
  });
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION });
  loop.enable();
  new Gauge({
    name: "facewire_event_loop_stall_seconds",
    help: "How long the main thread's event loop was held up since the metrics were last read; quantile 1 is the longest.",
    labelNames: ["quantile"],
    registers,
    collect() {
      // Without a single look since the last reading, the histogram's values are not numbers.
      const measured = loop.max > 0 && loop.count > 0;
      this.set({ quantile: "0.99" }, measured ? loop.percentile(99) / NANO : 0);
      this.set({ quantile: "1" }, measured ? loop.max / NANO : 0);
      loop.reset();
    },
  });
  return () => loop.disable();
}
