/** Wire values as bytes: MessagePack, in the part of it that says exactly what a wire value can be. */
import { addExtension, Packr, Unpackr } from "msgpackr";
import type { WireRecord, WireValue } from "../wire.ts";

/** Stands for -0, which MessagePack's writer would shorten to the integer 0. */
class NegativeZero {}

const NEGATIVE_ZERO = new NegativeZero();

/** The extension type of -0: the code of `-`. */
export const NEGATIVE_ZERO_TYPE = 0x2d;

/** One byte, because writers leave the shortest forms of empty extensions to chance. */
const NEGATIVE_ZERO_DATA = new Uint8Array([0]);

addExtension({
  Class: NegativeZero,
  type: NEGATIVE_ZERO_TYPE,
  pack: () => NEGATIVE_ZERO_DATA,
  unpack: () => -0,
});

const packr = new Packr({ useRecords: false, variableMapSize: true });

// Copies byte arrays: a view would keep the whole network buffer alive, and moving its buffer to a worker would take other
// messages along.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true, int64AsType: "number" });

/** Writes a value that `measureMessage` has accepted. The bytes are the caller's own. */
export function pack(value: WireValue): Uint8Array {
  return packr.pack(writable(value));
}

/** Reads bytes that `checkPacked` has accepted. Throws for any that are not one whole value. */
export function unpack(bytes: Uint8Array): WireValue {
  // Given a Buffer the reader would make Buffers, which are not what was sent.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return unpackr.unpack(plain) as WireValue;
}

/** The value in the form the writer takes: the same object where nothing needs another form. */
function writable(value: WireValue | undefined): unknown {
  if (typeof value === "number") return Object.is(value, -0) ? NEGATIVE_ZERO : value;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Array.isArray(value) ? writableList(value) : writableRecord(value as WireRecord);
}

function writableList(list: readonly WireValue[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const entry = writable(list[i]);
    if (!copy && !Object.is(entry, list[i])) copy = list.slice(0, i);
    copy?.push(entry);
  }
  return copy ?? list;
}

/**
 * A record as it is; or as a `Map`, which is written alike, when a property is absent or needs another form, and when the
 * record has no `Object` as constructor (no prototype, or a property of that name), which would mislead the writer.
 */
function writableRecord(record: WireRecord): unknown {
  let copy = record.constructor === Object ? undefined : new Map<string, unknown>();
  const keys = Object.keys(record);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const entry = writable(record[key]);
    if (!copy && (entry === undefined || !Object.is(entry, record[key]))) {
      copy = new Map(keys.slice(0, i).map((before) => [before, record[before]]));
    }
    if (entry !== undefined) copy?.set(key, entry);
  }
  return copy ?? record;
}
