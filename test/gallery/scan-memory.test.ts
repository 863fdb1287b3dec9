/** Searches where the memory is not laid out in the usual way: many groups, groups used again, any number of probes. */
import { expect, test } from "bun:test";
import { bestKernels } from "../../src/gallery/kernel-check.ts";
import { Contents } from "../../src/gallery/memory/contents.ts";
import { Scanner } from "../../src/gallery/scan.ts";
import { ScanMemory } from "../../src/gallery/scan-memory.ts";
import type { LoadedDescriptor } from "../../src/store/gallery/changes.ts";
import { plainScan } from "./plain-scan.ts";
import { direction, randomId, randomNumbers } from "./vectors.ts";

const CARD = { name: "model", version: "1", similarity: { metric: "cosine", slope: 13.3, midpoint: 0.47 } } as const;
const random = randomNumbers(4);
const vectorOf = (values: number) => ({ model: "model", version: "1", values: direction(random, values) });

/** Descriptors of one account on one list. */
function world() {
  const memory = new ScanMemory(bestKernels());
  const contents = new Contents(memory, [CARD], () => true);
  const all: LoadedDescriptor[] = [];
  return {
    memory,
    contents,
    all,
    scanner: new Scanner(contents, memory),
    add(values: number) {
      const one = { account: "a", descriptor: randomId(random), person: null, vector: vectorOf(values) };
      all.push(one);
      contents.putDescriptor(one);
      contents.putMember({ account: "a", list: "l", member: one.descriptor });
    },
  };
}

test("any number of vectors in one search: the matches of a plain loop", () => {
  const { all, add, scanner } = world();
  for (let i = 0; i < 130; i++) add(48);
  for (let count = 1; count <= 20; count++) {
    const wish = { by: "descriptor", limit: 10, probes: Array.from({ length: count }, () => vectorOf(48)) } as const;
    expect(scanner.search([{ ...wish, account: "a", candidates: { list: "l" } }])).toEqual([
      plainScan(CARD, all, wish),
    ]);
  }
});

test("more groups than the first table has room for: the matches of a plain loop", () => {
  const { all, add, scanner, memory } = world();
  for (let i = 0; i < 20; i++) add(16);
  for (let group = 0; group < 300; group++) {
    memory.allocate(1);
    if (group % 50 === 0) for (let i = 0; i < 1100; i++) add(16);
  }
  const wish = { by: "descriptor", limit: 10, probes: [all[3]!.vector, vectorOf(16)] } as const;
  expect(scanner.search([{ ...wish, account: "a", candidates: { list: "l" } }])).toEqual([plainScan(CARD, all, wish)]);
});

test("groups that were given back, and vectors of another length: the matches of a plain loop", () => {
  const { all, add, scanner, contents } = world();
  for (let i = 0; i < 1500; i++) add(16);
  for (const { descriptor } of all.splice(0)) contents.apply({ position: 0, kind: "descriptor-removed", descriptor });
  for (let i = 0; i < 1500; i++) add(90);
  for (let i = 0; i < 1500; i++) add(16);
  for (const values of [90, 16]) {
    for (let count = 0; count < 10; count++) {
      const wish = { by: "descriptor", limit: 10, probes: [vectorOf(values)] } as const;
      expect(scanner.search([{ ...wish, account: "a", candidates: { list: "l" } }])).toEqual([
        plainScan(CARD, all, wish),
      ]);
    }
  }
});
