/** How the parts of an engine are, in words for those who look after it. */
import type { PublicError } from "../errors.ts";
import type { PipelineEntry } from "./deployments.ts";
import type { Plan } from "./plan.ts";
import type { Pool } from "./pools.ts";
import type { PartHealth, PipelineSummary } from "./results.ts";
import type { WorkerCounts } from "./workers.ts";

/** Degraded while some workers are away or hang, failed while all are away. */
export function workersHealth(counts: WorkerCounts): PartHealth {
  const { ready, size, abandoned } = counts;
  const details = { ...counts };
  if (ready < size) {
    const message = `${ready} of ${size} inference workers are ready.`;
    return { status: ready > 0 ? "degraded" : "failed", message, details };
  }
  if (abandoned === 0) return { status: "ok", details };
  return { status: "degraded", message: `${abandoned} worker threads hang; a restart frees their cores.`, details };
}

/** Degraded while as many items wait as may. */
export function queueHealth(waiting: number, limit: number, pools: ReadonlyMap<string, Pool>): PartHealth {
  const counts = [...pools].map(([name, pool]) => [name, { taken: pool.taken, waiting: pool.waiting }] as const);
  const details = { waiting, limit, pools: Object.fromEntries(counts) };
  if (waiting < limit) return { status: "ok", details };
  return { status: "degraded", message: "The line is full: new requests are refused.", details };
}

/** Degraded while a pipeline is not as in its file because of a model. */
export function modelsHealth(entries: readonly PipelineEntry[]): PartHealth {
  const messages = entries.flatMap(({ error }) => (error?.code.startsWith("model_") ? [error.message] : []));
  return messages.length === 0 ? { status: "ok" } : { status: "degraded", message: [...new Set(messages)].join(" ") };
}

/**
 * Failed when no pipeline runs, degraded when one does not run as in its file or not on every worker, or when changed files
 * are not noticed. `failures` says why workers do not hold a plan.
 */
export function pipelinesHealth(
  entries: readonly PipelineEntry[],
  failures: (plan: Plan) => readonly PublicError[],
  watches: boolean,
): PartHealth {
  const messages = entries.flatMap(({ name, running, error }) => {
    if (error) return [`${name} is not as in its file.`];
    const [failure] = running ? failures(running.plan) : [];
    return failure ? [`${name} does not run on every worker: ${failure.message}`] : [];
  });
  if (!watches) messages.push("Changed files are not noticed.");
  const details = Object.fromEntries(entries.map((entry) => [entry.name, pipelineStatus(entry)]));
  if (messages.length === 0) return { status: "ok", details };
  const none = entries.length > 0 && entries.every((entry) => entry.running === undefined);
  return { status: none ? "failed" : "degraded", message: messages.join(" "), details };
}

/** What lists of pipelines say. */
export function pipelineStatus({ running, loading, error }: PipelineEntry): PipelineSummary["status"] {
  if (loading) return "loading";
  if (!running) return "unavailable";
  return error ? "stale" : "ok";
}
