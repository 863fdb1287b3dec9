/** What it costs to run stages in another process, over NATS, on the same cores. */
import { join } from "node:path";
import { NATS_SERVER } from "../../scripts/verify/tools.ts";
import { countCpu } from "../cpu-time.ts";
import { hdPictures } from "../pictures.ts";
import { alternate, type Round } from "../rounds.ts";
import { type Carried, startPlaced } from "../service/placed.ts";
import { type Server, startServer } from "../service/service.ts";
import { projectRoot } from "../setup.ts";
import { median, type Spread, spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

/** The shipped pipelines of `PIPELINES` with a place on their first stage. */
const PLACED = ["placed-liveness", "placed-extract"];
/** Requests at any time. */
const AT_ONCE = 32;
/** Share of one process's rate that must be left. */
const LEAST_SHARE = 0.9;

/** What both ways are compared by. */
interface Pace {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds of one core a request, of all processes together. */
  readonly cpuMs: number;
  readonly requests: number;
}

export const placement: BenchGroup = {
  name: "placement",
  about: "one process against two over NATS on the same cores; what an edge between processes costs",
  needs: [NATS_SERVER],
  async measure({ setup, quick, progress }) {
    progress("placement: starting one process, and two with nats-server");
    const env = { FACEWIRE_PIPELINES_DIR: join(projectRoot, "bench/pipelines") };
    await using opened = new AsyncDisposableStack();
    const placed = opened.adopt(await startPlaced(setup, env), (installation) => installation.stop());
    const alone = opened.adopt(await startServer(setup, env), (server) => server.stop());
    const pictures = await hdPictures("one-face");
    const pace = async ({ server }: Server, pids: readonly number[], atOnce: number, forMs: number): Promise<Pace> => {
      const cpu = countCpu(pids);
      const { requests, failed, elapsedMs } = await server.ask({ type: "run", atOnce, forMs });
      if (failed > 0) throw new Error(`${failed} of ${requests} pictures failed`);
      return { rate: (1000 * requests) / elapsedMs, cpuMs: cpu() / requests, requests };
    };
    const carried: { readonly before: Carried; readonly after: Carried; readonly requests: number }[] = [];
    const inOne = (atOnce: number, forMs: number) => () => pace(alone, [alone.server.pid], atOnce, forMs);
    const inTwo = (atOnce: number, forMs: number) => async () => {
      const before = await placed.carried();
      const measured = await pace(placed.api, placed.pids, atOnce, forMs);
      carried.push({ before, after: await placed.carried(), requests: measured.requests });
      return measured;
    };
    for (const { server } of [alone, placed.api]) await server.ask({ type: "pictures", pictures, pipelines: PLACED });

    progress("placement: measuring");
    const forMs = quick ? 2000 : 5000;
    const rounds = await alternate(quick ? 4 : 12, inOne(AT_ONCE, forMs), inTwo(AT_ONCE, forMs));
    progress("placement: one request at a time");
    const singles = await alternate(quick ? 2 : 6, inOne(1, forMs / 2), inTwo(1, forMs / 2));

    const of = (pick: (round: Round<Pace>) => number) => spreadOf(rounds.map(pick));
    const latency = ({ rate }: Pace) => 1000 / rate;
    const perRequest = (field: keyof Carried) =>
      median(carried.map(({ before, after, requests }) => (after[field] - before[field]) / requests));
    return [
      row(
        "one process",
        "requests/s",
        of(({ first }) => first.rate),
        {
          note: `engine.run from JPEG bytes, ${AT_ONCE} at once; every picture through ${PLACED.join(" and ")}, one a request`,
        },
      ),
      row(
        "two processes over NATS",
        "requests/s",
        of(({ second }) => second.rate),
        { note: `one takes the requests, one runs the stages with ${placed.workers} workers` },
      ),
      row(
        "share of one process's rate",
        "",
        of(({ first, second }) => second.rate / first.rate),
        { target: { least: LEAST_SHARE }, note: "by the wall clock, round by round" },
      ),
      row(
        "share of one process's rate by CPU time",
        "",
        of(({ first, second }) => first.cpuMs / second.cpuMs),
        { note: "both processes and nats-server together" },
      ),
      row(
        "an edge: CPU time",
        "µs/request",
        of(({ first, second }) => 1000 * (second.cpuMs - first.cpuMs)),
        { note: `of all processes; in one process a request takes ${mean(rounds).toFixed(1)} ms` },
      ),
      row(
        "an edge: time added to a request alone",
        "µs",
        spreadOf(singles.map(({ first, second }) => 1000 * (latency(second) - latency(first)))),
        {
          note: `one request at a time takes ${median(singles.map(({ first }) => latency(first))).toFixed(1)} ms in one process`,
        },
      ),
      {
        name: "an edge: bytes",
        value: perRequest("in_bytes"),
        unit: "bytes/request",
        note: `sent to nats-server, in ${perRequest("in_msgs").toFixed(1)} messages; pictures of ${Math.round(sizeOf(pictures))} bytes`,
      },
    ] satisfies GroupRow[];
  },
};

function mean(rounds: readonly Round<Pace>[]): number {
  return median(rounds.map(({ first }) => first.cpuMs));
}

function sizeOf(pictures: readonly { readonly bytes: Uint8Array }[]): number {
  return pictures.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) / pictures.length;
}

function row(name: string, unit: string, spread: Spread, extra: Partial<GroupRow> = {}): GroupRow {
  return { name, value: spread.median, unit, spread, ...extra };
}
