/** Whether memory stays as it is under the LUNA API: searches, whose descriptors stay, and WebSockets that come and go. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Child } from "../child.ts";
import type { SubscribersAnswers, SubscribersOrder } from "../events/protocol.ts";
import { prefill } from "../luna/prefill.ts";
import { hdPictures } from "../pictures.ts";
import { checkAnswers, type Server, startLoad, startServer } from "../service/service.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const DESCRIPTORS = 10_000;
const CONNECTIONS = 8;
/** Looks at the resident size around a mark, and the requests or WebSockets between two of them. */
const LOOKS = 7;
const BETWEEN_LOOKS = 50;
/** Growth between the two marks that still counts as flat, as for pictures over the native API. */
const MOST_GROWTH = 0.05;

/** Memory at a mark. */
interface Mark {
  /** Searches, or WebSockets. */
  readonly done: number;
  readonly residentMiB: Spread;
  readonly gallery: { readonly descriptors: number; readonly bytes: number };
}

export const lunaMemory: BenchGroup = {
  name: "luna-memory",
  about: `resident size after 2,000 and 10,000 searches of the LUNA API among ${DESCRIPTORS.toLocaleString("en")} descriptors, and after as many and 40,000 WebSockets that came and went`,
  async measure({ setup, quick, progress }) {
    const marks = quick ? [200, 600] : [2000, 10_000];
    progress(`luna-memory: storing ${DESCRIPTORS} descriptors`);
    const card = setup.catalog.get("descriptor-default");
    const { dataDir, token, list } = await prefill(card.name, card.version, DESCRIPTORS);
    const env = { FACEWIRE_DATA_DIR: dataDir, FACEWIRE_LISTEN_LUNA: "127.0.0.1:0" };
    try {
      const searched = await served(setup, env, async (service) => {
        const load = await startLoad();
        try {
          const headers = { "x-auth-token": token, "content-type": "image/jpeg" };
          const target = { path: `/4/matching/search?list_id=${list}`, headers, pictures: true };
          const pictures = await hdPictures("one-face");
          await load.ask({ type: "target", url: service.lunaUrl ?? "", pictures, pipelines: ["face-extract"], target });
          return await walk(service, marks, progress, async (requests) => {
            const report = await load.ask({ type: "count", connections: CONNECTIONS, requests });
            checkAnswers(report);
            if (report.refused.count > 0) throw new Error(`searches were refused: ${report.refusal}`);
          });
        } finally {
          await load.end();
        }
      });
      const connected = await served(setup, env, async (service) => {
        const { child: subscribers } = await Child.start<SubscribersOrder, SubscribersAnswers>(
          join(import.meta.dirname, "../events/process.ts"),
        );
        try {
          // They take milliseconds each, so that the first thousands pass while the server still warms up.
          return await walk(service, [...marks, 4 * marks.at(-1)!], progress, async (count) => {
            await subscribers.ask({ type: "pass", url: service.lunaUrl ?? "", count, token });
          });
        } finally {
          await subscribers.end();
        }
      });
      return [...rowsOf("searches", searched), ...rowsOf("WebSockets", connected)];
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
};

async function served<T>(
  setup: Parameters<typeof startServer>[0],
  env: Readonly<Record<string, string>>,
  measure: (service: Server) => Promise<T>,
): Promise<T> {
  const service = await startServer(setup, env);
  try {
    return await measure(service);
  } finally {
    await service.stop();
  }
}

/** Does `work` up to each mark, and looks. */
async function walk(
  { server, url }: Server,
  marks: readonly number[],
  progress: (text: string) => void,
  work: (count: number) => Promise<void>,
): Promise<readonly Mark[]> {
  // What the gallery takes while it is loaded is not growth.
  while ((await galleryOf(url)).descriptors < DESCRIPTORS) await Bun.sleep(50);
  const walked: Mark[] = [];
  let done = 0;
  const more = async (count: number) => {
    await work(count);
    done += count;
  };
  for (const mark of marks) {
    progress(`luna-memory: up to ${mark.toLocaleString("en")}`);
    await more(mark - done);
    // One look says when the last collection was; several say what is held.
    const looks: number[] = [];
    for (let look = 0; look < LOOKS; look++) {
      looks.push((await server.ask({ type: "memory" })).residentMiB);
      await more(BETWEEN_LOOKS);
    }
    walked.push({ done: mark, residentMiB: spreadOf(looks), gallery: await galleryOf(url) });
  }
  return walked;
}

async function galleryOf(url: string): Promise<Mark["gallery"]> {
  const health = (await (await fetch(`${url}/health`)).json()) as {
    readonly parts?: { readonly gallery?: { readonly details?: Mark["gallery"] } };
  };
  const { descriptors = 0, bytes = 0 } = health.parts?.gallery?.details ?? {};
  return { descriptors, bytes };
}

function rowsOf(what: string, marks: readonly Mark[]): readonly GroupRow[] {
  const sizes = marks.map(
    ({ done, residentMiB, gallery }): GroupRow => ({
      name: `resident size after ${done.toLocaleString("en")} ${what}`,
      value: residentMiB.median,
      spread: residentMiB,
      unit: "MiB",
      note: `${gallery.descriptors.toLocaleString("en")} descriptors in ${(gallery.bytes / 2 ** 20).toFixed(1)} MiB`,
    }),
  );
  const growth = marks.slice(1).flatMap((late, before) => growthOf(what, marks[before]!, late));
  return [...sizes, ...growth];
}

function growthOf(what: string, early: Mark, late: Mark): readonly GroupRow[] {
  const grownMiB = (late.gallery.bytes - early.gallery.bytes) / 2 ** 20;
  const added = late.gallery.descriptors - early.gallery.descriptors;
  const growth: GroupRow = {
    name: `growth to ${late.done.toLocaleString("en")} ${what}`,
    value: (late.residentMiB.median - grownMiB) / early.residentMiB.median - 1,
    unit: "",
    target: { most: MOST_GROWTH },
    ...(added > 0 ? { note: `without the ${grownMiB.toFixed(1)} MiB by which the gallery grew` } : {}),
  };
  if (added === 0) return [growth];
  const each: GroupRow = {
    name: `${what}: bytes of the gallery for each descriptor that was added`,
    value: (late.gallery.bytes - early.gallery.bytes) / added,
    unit: "bytes",
    note: "room is taken for 1,024 at a time",
  };
  return [each, growth];
}
