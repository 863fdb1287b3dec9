/**
 * Looks over bytes from outside before they are read. Anyone who may publish on the server can send anything: a few bytes
 * that declare huge lists would make a reader allocate gigabytes, and deep nesting would end its stack.
 */
import { FacewireError } from "../../errors.ts";
import { VALUE_OVERHEAD } from "../wire.ts";
import { NEGATIVE_ZERO_TYPE } from "./packed.ts";

/** What is accepted. */
export interface PackedLimits {
  /** Lists and records inside each other. */
  readonly depth: number;
  /** Largest content as `measureMessage` counts it, in bytes: every value and key weighs at least its overhead. */
  readonly size: number;
}

/** What follows the first byte of a value: a number of bytes, or a length field of that many bytes and what it counts. */
interface Shape {
  readonly what: "bytes" | "content" | "list" | "record";
  readonly bytes: number;
}

/** By first byte, for all that do not carry their length in it. */
const SHAPES = new Map<number, Shape>([
  [0xc0, { what: "bytes", bytes: 0 }], // null
  [0xc2, { what: "bytes", bytes: 0 }], // false
  [0xc3, { what: "bytes", bytes: 0 }], // true
  [0xc4, { what: "content", bytes: 1 }], // byte arrays
  [0xc5, { what: "content", bytes: 2 }],
  [0xc6, { what: "content", bytes: 4 }],
  [0xca, { what: "bytes", bytes: 4 }], // floats
  [0xcb, { what: "bytes", bytes: 8 }],
  [0xcc, { what: "bytes", bytes: 1 }], // integers without sign
  [0xcd, { what: "bytes", bytes: 2 }],
  [0xce, { what: "bytes", bytes: 4 }],
  [0xcf, { what: "bytes", bytes: 8 }],
  [0xd0, { what: "bytes", bytes: 1 }], // and with sign
  [0xd1, { what: "bytes", bytes: 2 }],
  [0xd2, { what: "bytes", bytes: 4 }],
  [0xd3, { what: "bytes", bytes: 8 }],
  [0xd9, { what: "content", bytes: 1 }], // strings
  [0xda, { what: "content", bytes: 2 }],
  [0xdb, { what: "content", bytes: 4 }],
  [0xdc, { what: "list", bytes: 2 }],
  [0xdd, { what: "list", bytes: 4 }],
  [0xde, { what: "record", bytes: 2 }],
  [0xdf, { what: "record", bytes: 4 }],
]);

/**
 * Checks that bytes are one whole value, made of nothing but what wire values are made of, within the limits. Takes time
 * and memory in proportion to the bytes.
 *
 * @throws FacewireError `message_invalid`, `message_too_large`
 */
export function checkPacked(bytes: Uint8Array, limits: PackedLimits): void {
  new Check(bytes, limits).run();
}

class Check {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: PackedLimits;
  /** Values still to come in each list or record that is open; keys and values of records both count. */
  readonly #left: number[] = [1];
  /** Whether each is a record, whose every other value is a key. */
  readonly #record: boolean[] = [false];
  #at = 0;
  #size = 0;

  constructor(bytes: Uint8Array, limits: PackedLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  run(): void {
    while (this.#left.length > 0) {
      const last = this.#left.length - 1;
      const left = this.#left[last] as number;
      if (left === 0) {
        this.#left.pop();
        this.#record.pop();
        continue;
      }
      this.#left[last] = left - 1;
      this.#value(this.#record[last] === true && left % 2 === 0);
    }
    if (this.#at !== this.#bytes.length) throw invalid("bytes follow the value");
  }

  #value(isKey: boolean): void {
    const type = this.#byte();
    this.#weigh(VALUE_OVERHEAD);
    if (isKey && !isString(type)) throw invalid("a key is not a string");
    if (type < 0x80 || type >= 0xe0) return;
    if (type < 0x90) this.#open(type & 0x0f, true);
    else if (type < 0xa0) this.#open(type & 0x0f, false);
    else if (type < 0xc0) this.#content(type & 0x1f);
    else this.#typed(type);
  }

  #typed(type: number): void {
    const shape = SHAPES.get(type);
    if (!shape) {
      // One extension is known, in its one-byte form.
      if (type !== 0xd4 || this.#byte() !== NEGATIVE_ZERO_TYPE) throw invalid("a value is of an unknown type");
      this.#skip(1);
    } else if (shape.what === "bytes") this.#skip(shape.bytes);
    else if (shape.what === "content") this.#content(this.#length(shape.bytes));
    else this.#open(this.#length(shape.bytes), shape.what === "record");
  }

  #open(count: number, record: boolean): void {
    if (this.#left.length > this.#limits.depth) throw invalid(`it is nested deeper than ${this.#limits.depth} levels`);
    const values = record ? count * 2 : count;
    // Each takes a byte at the least, so a length that lies is found before anything is made of it.
    if (values > this.#bytes.length - this.#at) throw invalid("it ends too early");
    this.#left.push(values);
    this.#record.push(record);
  }

  #content(length: number): void {
    this.#skip(length);
    this.#weigh(length);
  }

  #weigh(bytes: number): void {
    this.#size += bytes;
    if (this.#size <= this.#limits.size) return;
    throw new FacewireError("message_too_large", "A message from outside is larger than the bus carries.", {
      details: { limit: this.#limits.size },
    });
  }

  #skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) throw invalid("it ends too early");
  }

  #byte(): number {
    this.#skip(1);
    return this.#bytes[this.#at - 1] as number;
  }

  /** A big-endian length field of 1, 2 or 4 bytes. */
  #length(bytes: number): number {
    this.#skip(bytes);
    const at = this.#at - bytes;
    if (bytes === 1) return this.#view.getUint8(at);
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
}

function isString(type: number): boolean {
  return (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb);
}

function invalid(reason: string): FacewireError {
  return new FacewireError("message_invalid", `A message from outside cannot be read: ${reason}.`);
}
