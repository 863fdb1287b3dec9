/** What health and metrics ask the parts of a running server. */
import { FacewireError } from "../errors.ts";
import type { MetricSources } from "../observe/metrics.ts";
import type { Engine, PartHealth } from "../pipeline/results.ts";
import type { Store } from "../store/store.ts";

/** Of the engine's counts of workers, those that are states a worker can be in. */
const WORKER_STATES = ["ready", "busy", "abandoned"] as const;

/** The numbers of now, from the engine's own health. */
export function metricSources(engine: Engine): MetricSources {
  const numberOf = (part: string, name: string) => Number(engine.health()[part]?.details?.[name] ?? 0);
  return {
    queueLength: () => numberOf("queue", "waiting"),
    workers: () => Object.fromEntries(WORKER_STATES.map((state) => [state, numberOf("workers", state)])),
  };
}

/** Whether the database answers. */
export async function storeHealth(store: Store): Promise<PartHealth> {
  try {
    await store.ping();
    return { status: "ok" };
  } catch (thrown) {
    return { status: "failed", message: FacewireError.from(thrown, "store_unavailable").message };
  }
}
