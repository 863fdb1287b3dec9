/** What a scan thread's indexes hold, and the memory that all of it takes. */
import { expect, test } from "bun:test";
import { bestKernels } from "../../src/gallery/kernel-check.ts";
import { Matrix } from "../../src/gallery/matrix.ts";
import { Contents } from "../../src/gallery/memory/contents.ts";
import { RowSet } from "../../src/gallery/memory/row-set.ts";
import { UuidTable } from "../../src/gallery/memory/uuid-table.ts";
import { ScanMemory } from "../../src/gallery/scan-memory.ts";
import { direction, randomId, randomNumbers } from "./vectors.ts";
import { CARD } from "./world.ts";

test("rows of a list stay sorted and are there once, however they come and go", () => {
  const random = randomNumbers(7);
  const rows = new RowSet();
  const expected = new Set<number>();
  for (let change = 0; change < 60_000; change++) {
    // Mostly at the end, as new descriptors are; now and then a thousand go at once.
    const row = random() < 0.7 ? change : Math.floor(random() * 60_000);
    const isAdded = random() < (change % 20_000 > 18_000 ? 0.1 : 0.8);
    if (isAdded) {
      rows.add(row);
      expected.add(row);
    } else {
      rows.remove(row);
      expected.delete(row);
    }
    if (change % 2999 !== 0) continue;
    expect(rows.rows()).toEqual(Uint32Array.from(expected).sort());
  }
});

test("ids are found by what they are, also after others were taken out", () => {
  const random = randomNumbers(8);
  const table = new UuidTable();
  const expected = new Map<string, number>();
  const free = Array.from({ length: 5000 }, (_, row) => row);
  const gone: string[] = [];
  for (let change = 0; change < 30_000; change++) {
    if (free.length > 0 && random() < (change < 10_000 ? 0.8 : 0.5)) {
      const [id, row] = [randomId(random), free.pop()!];
      table.add(id, row);
      expected.set(id, row);
    } else if (expected.size > 0) {
      const [id, row] = expected.entries().next().value!;
      table.remove(row);
      expected.delete(id);
      free.push(row);
      gone.push(id);
    }
  }
  expect(table.size).toBe(expected.size);
  for (const [id, row] of expected) {
    expect(table.find(id)).toBe(row);
    expect(table.find(id.toUpperCase())).toBe(row);
    expect(table.text(row)).toBe(id);
  }
  for (const id of gone) expect(table.find(id)).toBe(-1);
});

test("a descriptor with a person of its own that is on a list takes at most 1.3 times the bytes of its numbers", () => {
  const random = randomNumbers(9);
  const contents = new Contents(new ScanMemory(bestKernels()), [CARD], () => true);
  const vector = { model: CARD.name, version: CARD.version, values: direction(random, 512) };
  const account = randomId(random);
  const list = randomId(random);
  // Just behind the end of a group and of pages, where most is reserved that is not used.
  const count = 98 * 1024 + 1;
  for (let i = 0; i < count; i++) {
    const [descriptor, person] = [crypto.randomUUID(), crypto.randomUUID()];
    contents.putDescriptor({ account, descriptor, person, vector });
    contents.putMember({ account, list, member: person });
  }
  expect(contents.descriptors.size).toBe(count);
  expect(contents.listSlots(account, list)).toHaveLength(count);
  const numbers = 2048;
  // A hundred groups: a group's numbers and what does not grow count for three parts in a thousand.
  expect(contents.bytes / count / numbers).toBeLessThan(1.3);
});

test("what belongs to the descriptors of other threads takes no memory here", () => {
  const random = randomNumbers(13);
  const contents = new Contents(new ScanMemory(bestKernels()), [CARD], () => false);
  const vector = { model: CARD.name, version: CARD.version, values: direction(random, 512) };
  const empty = contents.bytes;
  for (let i = 0; i < 5000; i++) {
    const [account, descriptor, person, list] = [
      randomId(random),
      randomId(random),
      randomId(random),
      randomId(random),
    ];
    contents.apply({ position: i, kind: "descriptor", account, descriptor, person, lists: [list], vector });
    contents.putMember({ account, list, member: person });
    contents.putMember({ account, list, member: descriptor });
    contents.apply({ position: i, kind: "person", account, descriptor, person: randomId(random), lists: [list] });
  }
  expect(contents.bytes).toBe(empty);
});

test("a person is found on all of its lists from when a descriptor of it is here, and leaves nothing behind the last one", () => {
  const random = randomNumbers(14);
  const contents = new Contents(new ScanMemory(bestKernels()), [CARD], () => true);
  const vector = { model: CARD.name, version: CARD.version, values: direction(random, 512) };
  const ids = Array.from({ length: 6 }, () => randomId(random));
  const [account, descriptor, person, early, late, other] = ids as [string, string, string, string, string, string];
  const sizes = () => [early, late].map((list) => contents.listSlots(account, list).length);
  // Before anything of the person is here: told again with its descriptor.
  contents.apply({ position: 1, kind: "member", account, list: early, member: person, present: true });
  contents.apply({ position: 2, kind: "descriptor", account, descriptor, person: null, lists: [], vector });
  expect(sizes()).toEqual([0, 0]);
  contents.apply({ position: 3, kind: "person", account, descriptor, person, lists: [early] });
  expect(sizes()).toEqual([1, 0]);
  contents.apply({ position: 4, kind: "member", account, list: late, member: person, present: true });
  expect(sizes()).toEqual([1, 1]);
  contents.apply({ position: 5, kind: "descriptor", account, descriptor: other, person, lists: [early, late], vector });
  expect(sizes()).toEqual([2, 2]);
  contents.apply({ position: 6, kind: "member", account, list: early, member: person, present: false });
  expect(sizes()).toEqual([0, 2]);
  contents.apply({ position: 7, kind: "descriptor-removed", descriptor: other });
  expect(contents.persons.ids.size).toBe(1);
  contents.apply({ position: 8, kind: "person", account, descriptor, person: null, lists: [] });
  expect([sizes(), contents.persons.ids.size]).toEqual([[0, 0], 0]);
  // Its lists are not those of whoever gets its place.
  contents.apply({ position: 9, kind: "person", account, descriptor, person: randomId(random), lists: [] });
  expect(sizes()).toEqual([0, 0]);
});

test("memory of deleted descriptors is used again; the floats of a version without descriptors are given back", () => {
  const random = randomNumbers(10);
  const contents = new Contents(new ScanMemory(bestKernels()), [CARD], () => true);
  const ids = Array.from({ length: 3000 }, () => randomId(random));
  const values = direction(random, 512);
  const put = (version: string) => {
    for (const descriptor of ids) {
      const vector = { model: CARD.name, version, values };
      contents.putDescriptor({ account: "a", descriptor, person: null, vector });
    }
  };
  put(CARD.version);
  const once = contents.bytes;
  for (let round = 0; round < 3; round++) {
    for (const descriptor of ids) contents.apply({ position: 1, kind: "descriptor-removed", descriptor });
    expect(contents.descriptors.size).toBe(0);
    // The floats are gone.
    expect(contents.bytes).toBeLessThan(once - 3000 * 2000);
    put(CARD.version);
    // Some pages of indexes are made only when they are needed.
    expect(contents.bytes).toBeLessThan(once + 3000 * 16);
  }
  put("of another model");
  expect(contents.descriptors.size).toBe(3000);
  expect(contents.bytes).toBeLessThan(once - 3000 * 2000);
});

test("the numbers of a deleted descriptor are overwritten at once, in both copies", () => {
  const random = randomNumbers(11);
  const memory = new ScanMemory(bestKernels());
  const matrix = new Matrix(memory, CARD, 512);
  matrix.add(direction(random, 512));
  const clean = memory.bytes.slice();
  const values = direction(random, 512);
  const slot = matrix.add(values);
  const row = matrix.row(slot);
  expect(row).toEqual(values);
  expect(Buffer.compare(memory.bytes, clean)).not.toBe(0);
  matrix.remove(slot);
  expect(row).toEqual(new Float32Array(512));
  expect(Buffer.compare(memory.bytes, clean)).toBe(0);
});

test("lists that nobody reads take little more than their rows, all that is kept counted", () => {
  const random = randomNumbers(12);
  for (const size of [100, 1000, 100_000]) {
    const rows = new RowSet();
    for (let i = 0; i < size; i++) rows.add(Math.floor(random() * 2 ** 31));
    expect(rows.bytes / size).toBeLessThan(20);
    rows.rows();
    expect(rows.bytes / size).toBeLessThan(5.2);
  }
});
