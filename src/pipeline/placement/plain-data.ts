/**
 * What stages write, as a bus carries it and back, to the last bit. A bus has no typed arrays and no dates; stages of a
 * user's own may write both, because workers are sent them as they are.
 */
import type { WireRecord, WireValue } from "../../bus/wire.ts";
import { FacewireError } from "../../errors.ts";

/** A record with this key stands for a value that a bus has no form for. */
const TAG = "";

const TYPED_ARRAYS = {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

/** The bytes of a typed array, shared with it. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Little-endian floats as an array of their own. Throws `message_invalid` for bytes that are not whole floats. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 !== 0) throw unreadable();
  return new Float32Array(bytes.slice().buffer);
}

/** @throws FacewireError `stage_failed` for what no message carries, such as a function */
export function toWire(value: unknown): WireValue {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "undefined":
      return { [TAG]: "undefined" };
    case "object":
      return value === null ? null : objectToWire(value);
    default:
      throw uncarriable();
  }
}

/** The value that {@link toWire} was given. Throws `message_invalid` for what it never writes. */
export function fromWire(value: WireValue): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(fromWire);
  const record = value as WireRecord;
  if (Object.hasOwn(record, TAG)) return taggedFromWire(record);
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, entry]) => (entry === undefined ? [] : [[key, fromWire(entry)]])),
  );
}

function objectToWire(value: object): WireValue {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(toWire);
  if (value instanceof Date) return { [TAG]: "Date", time: value.getTime() };
  const name = value.constructor?.name;
  if (ArrayBuffer.isView(value)) {
    if (name === undefined || !Object.hasOwn(TYPED_ARRAYS, name)) throw uncarriable();
    return { [TAG]: name, bytes: bytesOf(value) };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || Object.hasOwn(value, TAG)) throw uncarriable();
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, entry]) => (entry === undefined ? [] : [[key, toWire(entry)]])),
  );
}

function taggedFromWire({ [TAG]: tag, bytes, time }: WireRecord): unknown {
  if (tag === "undefined") return undefined;
  if (tag === "Date" && typeof time === "number") return new Date(time);
  if (typeof tag !== "string" || !Object.hasOwn(TYPED_ARRAYS, tag) || !(bytes instanceof Uint8Array))
    throw unreadable();
  const type = TYPED_ARRAYS[tag as keyof typeof TYPED_ARRAYS];
  if (bytes.byteLength % type.BYTES_PER_ELEMENT !== 0) throw unreadable();
  return new type(bytes.slice().buffer);
}

function uncarriable(): FacewireError {
  return new FacewireError("stage_failed", "A stage wrote what cannot be sent on.");
}

function unreadable(): FacewireError {
  return new FacewireError("message_invalid", "A message between processes holds a value of an unknown form.");
}
