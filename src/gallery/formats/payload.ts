/** The numbers of a descriptor as bytes: 32-bit floats, little-endian, one after the other. Writing and reading is exact. */
import { DescriptorBytesError } from "./problem.ts";

const FLOAT_BYTES = 4;
/** How far the length of a vector that a model brings to 1 may be off; rounding is far below, other data far beyond it. */
const UNIT_TOLERANCE = 1e-3;

/** What the numbers of a model's descriptors have in common. */
export interface PayloadRule {
  /** How many there are. */
  readonly length: number;
  /** The vector's length is 1. */
  readonly unit: boolean;
}

/** The bytes of any numbers: they are not checked. */
export function writePayload(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * FLOAT_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * FLOAT_BYTES, values[i]!, true);
  return bytes;
}

/** Throws {@link DescriptorBytesError} `length` or `values`: a number that is none, only zeros, not of length 1. */
export function readPayload(bytes: Uint8Array, rule: PayloadRule): Float32Array {
  if (bytes.byteLength !== rule.length * FLOAT_BYTES) {
    const message = `The descriptor has ${bytes.byteLength} bytes, not ${rule.length * FLOAT_BYTES}.`;
    throw new DescriptorBytesError({ kind: "length", bytes: bytes.byteLength }, message);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(rule.length);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = view.getFloat32(i * FLOAT_BYTES, true);
    values[i] = value;
    squares += value * value;
  }
  // One number that is infinite or none makes the sum so.
  const length = Math.sqrt(squares);
  if (!Number.isFinite(length)) throw badValues("it holds a value that is no finite number");
  if (length === 0) throw badValues("it holds only zeros");
  if (rule.unit && Math.abs(length - 1) > UNIT_TOLERANCE) throw badValues("its length is not 1");
  return values;
}

function badValues(why: string): DescriptorBytesError {
  return new DescriptorBytesError({ kind: "values" }, `The descriptor cannot be used: ${why}.`);
}
