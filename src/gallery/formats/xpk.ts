/**
 * A container of one face's descriptors by several models. All numbers are little-endian:
 *
 * | offset | size | |
 * | --- | --- | --- |
 * | 0 | 4 | `XPK1` |
 * | 4 | 2 | version of the format, 1 |
 * | 6 | 2 | entries n, 1 to 64 |
 * | 8 | 16 n | for each the number of its model, flags (0), offset and length of its payload, 4 bytes each |
 * | | | payloads, anywhere between the entries and the end, apart from each other |
 * | end - 4 | 4 | CRC-32 (IEEE) of all before |
 */
import { crc32 } from "node:zlib";
import { malformed } from "./problem.ts";
import type { NumberedPayload } from "./sdk.ts";

const MAGIC = 0x31_4b_50_58;
const FORMAT = 1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 16;
const CRC_BYTES = 4;
const MAX_ENTRIES = 64;

/** `entries`: 1 to 64, each of another model. */
export function writeXpk(entries: readonly NumberedPayload[]): Uint8Array {
  if (entries.length === 0 || entries.length > MAX_ENTRIES) {
    throw new RangeError(`A container holds 1 to ${MAX_ENTRIES} descriptors.`);
  }
  const start = HEADER_BYTES + ENTRY_BYTES * entries.length;
  const size = entries.reduce((sum, { payload }) => sum + payload.byteLength, start + CRC_BYTES);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FORMAT, true);
  view.setUint16(6, entries.length, true);
  let offset = start;
  entries.forEach(({ version, payload }, i) => {
    [version, 0, offset, payload.byteLength].forEach((field, k) => {
      view.setUint32(HEADER_BYTES + ENTRY_BYTES * i + 4 * k, field, true);
    });
    bytes.set(payload, offset);
    offset += payload.byteLength;
  });
  view.setUint32(offset, crc32(bytes.subarray(0, offset)), true);
  return bytes;
}

/** Throws `DescriptorBytesError` `malformed`. The payloads are views of the same memory; at least one. */
export function readXpk(bytes: Uint8Array): readonly NumberedPayload[] {
  if (bytes.byteLength < HEADER_BYTES + ENTRY_BYTES + CRC_BYTES) throw malformed("it is too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw malformed("it does not begin as one");
  if (view.getUint16(4, true) !== FORMAT) throw malformed("its format has an unknown version");
  const count = view.getUint16(6, true);
  if (count < 1 || count > MAX_ENTRIES) throw malformed("it has too few or too many entries");
  const start = HEADER_BYTES + ENTRY_BYTES * count;
  const end = bytes.byteLength - CRC_BYTES;
  if (start > end) throw malformed("it ends within its entries");
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) throw malformed("its checksum is wrong");
  const places = Array.from({ length: count }, (_, i) => placeAt(view, HEADER_BYTES + ENTRY_BYTES * i));
  if (places.some(({ offset, length }) => offset < start || length < 1 || offset + length > end)) {
    throw malformed("an entry lies outside");
  }
  const inOrder = places.toSorted((a, b) => a.offset - b.offset);
  if (inOrder.some(({ offset }, i) => i > 0 && offset < inOrder[i - 1]!.offset + inOrder[i - 1]!.length)) {
    throw malformed("two entries overlap");
  }
  if (new Set(places.map(({ version }) => version)).size < count) throw malformed("two entries are of one model");
  return places.map(({ version, offset, length }) => ({ version, payload: bytes.subarray(offset, offset + length) }));
}

/** One entry. Its numbers are below 2^32, so that sums of two are exact. */
function placeAt(view: DataView, at: number) {
  if (view.getUint32(at + 4, true) !== 0) throw malformed("an entry has unknown flags");
  return {
    version: view.getUint32(at, true),
    offset: view.getUint32(at + 8, true),
    length: view.getUint32(at + 12, true),
  };
}
