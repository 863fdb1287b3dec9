/** What a search over the LUNA dialect costs beside the extraction it begins with, and where the difference goes. */
import { rm } from "node:fs/promises";
import type { LoadTarget } from "../load/protocol.ts";
import { EACH, prefill } from "../luna/prefill.ts";
import { hdPictures } from "../pictures.ts";
import { inTurns } from "../rounds.ts";
import { checkAnswers, startLoad, startServer } from "../service/service.ts";
import { median, type Spread, spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const DESCRIPTORS = 100_000;
const CONNECTIONS = 32;
/** So many times as long as a measurement: the runtime compiles what is used often, which goes on for some thousand requests. */
const WARM_UP_ROUNDS = 6;
/** Share of the rate of `face-extract` over the native API that a search must keep. */
const LEAST_SHARE = 0.9;

/** What is sent. */
type Load = "extract" | "search" | "store" | "identify";

interface Pace {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds of the serving process a request, all its threads together. */
  readonly cpuMs: number;
  readonly latencyMs: number;
  /** 99th percentile of the main thread's lateness in milliseconds. */
  readonly stallMs: number;
}

export const lunaSearch: BenchGroup = {
  name: "luna-search",
  about: `POST /4/matching/search among ${DESCRIPTORS} descriptors against face-extract over the native API`,
  async measure({ setup, quick, progress }) {
    progress(`luna-search: storing ${DESCRIPTORS} descriptors`);
    const card = setup.catalog.get("descriptor-default");
    const { dataDir, token, list, descriptor } = await prefill(card.name, card.version, DESCRIPTORS);
    const service = await startServer(setup, { FACEWIRE_DATA_DIR: dataDir, FACEWIRE_LISTEN_LUNA: "127.0.0.1:0" });
    const load = await startLoad();
    try {
      const { server, url, lunaUrl } = service;
      if (lunaUrl === undefined) throw new Error("the server does not speak LUNA");
      const pictures = await hdPictures("one-face");
      const headers = { "x-auth-token": token, "content-type": "image/jpeg" };
      const targets: Readonly<Record<Load, LoadTarget | undefined>> = {
        extract: undefined,
        search: { path: `/4/matching/search?list_id=${list}`, headers, pictures: true },
        store: { path: "/4/storage/descriptors", headers, pictures: true },
        identify: {
          path: `/4/matching/identify?list_id=${list}&descriptor_id=${descriptor}`,
          headers: { "x-auth-token": token },
          pictures: false,
        },
      };
      const forMs = quick ? 2000 : 4000;
      const pace = async (what: Load, connections: number, rounds = 1): Promise<Pace> => {
        const target = targets[what];
        const to = { url: target ? lunaUrl : url, pictures, pipelines: ["face-extract"] };
        await load.ask({ type: "target", ...to, ...(target ? { target } : {}) });
        await server.ask({ type: "watch" });
        const report = await load.ask({ type: "closed", connections, forMs: rounds * forMs });
        const { cpuMs, p99 } = await server.ask({ type: "unwatch" });
        checkAnswers(report);
        if (report.refused.count > 0) {
          throw new Error(`${report.refused.count} requests of ${what} were refused: ${report.refusal}`);
        }
        const { count, medianMs } = report.answered;
        return { rate: (1000 * count) / report.elapsedMs, cpuMs: cpuMs / count, latencyMs: medianMs, stallMs: p99 };
      };
      progress("luna-search: loading the gallery");
      const loading = performance.now();
      const first = await fetch(lunaUrl + targets.identify!.path, { method: "POST", headers });
      if (!first.ok) throw new Error(`the first request was answered with ${first.status}: ${await first.text()}`);
      const loadedMs = performance.now() - loading;
      progress("luna-search: warming up");
      for (const what of ["extract", "search", "store"] as const)
        await pace(what, CONNECTIONS, quick ? 1 : WARM_UP_ROUNDS);
      progress("luna-search: measuring");
      const rounds = await inTurns<Pace>(quick ? 4 : 10, [
        () => pace("extract", CONNECTIONS),
        () => pace("search", CONNECTIONS),
        () => pace("store", CONNECTIONS),
        () => pace("identify", 1),
      ]);
      const all = rounds.map(([extract, search, store, identify]) => ({
        extract: extract!,
        search: search!,
        store: store!,
        identify: identify!,
      }));
      const of = (pick: (round: (typeof all)[number]) => number) => spreadOf(all.map(pick));
      const row = (name: string, unit: string, spread: Spread, extra: Partial<GroupRow> = {}): GroupRow => ({
        name,
        value: spread.median,
        unit,
        spread,
        ...extra,
      });
      const latency = Math.round(median(all.map(({ search }) => search.latencyMs)));
      return [
        row(
          "face-extract, native",
          "requests/s",
          of(({ extract }) => extract.rate),
          {
            note: `1280x720 JPEGs of one face, ${CONNECTIONS} connections`,
          },
        ),
        row(
          "search",
          "requests/s",
          of(({ search }) => search.rate),
          {
            note: `a list of persons, ${EACH} descriptors each; latency ${latency} ms`,
          },
        ),
        row(
          "search's share of face-extract's rate",
          "",
          of(({ extract, search }) => search.rate / extract.rate),
          {
            target: { least: LEAST_SHARE },
          },
        ),
        row(
          "the same by CPU time",
          "",
          of(({ extract, search }) => extract.cpuMs / search.cpuMs),
          { note: "of the server's threads only, so that other programs count less" },
        ),
        row(
          "storing alone",
          "requests/s",
          of(({ store }) => store.rate),
          {
            note: "POST /4/storage/descriptors: the same without matching",
          },
        ),
        row(
          "CPU time of face-extract",
          "ms/request",
          of(({ extract }) => extract.cpuMs),
        ),
        row(
          "CPU time of search",
          "ms/request",
          of(({ search }) => search.cpuMs),
        ),
        row(
          "CPU time of storing alone",
          "ms/request",
          of(({ store }) => store.cpuMs),
          {
            note: "the portrait, the commit and the event on top of extraction",
          },
        ),
        row(
          "CPU time of identify",
          "ms/request",
          of(({ identify }) => identify.cpuMs),
          {
            note: "scan, names and event without a picture",
          },
        ),
        row(
          "latency of identify",
          "ms",
          of(({ identify }) => identify.latencyMs),
          {
            note: "one at a time, nothing else to do",
          },
        ),
        {
          name: "loading the gallery",
          value: loadedMs / 1000,
          unit: "s",
          note: "from when the server listens to the first answer of identify",
        },
        row(
          "main thread under searches: p99 stall",
          "ms",
          of(({ search }) => search.stallMs),
        ),
      ];
    } finally {
      await Promise.all([service.stop(), load.end()]);
      await rm(dataDir, { recursive: true, force: true });
    }
  },
};
