/** What cannot be read of what came in, for those who keep it. */
import type { FacewireError } from "../../errors.ts";

/** Something on the server under the installation's prefix that no Facewire of this version sent. */
export interface MalformedReport {
  /** A message to a subscriber, an answer to a request, or stored work. */
  readonly kind: "message" | "answer" | "work";
  /** The subject of the bus, or the queue. */
  readonly subject: string;
  /** `message_invalid` or `message_too_large`. */
  readonly error: FacewireError;
  /** What was sent. */
  readonly payload: Uint8Array;
}

/** Takes such a report. Work is removed from its queue once this has resolved; when it rejects the work comes again later. */
export type MalformedTaker = (report: MalformedReport) => void | Promise<void>;
