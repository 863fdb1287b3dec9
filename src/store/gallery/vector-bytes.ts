/** The numbers of a descriptor as they lie in the database: float32, little-endian, whatever machine wrote them. */
import { endianness } from "node:os";

const SWAPPED = endianness() === "BE";

export function bytesOfVector(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.byteLength);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return SWAPPED ? swapped(bytes) : bytes;
}

export function vectorOfBytes(bytes: Uint8Array): Float32Array {
  // Copied: what databases hand out may begin at any address, or be a part of a larger memory.
  const own = Uint8Array.from(bytes);
  return new Float32Array((SWAPPED ? swapped(own) : own).buffer);
}

function swapped(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(bytes).swap32());
}
