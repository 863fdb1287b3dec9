/** Descriptor files: exact both ways, and nothing that hostile bytes could do but be refused. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { readPayload, writePayload } from "../../src/gallery/formats/payload.ts";
import { DescriptorBytesError } from "../../src/gallery/formats/problem.ts";
import { readSdk, writeSdk } from "../../src/gallery/formats/sdk.ts";
import {
  readRawVector,
  readSdkVector,
  readXpkVector,
  writeSdkVector,
  writeXpkVector,
} from "../../src/gallery/formats/vectors.ts";
import { readXpk, writeXpk } from "../../src/gallery/formats/xpk.ts";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { randomNumbers, unitVector } from "../support/luna/objects.ts";

const models = await ModelCatalog.load(join(import.meta.dir, "../../models"));
const card = models.get("descriptor-default");
const unit = { length: 512, unit: true };

const vector = { model: card.name, version: card.version, values: unitVector(7) };
const sdkFile = writeSdkVector(models, vector)!;
const xpkFile = writeXpkVector(models, vector)!;

function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof DescriptorBytesError) return error.problem.kind;
    throw error;
  }
  return "none";
}

/** A container whose checksum is right again after a change. */
function resealed(change: (view: DataView) => void, file = xpkFile): Uint8Array {
  const bytes = Uint8Array.from(file);
  const view = new DataView(bytes.buffer);
  change(view);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

test("a descriptor comes back from each layout with every bit it had", () => {
  for (let seed = 0; seed < 200; seed++) {
    const each = { ...vector, values: unitVector(seed) };
    expect(readSdkVector(models, writeSdkVector(models, each)!)).toEqual(each);
    expect(readXpkVector(models, writeXpkVector(models, each)!)).toEqual(each);
    expect(readRawVector(models, card.sdk_version!, writePayload(each.values))).toEqual(each);
  }
});

test("the layouts are those of the description", () => {
  expect(sdkFile.length).toBe(8 + 2048);
  expect([...sdkFile.subarray(0, 8)]).toEqual([0x64, 0x70, 0, 0, 0xe9, 0x03, 0, 0]);
  expect(new DataView(sdkFile.buffer).getFloat32(8, true)).toBe(vector.values[0]!);
  expect(xpkFile.length).toBe(8 + 16 + 2048 + 4);
  expect([...xpkFile.subarray(0, 24)]).toEqual(
    [
      [0x58, 0x50, 0x4b, 0x31, 1, 0, 1, 0],
      [0xe9, 0x03, 0, 0],
      [0, 0, 0, 0],
      [24, 0, 0, 0],
      [0, 8, 0, 0],
    ].flat(),
  );
});

test("a container is read whatever stands beside the wanted descriptor, wherever its payload lies", () => {
  const other = { version: 77, payload: Uint8Array.of(1, 2, 3) };
  const own = { version: card.sdk_version!, payload: writePayload(vector.values) };
  const many = Array.from({ length: 63 }, (_, i) => ({ version: i + 1, payload: Uint8Array.of(i) }));
  for (const entries of [
    [other, own],
    [own, other],
    [...many, own],
  ]) {
    expect(readXpk(writeXpk(entries))).toEqual(entries);
    expect(readXpkVector(models, writeXpk(entries))).toEqual(vector);
  }
  expect(problemOf(() => readXpkVector(models, writeXpk([other])))).toBe("missing");
  expect(() => writeXpk([])).toThrow(RangeError);
  expect(() => writeXpk([...many, own, other])).toThrow(RangeError);
});

test("a file that lies within other memory is read all the same", () => {
  const around = new Uint8Array(sdkFile.length + xpkFile.length + 3);
  around.set(sdkFile, 1);
  around.set(xpkFile, sdkFile.length + 2);
  expect(readSdkVector(models, around.subarray(1, sdkFile.length + 1))).toEqual(vector);
  expect(readXpkVector(models, around.subarray(sdkFile.length + 2, -1))).toEqual(vector);
});

test.each([
  ["no bytes", new Uint8Array(0), "malformed"],
  ["half a header", sdkFile.subarray(0, 7), "malformed"],
  ["another beginning", Uint8Array.from(sdkFile).fill(1, 3, 4), "malformed"],
  ["a foreign model", writeSdk({ version: 54, payload: new Uint8Array(512) }), "version"],
  ["only a header", sdkFile.subarray(0, 8), "length"],
  ["a payload that is cut", sdkFile.subarray(0, -1), "length"],
  ["a payload that goes on", Uint8Array.of(...sdkFile, 0), "length"],
])("an SDK file with %s is refused", (_name, bytes, problem) => {
  expect(problemOf(() => readSdkVector(models, bytes))).toBe(problem);
});

test.each([
  ["no bytes", new Uint8Array(0)],
  ["another beginning", resealed((view) => view.setUint8(0, 0x59))],
  ["another format version", resealed((view) => view.setUint16(4, 2, true))],
  ["no entries", resealed((view) => view.setUint16(6, 0, true))],
  ["65 entries", resealed((view) => view.setUint16(6, 65, true))],
  ["more entries than it has room for", resealed((view) => view.setUint16(6, 64, true), xpkFile.subarray(0, 100))],
  ["flags", resealed((view) => view.setUint32(12, 1, true))],
  ["an offset within the entries", resealed((view) => view.setUint32(16, 23, true))],
  ["an offset behind the end", resealed((view) => view.setUint32(16, 25, true))],
  [
    "an offset and length that overflow together",
    resealed((view) => {
      view.setUint32(16, 0xffff_ffff, true);
      view.setUint32(20, 0xffff_ffff, true);
    }),
  ],
  ["no length", resealed((view) => view.setUint32(20, 0, true))],
  ["a checksum that is wrong", Uint8Array.from(xpkFile).fill(0, -1)],
  ["a byte that changed", Uint8Array.from(xpkFile).fill(1, 100, 101)],
  ["its end cut off", xpkFile.subarray(0, -1)],
])("a container with %s is refused", (_name, bytes) => {
  expect(problemOf(() => readXpkVector(models, bytes))).toBe("malformed");
});

test("a container whose entries overlap or are of one model is refused", () => {
  const two = writeXpk([
    { version: 1, payload: Uint8Array.of(1, 2) },
    { version: 2, payload: Uint8Array.of(3, 4) },
  ]);
  const overlapping = resealed((view) => view.setUint32(8 + 16 + 8, 41, true), two);
  const twins = resealed((view) => view.setUint32(8 + 16, 1, true), two);
  expect(problemOf(() => readXpk(two))).toBe("none");
  expect(problemOf(() => readXpk(overlapping))).toBe("malformed");
  expect(problemOf(() => readXpk(twins))).toBe("malformed");
});

test.each([
  ["a value that is no number", (values: Float32Array) => values.fill(Number.NaN, 3, 4)],
  ["an infinite value", (values: Float32Array) => values.fill(Number.NEGATIVE_INFINITY, 3, 4)],
  ["values that are large beyond measure", (values: Float32Array) => values.fill(3e38)],
  ["only zeros", (values: Float32Array) => values.fill(0)],
  ["a length far below 1", (values: Float32Array) => values.map((value) => value * 0.99)],
  ["a length far above 1", (values: Float32Array) => values.map((value) => value * 1.01)],
])("a descriptor with %s is refused", (_name, change) => {
  const payload = writePayload(change(Float32Array.from(vector.values)));
  expect(problemOf(() => readPayload(payload, unit))).toBe("values");
});

test("vectors of models that do not bring them to length 1 may have any but zero", () => {
  const long = vector.values.map((value) => value * 40);
  expect(readPayload(writePayload(long), { length: 512, unit: false })).toEqual(long);
  expect(problemOf(() => readPayload(new Uint8Array(2048), { length: 512, unit: false }))).toBe("values");
});

test("bytes at random, whole or after the first few right ones, are refused and nothing else", () => {
  const next = randomNumbers(99);
  for (let round = 0; round < 5000; round++) {
    const source = [sdkFile, xpkFile][round % 2]!;
    const bytes = Uint8Array.from({ length: Math.floor(next() * 300) }, () => Math.floor(next() * 256));
    bytes.set(source.subarray(0, Math.min(bytes.length, Math.floor(next() * 24))));
    for (const read of [readSdkVector, readXpkVector]) expect(problemOf(() => read(models, bytes))).not.toBe("none");
    expect(["malformed", "missing"]).toContain(problemOf(() => readXpkVector(models, bytes)));
  }
});

test("a file in which single bytes were changed is refused, or differs only in what its numbers say", () => {
  const next = randomNumbers(5);
  for (let round = 0; round < 3000; round++) {
    const at = Math.floor(next() * (round % 3 === 0 ? 24 : xpkFile.length));
    const value = Math.floor(next() * 256);
    const xpk = Uint8Array.from(xpkFile);
    if (xpk[at] === value) continue;
    xpk[at] = value;
    expect(problemOf(() => readXpkVector(models, xpk))).toBe("malformed");
    if (at < 4 || at >= xpkFile.length - 4) continue;
    const sealed = resealed(() => {}, xpk);
    const outcome = problemOf(() => {
      const { values } = readXpkVector(models, sealed);
      expect(Math.abs(Math.hypot(...values) - 1)).toBeLessThan(1.1e-3);
    });
    expect(["none", "malformed", "missing", "length", "values"]).toContain(outcome);
    expect(problemOf(() => readSdk(xpk))).toBe("malformed");
  }
});
