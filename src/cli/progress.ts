/**
 * Progress of long work on standard error: a bar with rate and time left on a terminal, a plain line every few seconds
 * elsewhere (logs, pipes). Standard output stays free for results.
 */
import { SingleBar } from "cli-progress";
import { bytesText, durationText } from "./units.ts";

/** How often a plain line is written off a terminal, milliseconds. */
const LINE_EVERY_MS = 3000;
const BAR_WIDTH = 24;

/** What the work is counted in. */
export type ProgressUnit = "pictures" | "frames" | "items" | "bytes";

/** Progress of one piece of work. */
export interface Progress {
  /** Sets how much is done, and how much there is when that became known. */
  update(done: number, total?: number): void;
  /** Runs `write` with the bar out of the way, so that lines of results do not mix with it. */
  aside(write: () => Promise<void>): Promise<void>;
  /** Ends it: the bar goes. What came of the work is for the command to say. */
  stop(): void;
}

/** How {@link startProgress} shows the work. */
export interface ProgressOptions {
  readonly label: string;
  readonly unit: ProgressUnit;
  /** 0 where it is not known. */
  readonly total: number;
  /** What was done before, and says nothing about the speed. */
  readonly from?: number;
  readonly stream?: NodeJS.WriteStream;
  /** Milliseconds between plain lines. */
  readonly lineEveryMs?: number;
}

/** Starts showing progress. */
export function startProgress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr;
  return stream.isTTY ? barProgress(options, stream) : lineProgress(options, stream);
}

/** `12 of 80 pictures, 15 %, 7.3 pictures/s, 9 s left`; without a total `12 pictures, 7.3 pictures/s`. */
function progressText(unit: ProgressUnit, done: number, total: number, seconds: number, from = 0): string {
  const rate = seconds > 0 ? (done - from) / seconds : 0;
  const speed = unit === "bytes" ? `${bytesText(rate)}/s` : `${rate.toFixed(1)} ${unit}/s`;
  if (total <= 0) return `${unit === "bytes" ? bytesText(done) : `${done} ${unit}`}, ${speed}`;
  const amount = unit === "bytes" ? `${bytesText(done)} of ${bytesText(total)}` : `${done} of ${total} ${unit}`;
  const percent = `${Math.floor((100 * done) / total)} %`;
  return `${amount}, ${percent}, ${speed}, ${durationText((total - done) / rate)} left`;
}

function barProgress(options: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  const startedAt = performance.now();
  const bar = new SingleBar({
    stream,
    // The command handles signals itself.
    gracefulExit: false,
    clearOnComplete: true,
    // Redrawn also without news: results written in between have wiped it.
    forceRedraw: true,
    format: (_options, params) => {
      const filled = Math.round(Math.min(1, params.progress) * BAR_WIDTH);
      const drawn = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
      const { label, unit, from } = options;
      return `${label} ${drawn} ${progressText(unit, params.value, params.total, seconds(startedAt), from)}`;
    },
  });
  let total = options.total;
  bar.start(total, 0);
  return {
    update(value, newTotal) {
      if (newTotal !== undefined && newTotal !== total) {
        total = newTotal;
        bar.setTotal(total);
      }
      bar.update(value);
    },
    async aside(write) {
      stream.write("\r\x1b[K");
      await write();
    },
    stop: () => bar.stop(),
  };
}

function lineProgress(options: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  const startedAt = performance.now();
  let [done, total] = [0, options.total];
  const { label, unit, from } = options;
  const line = () => stream.write(`${label}: ${progressText(unit, done, total, seconds(startedAt), from)}\n`);
  const timer = setInterval(line, options.lineEveryMs ?? LINE_EVERY_MS);
  return {
    update(value, newTotal) {
      [done, total] = [value, newTotal ?? total];
    },
    aside: (write) => write(),
    stop: () => clearInterval(timer),
  };
}

function seconds(since: number): number {
  return (performance.now() - since) / 1000;
}
