/** What JetStream's failures mean on the bus. */
import { NatsError } from "nats";
import { FacewireError } from "../../errors.ts";

/** Error codes of JetStream's API (`err_code`); the server's repository lists them in `server/errors.json`. */
export const JETSTREAM_CODES = {
  streamNotFound: 10059,
  streamExistsOtherwise: 10058,
  consumerNotFound: 10014,
  messageNotFound: 10037,
} as const;

/** A store that has no room: the queue's own limit, the account's, the server's. */
const FULL = new Set([10077, 10047, 10023, 10028, 10002]);

/** The `err_code` of a failure, when JetStream's API answered with one. */
export function apiCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** Whether nobody answered for a subject: no such stream or consumer, no leader, or no JetStream at all. */
export function isNobody(error: unknown): boolean {
  return error instanceof NatsError && error.code === "503" && error.api_error === undefined;
}

/** The coded error for a failure of JetStream on a queue. */
export function jetstreamFailure(error: unknown, queue: string): FacewireError {
  if (error instanceof FacewireError) return error;
  const code = apiCode(error);
  if (code !== undefined && FULL.has(code)) {
    return new FacewireError("overloaded", "The work queue is full.", { details: { queue }, cause: error });
  }
  const said = error instanceof NatsError ? error.api_error?.description : undefined;
  const details = said === undefined ? { queue } : { queue, server: said };
  return new FacewireError("bus_unavailable", "The NATS server's JetStream cannot be used now.", {
    details,
    cause: error,
  });
}
