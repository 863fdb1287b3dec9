/** Notices that the server forbids what the bus needs: nothing fails then, and nothing ever arrives. */
import type { NatsConnection } from "nats";
import type { ServerWarning } from "./server-check.ts";

/** Warns once of listening and once of sending that the server does not allow, as long as the connection is open. */
export async function watchPermissions(
  connection: NatsConnection,
  prefix: string,
  warn: (warning: ServerWarning) => void,
): Promise<void> {
  const told = new Set<string>();
  for await (const { permissionContext: refused } of connection.status()) {
    if (!refused || told.has(refused.operation)) continue;
    told.add(refused.operation);
    const doing = refused.operation === "publish" ? "publish" : "subscribe";
    warn({
      message: `The NATS server does not let this process ${doing} to ${refused.subject}: what its user may do must cover all of nats.prefix (${prefix}).`,
      details: { subject: refused.subject, prefix },
    });
  }
}
