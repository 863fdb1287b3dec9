/** What every message between actors carries beside its body, and how it is written on a bus. */
import type { WireHeaders } from "../bus/wire.ts";
import { type ErrorDetails, FacewireError, type PublicError } from "../errors.ts";

/** A message's papers. */
export interface Envelope {
  /** The same id means the same message: it is handled once. */
  readonly id: string;
  /** The request or stream the message belongs to. */
  readonly requestId: string | undefined;
  /** Position in that request or stream. */
  readonly sequence: number | undefined;
  /** Epoch milliseconds after which nobody wants the work any more. */
  readonly deadline: number | undefined;
  /** W3C trace context. */
  readonly traceparent: string | undefined;
  /** Address that a told message's outcome is sent to, as an {@link Outcome}. */
  readonly replyTo: string | undefined;
}

/** What became of a told message with a `replyTo`; the message that carries it has the id `<id>.outcome`. */
export type Outcome<Reply = unknown> =
  | { readonly of: string; readonly ok: true; readonly reply: Reply }
  | { readonly of: string; readonly ok: false; readonly error: PublicError };

const REQUEST_ID = "fw-request-id";
const SEQUENCE = "fw-sequence";
const DEADLINE = "fw-deadline";
const TRACEPARENT = "traceparent";
const REPLY_TO = "fw-reply-to";
/** Present on a message whose sender waits for the reply itself rather than for the word that it was accepted. */
const ASK = "fw-ask";

/** A message as it came off a bus. */
export interface ReadEnvelope {
  readonly envelope: Envelope;
  /** Whether the sender waits for the reply; otherwise only for the message to be accepted. */
  readonly ask: boolean;
}

/** The headers of a message; the id travels as the bus's own. */
export function writeEnvelope(envelope: Envelope, ask: boolean): WireHeaders {
  const headers: Record<string, string> = {};
  if (ask) headers[ASK] = "1";
  if (envelope.requestId !== undefined) headers[REQUEST_ID] = envelope.requestId;
  if (envelope.sequence !== undefined) headers[SEQUENCE] = String(envelope.sequence);
  if (envelope.deadline !== undefined) headers[DEADLINE] = String(envelope.deadline);
  if (envelope.traceparent !== undefined) headers[TRACEPARENT] = envelope.traceparent;
  if (envelope.replyTo !== undefined) headers[REPLY_TO] = envelope.replyTo;
  return headers;
}

/**
 * Reads what {@link writeEnvelope} wrote. Headers that are not there are not an error: anybody may send to an actor.
 *
 * @throws FacewireError `message_invalid` when a header is not what it should be.
 */
export function readEnvelope(id: string, headers: WireHeaders): ReadEnvelope {
  return {
    envelope: {
      id,
      requestId: headers[REQUEST_ID],
      sequence: readNumber(headers, SEQUENCE),
      deadline: readNumber(headers, DEADLINE),
      traceparent: headers[TRACEPARENT],
      replyTo: headers[REPLY_TO],
    },
    ask: headers[ASK] === "1",
  };
}

function readNumber(headers: WireHeaders, name: string): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) {
    throw new FacewireError("message_invalid", "A message's header is not a number.", { details: { header: name } });
  }
  return value;
}

/** A public error with nothing in it that a bus would not carry. */
export function carriableError(error: PublicError): PublicError {
  if (error.details === undefined) return { code: error.code, message: error.message };
  // Details are plain JSON by contract; going through JSON makes that true for whatever was put there.
  const details = JSON.parse(JSON.stringify(error.details)) as ErrorDetails;
  return { code: error.code, message: error.message, details };
}
