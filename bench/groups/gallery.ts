/** How fast descriptors are found, what that is set against, and how long they take to be there after a start. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGallery, type LiveGallery } from "../../src/gallery/live-gallery.ts";
import { openStore } from "../../src/store/store.ts";
import { MODEL, makeAccount, makeList, makePersons, NOISE, storeRows } from "../gallery/filling.ts";
import { floatLoop, type Rows, readAll } from "../gallery/plain.ts";
import { Directions } from "../gallery/vectors.ts";
import { watchLateness } from "../service/lateness.ts";
import { spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const VALUES = 512;
/** Of the copy that is scanned: a byte a value. */
const SCANNED_BYTES = VALUES;
const LIMIT = 5;
const BATCH = 8;
/** Most bytes of memory for a descriptor, for each byte of its numbers. */
const MOST_BYTES = 1.3;
/** Milliseconds a search may take, by the size of the list. */
const MOST_MS: readonly (readonly [size: number, ms: number])[] = [
  [10_000, 1.5],
  [100_000, 12],
  [1_000_000, 120],
];
/** What the main thread's event loop may be late by while a gallery is loaded, 99 times in 100. */
const MOST_STALL = 20;
const PERSONS = 2500;

const VERSION = {
  name: MODEL.model,
  version: MODEL.version,
  similarity: { metric: "cosine", slope: 13.3, midpoint: 0.47 },
} as const;
const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Parameters<
  typeof createGallery
>[0]["logger"];

export const gallery: BenchGroup = {
  name: "gallery",
  about:
    "searches among 10k, 100k and 1M descriptors against a float loop and the memory's speed; loading them at a start",
  async measure({ quick, progress }) {
    const targets = quick ? MOST_MS.slice(0, 2) : MOST_MS;
    const most = targets.at(-1)![0];
    const folder = await mkdtemp(join(tmpdir(), "facewire-bench-gallery-"));
    const store = await openStore(folder);
    try {
      progress(`gallery: storing ${most.toLocaleString("en")} descriptors`);
      const directions = new Directions(VALUES, 1);
      const rows: Rows = { floats: new Float32Array(most * VALUES), values: VALUES };
      for (let row = 0; row < most; row++) rows.floats.set(directions.random(), row * VALUES);
      const account = await makeAccount(store.gallery);
      const ids = await storeRows(store.gallery, account, rows);
      const lists: string[] = [];
      for (const [size] of targets) lists.push(await makeList(store.gallery, account, ids.slice(0, size)));
      const clusters = await makePersons(store.gallery, account, PERSONS, directions);

      progress("gallery: loading");
      // What storing left behind is not the gallery's.
      Bun.gc(true);
      const start = performance.now();
      const stalls = watchLateness();
      const cpu = process.cpuUsage();
      const open = createGallery({ changes: store.gallery.changes, versions: [VERSION], threads: 1, logger: silent });
      try {
        await open.search({ account, probes: [], candidates: { list: lists[0]! }, by: "descriptor", limit: 1 });
        const loadMs = performance.now() - start;
        const stall = stalls();
        const { user, system } = process.cpuUsage(cpu);
        const { descriptors, bytes } = open.state();
        const result: GroupRow[] = [
          {
            name: `load ${descriptors.toLocaleString("en")} descriptors at a start`,
            value: loadMs / 1000,
            unit: "s",
            note: `from SQLite, its file in the machine's cache; ${((user + system) / 1e6).toFixed(1)} s of CPU time, two threads`,
          },
          {
            name: "loading: main thread p99 stall",
            value: stall.p99,
            unit: "ms",
            target: { most: MOST_STALL },
            note: `of ticks every 5 ms; longest ${stall.most.toFixed(0)} ms`,
          },
          {
            name: "memory for a descriptor, times its numbers",
            value: bytes / descriptors / (4 * VALUES),
            unit: "",
            target: { most: MOST_BYTES },
            note: `${(bytes / descriptors).toFixed(0)} bytes; ids, ${lists.length} lists and ${PERSONS.toLocaleString("en")} persons included`,
          },
        ];
        for (const [at, [size, ms]] of targets.entries()) {
          progress(`gallery: searching among ${size.toLocaleString("en")}`);
          const rounds = size > 500_000 ? 15 : size > 50_000 ? 40 : 200;
          const list = { account, list: lists[at]!, by: "descriptor" } as const;
          result.push(...(await searches(open, list, { rows, size, ids, rounds, directions, most: ms })));
        }
        progress("gallery: searching among persons");
        const persons = { account, list: clusters.list, by: "person" } as const;
        const near = () => directions.near(clusters.centres[Math.floor(Math.random() * PERSONS)]!, NOISE);
        const one = await timed(200, () => ask(open, persons, near()));
        result.push({
          name: `${PERSONS.toLocaleString("en")} persons with 4 descriptors each: a search for one of them`,
          value: spreadOf(one).median,
          spread: spreadOf(one),
          unit: "ms",
        });
        return result;
      } finally {
        await open.close();
      }
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Where is searched. */
interface Where {
  readonly account: string;
  readonly list: string;
  readonly by: "person" | "descriptor";
}

function ask(open: LiveGallery, { account, list, by }: Where, values: Float32Array) {
  return open.search({ account, probes: [{ ...MODEL, values }], candidates: { list }, by, limit: LIMIT });
}

/** The rows of one size; everything is measured in turns. */
async function searches(
  open: LiveGallery,
  where: Where,
  what: {
    readonly rows: Rows;
    readonly size: number;
    readonly ids: readonly string[];
    readonly rounds: number;
    readonly directions: Directions;
    readonly most: number;
  },
): Promise<GroupRow[]> {
  const { rows, size, ids, rounds, directions, most } = what;
  const name = size >= 1_000_000 ? `${size / 1_000_000}M` : `${size / 1000}k`;
  const bytes = new Int32Array((size * SCANNED_BYTES) / 4).fill(1);
  const [one, eight, loop, read]: number[][] = [[], [], [], []];
  let same = 0;
  let looked = 0;
  for (let round = -2; round < rounds; round++) {
    const probe = directions.random();
    const [oneMs] = await timed(1, () => ask(open, where, probe));
    const probes = Array.from({ length: BATCH }, () => directions.random());
    const [eightMs] = await timed(1, () => Promise.all(probes.map((each) => ask(open, where, each))));
    const [readMs] = await timed(1, async () => readAll(bytes));
    if (round < 0) continue;
    one!.push(oneMs!);
    eight!.push(eightMs! / BATCH);
    read!.push(readMs!);
    if (round >= 10) continue;
    const start = performance.now();
    const expected = floatLoop(rows, size, probe, LIMIT);
    loop!.push(performance.now() - start);
    const found = (await ask(open, where, probe)).map(({ descriptor }) => descriptor);
    same += expected.filter((row) => found.includes(ids[row]!)).length;
    looked += LIMIT;
  }
  const row = (what: string, values: readonly number[] | undefined, unit: string, extra: Partial<GroupRow> = {}) => ({
    name: `${name}: ${what}`,
    value: spreadOf(values!).median,
    spread: spreadOf(values!),
    unit,
    ...extra,
  });
  return [
    row("a search", one, "ms", {
      target: { most },
      note: "one core, with the look for changes and the way to the thread and back",
    }),
    row(`a search of ${BATCH} at once`, eight, "ms", { note: "time of all by their number" }),
    row("plain float loop", loop, "ms", { note: "in TypeScript, in place" }),
    row(`reading ${SCANNED_BYTES} bytes a descriptor`, read, "ms", {
      note: "what a scan of the whole copy could not be faster than",
    }),
    {
      name: `${name}: recall at ${LIMIT}`,
      value: same / looked,
      unit: "",
      target: { least: 1 },
      note: `${looked / LIMIT} searches against the float loop`,
    },
  ];
}

/** Milliseconds of each round. */
async function timed(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}
