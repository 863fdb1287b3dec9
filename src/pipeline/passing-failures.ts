/** Which failures of a run pass by themselves. */
import type { ErrorCode } from "../errors.ts";

const PASSING: ReadonlySet<ErrorCode> = new Set([
  "overloaded",
  "pool_full",
  "mailbox_full",
  "actor_failed",
  "bus_unavailable",
  "group_unavailable",
  "no_receiver",
  "shutting_down",
  "pipeline_unavailable",
  "model_unavailable",
  "store_unavailable",
  // Work in the background is cancelled by nobody but whoever does it, and they know when they did.
  "request_cancelled",
]);

/** Whether the surroundings failed and not the picture: the same work will do later, however long that takes. */
export function passesByItself(code: ErrorCode): boolean {
  return PASSING.has(code);
}
