/** What a NATS server should be told to do better, found out when the bus is opened. */
import type { ServerInfo } from "nats";

/** A warning: a sentence for people, and facts. */
export interface ServerWarning {
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The first version that can be told to write what it has accepted to the disk at once (`sync_interval: always`). */
const SYNCS_SINCE = [2, 10];

/** Where a server's monitoring listens unless it is told otherwise; all there is to ask without an administrator's account. */
const MONITORING_PORT = 8222;

/** Longest wait for the monitoring, in milliseconds. */
const PATIENCE = 1000;

const MEND = "set sync_interval: always in its jetstream block";
const LOSS =
  "after a power cut, work that it had accepted within its sync interval (two minutes by default) may be missing";

/** Nanoseconds; part of what `/varz` says. */
interface JetstreamConfig {
  readonly sync_interval?: number;
  readonly sync_always?: boolean;
}

/**
 * What is to be said about a server: without JetStream, old, or slow to write to the disk. Asks the server's monitoring on
 * its default port; when there is none, says that it could not be found out. Never throws.
 *
 * @param host the server's name or address, IPv6 in brackets
 */
export async function checkServer(
  info: ServerInfo,
  host: string,
  signal: AbortSignal,
  monitoringPort = MONITORING_PORT,
): Promise<readonly ServerWarning[]> {
  const { version } = info;
  if (info.jetstream !== true) {
    return [warning("The NATS server runs without JetStream: work queues cannot be used.", { version })];
  }
  if (isOlder(version)) {
    const message = `The NATS server is old (${version}) and cannot write at once: ${LOSS}; run 2.10 or newer and ${MEND}.`;
    return [warning(message, { version })];
  }
  const config = await askMonitoring(info, host, signal, monitoringPort);
  if (!config) {
    const message = `Whether the NATS server writes at once could not be found out (no monitoring on port ${monitoringPort}); if it does not, ${LOSS}: ${MEND}.`;
    return [warning(message, { version })];
  }
  if (config.sync_always === true) return [];
  const sync_interval_s = (config.sync_interval ?? 0) / 1e9;
  return [warning(`The NATS server writes to the disk late: ${LOSS}; ${MEND}.`, { version, sync_interval_s })];
}

function warning(message: string, details: ServerWarning["details"]): ServerWarning {
  return { message, details };
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = SYNCS_SINCE;
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
}

async function askMonitoring(
  info: ServerInfo,
  host: string,
  signal: AbortSignal,
  port: number,
): Promise<JetstreamConfig | undefined> {
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const response = await fetch(`http://${host}:${port}/varz`, { signal: patience, redirect: "error" });
    const varz = (await response.json()) as { server_id?: unknown; jetstream?: { config?: JetstreamConfig } };
    // Something else may listen there, or another server of the same machine.
    return varz.server_id === info.server_id ? varz.jetstream?.config : undefined;
  } catch {
    return undefined;
  }
}
