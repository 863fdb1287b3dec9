/** What HTTP costs beside the engine itself, and whether it keeps the main thread free. */
import { hdPictures } from "../pictures.ts";
import { alternate, type Round } from "../rounds.ts";
import { checkAnswers, startService } from "../service/service.ts";
import { median, type Spread, spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const CONNECTIONS = 32;
/** Share of the engine's own rate that must be left over HTTP. */
const LEAST_SHARE = 0.9;
/** Milliseconds that the main thread's event loop may be late, 99 times in 100. */
const MOST_STALL = 20;

/** What both ways are compared by. */
interface Pace {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds of the serving process a request, all its threads together. */
  readonly cpuMs: number;
}

export const http: BenchGroup = {
  name: "http",
  about: `requests over HTTP at ${CONNECTIONS} connections against the engine in the same process; stalls of the main thread`,
  async measure({ setup, quick, progress }) {
    progress("http: starting the server");
    const service = await startService(setup);
    try {
      await service.use(await hdPictures("one-face"));
      const { server, load } = service;
      const forMs = quick ? 1500 : 3000;
      const stalls: { readonly p99: number; readonly most: number }[] = [];
      const latencies: number[] = [];
      progress("http: measuring");
      const rounds = await alternate<Pace>(
        quick ? 4 : 10,
        async () => {
          const { requests, failed, elapsedMs, cpuMs } = await server.ask({ type: "run", atOnce: CONNECTIONS, forMs });
          if (failed > 0) throw new Error(`${failed} pictures failed in the engine`);
          return { rate: (1000 * requests) / elapsedMs, cpuMs: cpuMs / requests };
        },
        async () => {
          await server.ask({ type: "watch" });
          const report = await load.ask({ type: "closed", connections: CONNECTIONS, forMs });
          const stall = await server.ask({ type: "unwatch" });
          stalls.push(stall);
          checkAnswers(report);
          if (report.refused.count > 0) throw new Error(`${report.refused.count} requests were refused`);
          latencies.push(report.answered.medianMs);
          const { count } = report.answered;
          return { rate: (1000 * count) / report.elapsedMs, cpuMs: stall.cpuMs / count };
        },
      );
      const row = (name: string, unit: string, spread: Spread, extra: Partial<GroupRow> = {}): GroupRow => ({
        name,
        value: spread.median,
        unit,
        spread,
        ...extra,
      });
      const of = (pick: (round: Round<Pace>) => number) => spreadOf(rounds.map(pick));
      // The first round warmed up.
      const counted = stalls.slice(1);
      return [
        row(
          "engine in process",
          "requests/s",
          of(({ first }) => first.rate),
          {
            note: `from JPEG bytes, ${CONNECTIONS} at once; every picture through both pipelines, one a request`,
          },
        ),
        row(
          "over HTTP",
          "requests/s",
          of(({ second }) => second.rate),
          {
            note: `${CONNECTIONS} connections of a process that shares the cores; latency ${Math.round(median(latencies))} ms`,
          },
        ),
        row(
          "HTTP's share of the engine's rate",
          "",
          of(({ first, second }) => second.rate / first.rate),
          {
            target: { least: LEAST_SHARE },
          },
        ),
        row(
          "CPU time in process",
          "ms/request",
          of(({ first }) => first.cpuMs),
          { note: "all threads, decoding included" },
        ),
        row(
          "CPU time over HTTP",
          "ms/request",
          of(({ second }) => second.cpuMs),
          {
            note: "of the server alone; who makes the requests comes on top",
          },
        ),
        row("main thread: p99 stall", "ms", spreadOf(counted.map(({ p99 }) => p99)), {
          target: { most: MOST_STALL },
          note: `of ticks every 5 ms under that load; longest ${Math.round(Math.max(...counted.map(({ most }) => most)))} ms`,
        }),
      ];
    } finally {
      await service.stop();
    }
  },
};
