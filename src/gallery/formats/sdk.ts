/**
 * The envelope of a single descriptor: `64 70 00 00`, the number of its model (uint32), then its payload up to the end. All
 * numbers are little-endian.
 */
import { malformed } from "./problem.ts";

const MAGIC = 0x00_00_70_64;
const HEADER_BYTES = 8;

/** A descriptor's bytes and the number of the model that reads them. */
export interface NumberedPayload {
  /** `sdk_version` of the model's card. */
  readonly version: number;
  readonly payload: Uint8Array;
}

/** The bytes of a descriptor in its envelope. */
export function writeSdk({ version, payload }: NumberedPayload): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, version, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Throws `DescriptorBytesError` `malformed`. The payload is a view of the same memory. */
export function readSdk(bytes: Uint8Array): NumberedPayload {
  if (bytes.byteLength < HEADER_BYTES) throw malformed("it is shorter than its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw malformed("it does not begin as one");
  return { version: view.getUint32(4, true), payload: bytes.subarray(HEADER_BYTES) };
}
