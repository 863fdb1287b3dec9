/** Whether this process reaches the others it needs. */
import { rolesOf } from "../../app/roles.ts";
import { FacewireError } from "../../errors.ts";
import type { Settings } from "../../settings/schema.ts";
import { type Finding, missing, ok } from "./finding.ts";

/** Longest wait for the server, in milliseconds: a start waits for one that comes up late, the doctor need not. */
const PATIENCE = 2000;

/** Looks at the roles and, with `bus: nats`, at the server. */
export async function busFinding(settings: Settings): Promise<Finding> {
  try {
    rolesOf(settings);
  } catch (thrown) {
    return missing(FacewireError.from(thrown).message, "set bus: nats, or roles: [api, inference]");
  }
  if (settings.bus === "memory") return ok("everything in one process");
  const { openNatsBus } = await import("../../bus/nats/open.ts");
  const { url, token, prefix, replicas, start_timeout } = settings.nats;
  const startTimeoutMs = Math.min(start_timeout, PATIENCE);
  try {
    const bus = await openNatsBus({ url, token, prefix, replicas, startTimeoutMs, onWarning() {} });
    const { status } = bus;
    await bus.close();
    return ok(status.kind === "connected" ? status.server : "the NATS server answers");
  } catch (thrown) {
    return missing(FacewireError.from(thrown).message, "start a nats-server there, or correct nats.url and nats.token");
  }
}
