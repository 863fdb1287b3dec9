/** The numbers of now that metrics ask a running engine for. */
import type { MetricSources } from "../observe/metrics.ts";
import type { Engine } from "../pipeline/results.ts";
import type { Jobs } from "../store/jobs.ts";

/** Taken from the engine's own health, and from the database. */
export function metricSources(engine: Engine, jobs: Pick<Jobs, "countOpen">): MetricSources {
  const numberOf = (part: string, name: string) => Number(engine.health()[part]?.details?.[name] ?? 0);
  return {
    queueLength: () => numberOf("queue", "waiting"),
    workers() {
      const [size, ready, busy] = [
        numberOf("workers", "size"),
        numberOf("workers", "ready"),
        numberOf("workers", "busy"),
      ];
      return { busy, idle: ready - busy, down: size - ready };
    },
    jobs: async () => ({ ...(await jobs.countOpen()) }),
    members() {
      const groups = Object.entries(engine.health().groups?.details ?? {});
      return Object.fromEntries(
        groups.map(([name, group]) => [name, (group as { readonly members: readonly unknown[] }).members.length]),
      );
    },
  };
}
