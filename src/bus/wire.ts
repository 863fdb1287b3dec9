/** What a message may carry: values that every bus can move between processes without loss. */
import { FacewireError } from "../errors.ts";

/**
 * A value that survives a bus unchanged. Numbers are doubles and arrive bit for bit (NaN, infinities and -0 included);
 * strings are well-formed Unicode; byte arrays arrive as `Uint8Array` over bytes of their own or shared with the sender.
 */
export type WireValue = null | boolean | number | string | Uint8Array | readonly WireValue[] | WireRecord;

/** A plain object. A property that is `undefined` counts as absent. */
export interface WireRecord {
  readonly [key: string]: WireValue | undefined;
}

/** Short texts that travel beside the body, such as a trace id. Names are case-sensitive. */
export type WireHeaders = Readonly<Record<string, string>>;

/** No headers. */
export const NO_HEADERS: WireHeaders = Object.freeze({});

/** Nesting a body may have; deeper ones, and so all cyclic ones, are refused. */
export const MAX_DEPTH = 32;

/** Bytes counted for every value, key and header beside their content: an upper bound of what binary encodings add. */
export const VALUE_OVERHEAD = 9;

const HEADER_NAME = /^[!-9;-~]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/**
 * The size of a message as every bus counts it, in bytes: subject, headers and body with {@link VALUE_OVERHEAD} bytes for
 * each value and key. It is a definition, not a measurement, so that one process and many refuse the same messages.
 *
 * @throws FacewireError `message_invalid` when a header or a part of the body cannot be carried.
 */
export function measureMessage(subject: string, headers: WireHeaders, body: unknown): number {
  let size = subject.length + measureValue(body, 0);
  if (headers !== NO_HEADERS) size += measureHeaders(headers);
  return size;
}

function measureHeaders(headers: WireHeaders): number {
  let size = 0;
  for (const name in headers) {
    const value: unknown = headers[name];
    if (!HEADER_NAME.test(name) || typeof value !== "string" || !HEADER_VALUE.test(value)) {
      throw new FacewireError("message_invalid", "A header has a name or value that cannot be carried.", {
        details: { header: name },
      });
    }
    size += name.length + value.length + VALUE_OVERHEAD;
  }
  return size;
}

function measureValue(value: unknown, depth: number): number {
  if (value === null) return VALUE_OVERHEAD;
  switch (typeof value) {
    case "boolean":
    case "number":
      return VALUE_OVERHEAD;
    case "string":
      return VALUE_OVERHEAD + Buffer.byteLength(value);
    case "object":
      return measureObject(value, depth);
    default:
      throw uncarriable(typeof value);
  }
}

function measureObject(value: object, depth: number): number {
  if (value instanceof Uint8Array) return VALUE_OVERHEAD + value.byteLength;
  if (depth >= MAX_DEPTH) {
    throw new FacewireError("message_invalid", `A message is nested deeper than ${MAX_DEPTH} levels.`);
  }
  let size = VALUE_OVERHEAD;
  if (Array.isArray(value)) {
    for (const entry of value) size += measureValue(entry, depth + 1);
    return size;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw uncarriable(value.constructor?.name ?? "object");
  for (const key of Object.keys(value)) {
    const entry = (value as WireRecord)[key];
    if (entry !== undefined) size += VALUE_OVERHEAD + Buffer.byteLength(key) + measureValue(entry, depth + 1);
  }
  return size;
}

function uncarriable(type: string): FacewireError {
  return new FacewireError("message_invalid", `A message holds a ${type}, which no bus carries.`, {
    details: { type },
  });
}
