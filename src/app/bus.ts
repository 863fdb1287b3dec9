/** The bus a process is on, as its settings say. */
import { hostname } from "node:os";
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import type { Bus, BusStatus } from "../bus/bus.ts";
import { MemoryBus } from "../bus/memory-bus.ts";
import type { Logger } from "../observe/logs.ts";
import { bury } from "../pipeline/placement/refused-messages.ts";
import type { Settings } from "../settings/schema.ts";

/**
 * Opens it. What comes over it and cannot be read goes to the dead letters. Rejects with `bus_unavailable` when no broker
 * answers within `nats.start_timeout`.
 */
export async function openBus(
  settings: Settings,
  deadLetters: DeadLetterSink,
  logger: Logger | undefined,
): Promise<Bus> {
  if (settings.bus === "memory") return new MemoryBus();
  // The client is loaded by those who need it.
  const { openNatsBus } = await import("../bus/nats/open.ts");
  const { url, token, prefix, replicas, start_timeout } = settings.nats;
  const bus = await openNatsBus({
    url,
    token,
    prefix,
    replicas,
    startTimeoutMs: start_timeout,
    name: `${prefix} ${settings.roles.join("+")} ${hostname()} ${process.pid}`,
    onWarning: (message, details) => logger?.warn(message, details),
    onMalformed: ({ subject, error, payload }) => bury({ id: "", subject, body: payload }, error, deadLetters),
    onHandlerError: (error, { subject }) => logger?.error("a message was not handled", { subject, error }),
  });
  if (logger) bus.onStatus((status) => logStatus(status, logger));
  return bus;
}

function logStatus(status: BusStatus, logger: Logger): void {
  if (status.kind === "connected") logger.info("bus connected", { server: status.server });
  else if (status.kind === "reconnecting") logger.error("bus lost", { reason: status.reason });
  else if (status.kind === "closed" && status.error) logger.error("bus closed", { code: status.error.code });
}
