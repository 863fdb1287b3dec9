/** Messages that could not be read or taken, on their way to the dead letters. */
import { type DeadLetterSink, internalText, summarise } from "../../actors/dead-letters.ts";
import type { Delivery } from "../../bus/bus.ts";
import { FacewireError } from "../../errors.ts";

/** Codes of messages that nobody sends who runs the same version with the same settings. */
const REFUSED: ReadonlySet<string> = new Set(["message_invalid", "message_too_large"]);

/** Whether a failure is the message's own fault. */
export function isRefusal(error: FacewireError): boolean {
  return REFUSED.has(error.code);
}

/**
 * Handles a delivery; one that cannot be read or taken is kept as a dead letter, and whoever asked is refused with the
 * code of the failure.
 */
export async function keepRefused(delivery: Delivery, sink: DeadLetterSink, handle: () => unknown): Promise<void> {
  try {
    await handle();
  } catch (thrown) {
    const error = FacewireError.from(thrown);
    delivery.responder?.refuse(error.toPublic());
    if (isRefusal(error)) bury(delivery, error, sink);
  }
}

/** Keeps a message as a dead letter. A store that is down says so itself. */
export function bury(
  { id, subject, body }: Pick<Delivery, "id" | "subject" | "body">,
  error: FacewireError,
  sink: DeadLetterSink,
): void {
  const letter = {
    address: subject,
    kind: "message",
    cause: error.toPublic(),
    internal: internalText(error),
    attempts: 1,
    messageId: id,
    requestId: undefined,
    sequence: undefined,
    traceparent: undefined,
    time: Date.now(),
    summary: summarise(body),
    body,
  };
  void Promise.resolve(sink.record(letter)).catch(() => undefined);
}
