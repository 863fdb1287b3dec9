/**
 * What goes over the server: a list of a number that says what it is, and its parts. Headers travel inside and not as
 * headers of NATS, where a name such as `Nats-Rollup` would be an order to the server.
 */
import { ERROR_CODES, type ErrorCode, FacewireError, type PublicError } from "../../errors.ts";
import { MAX_DEPTH, NO_HEADERS, type WireHeaders, type WireValue } from "../wire.ts";
import { checkPacked } from "./check-packed.ts";
import { pack, unpack } from "./packed.ts";

const MESSAGE = 1;
const ANSWER = 2;
const REFUSAL = 3;
const WORK = 4;

/**
 * Bytes kept free of what the server carries at once: for the list around the parts, an id and a key of a hundred or so
 * characters, and the headers of NATS that name stored work.
 */
export const ENVELOPE_ROOM = 1024;

/** A message as it is sent. */
export interface SentMessage {
  readonly id: string;
  readonly headers: WireHeaders;
  readonly body: WireValue;
}

/** Work as it is stored. */
export interface SentWork extends SentMessage {
  readonly key: string | undefined;
}

/** What an asker is told. */
export type Outcome = { readonly body: WireValue } | { readonly refusal: PublicError };

/** Writes a message for subscribers. */
export function writeMessage({ id, headers, body }: SentMessage): Uint8Array {
  return pack([MESSAGE, id, writeHeaders(headers), body]);
}

/** Writes work for a queue. */
export function writeWork({ id, headers, body, key }: SentWork): Uint8Array {
  return pack([WORK, id, writeHeaders(headers), body, key ?? null]);
}

/** Writes an answer. */
export function writeAnswer(body: WireValue): Uint8Array {
  return pack([ANSWER, body]);
}

/** Writes a refusal; its details cross as JSON, or not at all when they are none or over `limit` characters. */
export function writeRefusal({ code, message, details }: PublicError, limit: number): Uint8Array {
  return pack([REFUSAL, code, message, details === undefined ? null : writeDetails(details, limit)]);
}

/** Reads a message. @param limit largest size as `measureMessage` counts it. @throws FacewireError `message_invalid`, `message_too_large` */
export function readMessage(bytes: Uint8Array, limit: number): SentMessage {
  const [kind, id, headers, body] = readList(bytes, limit);
  if (kind !== MESSAGE || typeof id !== "string" || body === undefined) throw unreadable();
  return { id, headers: readHeaders(headers), body };
}

/** Reads work. @throws as {@link readMessage} */
export function readWork(bytes: Uint8Array, limit: number): SentWork {
  const [kind, id, headers, body, key] = readList(bytes, limit);
  if (kind !== WORK || typeof id !== "string" || body === undefined) throw unreadable();
  if (key !== null && typeof key !== "string") throw unreadable();
  return { id, headers: readHeaders(headers), body, key: key ?? undefined };
}

/** Reads what an asker is told. @throws as {@link readMessage} */
export function readOutcome(bytes: Uint8Array, limit: number): Outcome {
  const [kind, first, message, details] = readList(bytes, limit);
  if (kind === ANSWER && first !== undefined) return { body: first };
  if (kind !== REFUSAL || typeof first !== "string" || typeof message !== "string") throw unreadable();
  const read = typeof details === "string" ? readDetails(details) : undefined;
  const code: ErrorCode = Object.hasOwn(ERROR_CODES, first) ? (first as ErrorCode) : "internal";
  return { refusal: read === undefined ? { code, message } : { code, message, details: read } };
}

function readList(bytes: Uint8Array, limit: number): readonly (WireValue | undefined)[] {
  checkPacked(bytes, { depth: MAX_DEPTH + 1, size: limit + ENVELOPE_ROOM });
  let list: WireValue;
  try {
    list = unpack(bytes);
  } catch (error) {
    throw new FacewireError("message_invalid", "A message from outside cannot be read.", { cause: error });
  }
  if (!Array.isArray(list)) throw unreadable();
  return list;
}

function writeHeaders(headers: WireHeaders): WireHeaders | null {
  return headers === NO_HEADERS ? null : headers;
}

function readHeaders(headers: WireValue | undefined): WireHeaders {
  if (headers === null) return NO_HEADERS;
  if (typeof headers !== "object" || Array.isArray(headers) || headers instanceof Uint8Array) throw unreadable();
  for (const value of Object.values(headers)) if (typeof value !== "string") throw unreadable();
  return headers as WireHeaders;
}

function writeDetails(details: NonNullable<PublicError["details"]>, limit: number): string | null {
  try {
    const text = JSON.stringify(details);
    return text.length <= limit ? text : null;
  } catch {
    // Circles and the like: the code and the message say what matters.
    return null;
  }
}

function readDetails(text: string): PublicError["details"] {
  try {
    const details: unknown = JSON.parse(text);
    return typeof details === "object" && details !== null ? (details as PublicError["details"]) : undefined;
  } catch {
    throw unreadable();
  }
}

function unreadable(): FacewireError {
  return new FacewireError("message_invalid", "A message from outside is not one of this version of Facewire.");
}
