/** The scan gives what a plain loop over all floats gives: the same matches, similarities and order. */
import { describe, expect, test } from "bun:test";
import { bestKernels, isExact } from "../../src/gallery/kernel-check.ts";
import { Contents } from "../../src/gallery/memory/contents.ts";
import { Scanner } from "../../src/gallery/scan.ts";
import { type KernelKind, ScanMemory } from "../../src/gallery/scan-memory.ts";
import type { ComparableVersion } from "../../src/gallery/versions.ts";
import type { LoadedDescriptor } from "../../src/store/gallery/changes.ts";
import { plainScan } from "./plain-scan.ts";
import { direction, near, normal, randomId, randomNumbers, unit } from "./vectors.ts";

const cosine = (slope: number, midpoint: number): ComparableVersion => ({
  name: "model",
  version: "1",
  similarity: { metric: "cosine", slope, midpoint },
});
const USUAL = cosine(13.3, 0.47);
const DISTANCE: ComparableVersion = {
  name: "model",
  version: "1",
  similarity: { metric: "euclidean", slope: -6, midpoint: 1.1 },
};
const ACCOUNT = "account";
const LIST = "list";

type Random = () => number;
/** Makes a vector after those that are there. */
type Maker = (random: Random, values: number, before: readonly Float32Array[]) => Float32Array;

const pick = <T>(random: Random, all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
const clustered: Maker = (random, values, before) =>
  random() < 0.1 || before.length === 0
    ? direction(random, values)
    : near(random, pick(random, before)!, 0.05 + random() * 0.6);

const KINDS: Readonly<Record<string, Maker>> = {
  "random directions": direction,
  "clusters of one face": clustered,
  "the same vector many times": (random, values, before) =>
    random() < 0.7 && before.length > 0 ? pick(random, before)!.slice() : direction(random, values),
  "vectors that differ in the last bit": (random, values, before) => {
    const vector = before[0]?.slice() ?? direction(random, values);
    const at = Math.floor(random() * values);
    vector[at] = vector[at]! * (1 + 2 ** -23);
    return vector;
  },
  "lengths from tiny to huge": (random, values, before) => {
    const length = 10 ** (random() * 36 - 18);
    const vector = pick(random, before);
    return clustered(random, values, vector ? [unit(vector)] : []).map((value) => value * length);
  },
  "zeros among others": (random, values, before) =>
    random() < 0.2 ? new Float32Array(values) : clustered(random, values, before),
  "one value above all": (random, values) => {
    const vector = direction(random, values).map((value) => value * 1e-3);
    vector[Math.floor(random() * 4)] = random() < 0.5 ? -1 : 1;
    return vector;
  },
  "single values": (random, values) => {
    const vector = new Float32Array(values);
    vector[Math.floor(random() * values)] = random() < 0.5 ? -1 : 1;
    return vector;
  },
  opposites: (random, values, before) =>
    random() < 0.5 && before.length > 0 ? pick(random, before)!.map((value) => -value) : direction(random, values),
  "heavy tails": (random, values) => unit(Float32Array.from({ length: values }, () => normal(random) ** 5)),
  "constant values": (random, values) => new Float32Array(values).fill(random() - 0.5),
  "all of the least that the bytes tell apart": (random, values) => {
    const vector = Float32Array.from({ length: values }, () => (random() - 0.5) / 100);
    vector[0] = 1;
    return vector;
  },
};

interface World {
  readonly scanner: Scanner;
  readonly all: readonly LoadedDescriptor[];
  readonly probes: readonly Float32Array[];
}

/** `mostPersons`: the descriptors are shared out among so many at most. */
function makeWorld(
  kind: KernelKind,
  card: ComparableVersion,
  maker: Maker,
  values: number,
  count: number,
  mostPersons = Number.POSITIVE_INFINITY,
): World {
  const random = randomNumbers(values * 7919 + count);
  const memory = new ScanMemory(kind);
  const contents = new Contents(memory, [card], () => true);
  const vectors: Float32Array[] = [];
  const all: LoadedDescriptor[] = [];
  const persons: string[] = [];
  for (let i = 0; i < count; i++) {
    const vector = maker(random, values, vectors);
    vectors.push(vector);
    const another = random() >= 0.6 && persons.length < mostPersons;
    const person = random() < 0.2 ? null : another ? randomId(random) : (pick(random, persons) ?? null);
    if (person !== null && !persons.includes(person)) persons.push(person);
    const descriptor = randomId(random);
    all.push({ account: ACCOUNT, descriptor, person, vector: { model: "model", version: "1", values: vector } });
    contents.putDescriptor(all[i]!);
    contents.putMember({ account: ACCOUNT, list: LIST, member: descriptor });
  }
  const probes = [
    ...Array.from({ length: 6 }, () => maker(random, values, vectors)),
    ...vectors.slice(0, 3),
    new Float32Array(values),
    direction(random, values),
  ];
  return { scanner: new Scanner(contents, memory), all, probes };
}

function check({ scanner, all, probes }: World, card: ComparableVersion): void {
  const vectors = probes.map((values) => ({ model: "model", version: "1", values }));
  const wishes = (["descriptor", "person"] as const).flatMap((by) => [
    { by, limit: 1, probes: vectors.slice(0, 1) },
    { by, limit: 5, probes: vectors.slice(1, 2), atLeast: 0.5 },
    { by, limit: 5, probes: vectors.slice(2, 6) },
    ...vectors.map((probe) => ({ by, limit: 5, probes: [probe] })),
    { by, limit: 100, probes: vectors.slice(6, 7), atLeast: 1 },
    { by, limit: 60, probes: vectors.slice(3, 5) },
  ]);
  const expected = wishes.map((wish) => plainScan(card, all, wish));
  const asked = wishes.map((wish) => ({ ...wish, account: ACCOUNT, candidates: { list: LIST } }));
  // Together, and each by itself.
  expect(scanner.search(asked)).toEqual(expected);
  expect(asked.flatMap((one) => scanner.search([one]))).toEqual(expected);
}

for (const kind of ["relaxed", "plain"] as const) {
  describe.skipIf(!isExact(kind))(`${kind} kernels`, () => {
    for (const [name, maker] of Object.entries(KINDS)) {
      test(`${name}: the matches of a plain loop over the floats`, () => {
        check(makeWorld(kind, USUAL, maker, 512, 1500), USUAL);
        check(makeWorld(kind, USUAL, maker, 37, 600), USUAL);
        check(makeWorld(kind, USUAL, maker, 90, 300), USUAL);
        check(makeWorld(kind, DISTANCE, maker, 128, 600), DISTANCE);
      });
    }

    test("fewer persons than are asked for, of many descriptors: the matches of a plain loop over the floats", () => {
      for (const maker of [clustered, direction]) check(makeWorld(kind, USUAL, maker, 64, 900, 2), USUAL);
    });

    test("many more that cannot be ruled out than are among the matches: the matches of a plain loop over the floats", () => {
      check(makeWorld(kind, USUAL, KINDS["single values"]!, 48, 12_000, 50), USUAL);
    });

    test("descriptors longer than 16 bits add up: the matches of a plain loop over the floats", () => {
      check(makeWorld(kind, USUAL, clustered, 2048, 300), USUAL);
      check(makeWorld(kind, USUAL, direction, 8192, 60), USUAL);
    });

    test("curves that tell nothing apart, or run the wrong way: the matches of a plain loop over the floats", () => {
      for (const card of [cosine(1000, 0.2), cosine(1e-9, 0), cosine(0, 0), cosine(-5, 0.3), cosine(40, -3)]) {
        check(makeWorld(kind, card, clustered, 64, 500), card);
      }
    });
  });
}

test("the kernels that are used are exact on this machine, and so are the plain ones", () => {
  expect(isExact(bestKernels())).toBe(true);
  expect(isExact("plain")).toBe(true);
});
