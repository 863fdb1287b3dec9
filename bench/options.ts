/** The benchmark's command line. */
import { parseArgs } from "node:util";

/** What was asked for. */
export interface BenchOptions {
  /** Names of groups; empty means all that are not optional. */
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly list: boolean;
  readonly help: boolean;
  /** Result to compare with; the newest earlier one of the same kind when absent. */
  readonly compare: string | undefined;
  /** File of the result. */
  readonly out: string | undefined;
}

export const HELP = `Measures this machine: how near the pipelines come to the bare model calls, what HTTP costs, overload, memory, another
program on the same pictures, videos, stages in another process over NATS, events to many subscribers, and searches, loading
and pages of large galleries. Ratios are taken in turns; other work on the machine still shows. Videos need ffmpeg, two processes need nats-server.

  bun run bench [--quick] [--only limit,http] [--compare FILE] [--out FILE] [--list]

  --quick          few rounds: to see that it works, not to quote
  --only GROUPS    only these groups, by comma
  --compare FILE   compare with this result instead of the newest earlier one
  --out FILE       write the result there instead of bench/results/
  --list           the groups`;

/** Reads the words of the command line. Throws on words it does not know. */
export function parseOptions(words: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      compare: { type: "string" },
      out: { type: "string" },
    },
  });
  const only = values.only.flatMap((names) => names.split(",")).filter((name) => name !== "");
  return { ...values, only, compare: values.compare, out: values.out };
}
