/**
 * Which frames ffmpeg hands out, and how it tells of all it decoded: filters that write a line for every decoded frame and
 * another one for every chosen frame. The chosen ones alone are converted and copied.
 */
import type { ProbedVideo } from "./probe.ts";
import type { VideoOptions } from "./video.ts";

/** Keys of the two kinds of lines; see {@link FrameLines}. */
const MARK = "d";
const DECODED = 0;
const CHOSEN = 1;

/** A tick counts as reached this much before it, in ticks: time stamps are rounded to their time base. */
const TICK_SLACK = 1e-6;

/**
 * The filters before any that touch pixels. They see each decoded frame once: the graph must not be built anew in the middle
 * (`-reinit_filter 0`), or counts would begin again. What the file has attached to its frames is dropped first, so that no
 * line of it can pass for one of these. `lines` is a file name without special characters.
 */
export function selectionFilters(expression: string, lines: string): string[] {
  const print = `metadata=mode=print:key=${MARK}:file=${lines}:direct=1`;
  return [
    "metadata=mode=delete",
    `metadata=mode=add:key=${MARK}:value=${DECODED}`,
    print,
    `select='${expression}'`,
    `metadata=mode=modify:key=${MARK}:value=${CHOSEN}`,
    print,
  ];
}

/** ffmpeg's expression for the wanted frames. Its variables: `n` counts decoded frames, `pts` is in units of the time base. */
export function selectionExpression(
  { timeBase, startPts }: Pick<ProbedVideo, "timeBase" | "startPts">,
  { sampling, after }: Pick<VideoOptions, "sampling" | "after">,
): string {
  const later = after ? `gt(n,${after.number})*` : "";
  if ("every" in sampling) return `${later}not(mod(n,${sampling.every}))`;
  // Ticks since the start, by whole numbers as long as they are exact. Register 0 holds the next tick, 1 this frame's.
  const ticks = (pts: string): string =>
    `floor((${pts})*${timeBase.num * sampling.rate}/${timeBase.den}+${TICK_SLACK.toFixed(6)})`;
  const tick = `st(1,${ticks(`pts-${startPts}`)})`;
  // Time that jumps back by more than a second starts anew: else nothing would be chosen until it has caught up.
  const due = `gte(${tick},ld(0))+lt(ld(1),ld(0)-1-${Math.ceil(sampling.rate)})`;
  if (!after) return `if(${due},st(0,ld(1)+1)*0+1)`;
  const next = Math.floor(after.timeS * sampling.rate + TICK_SLACK) + 1;
  // The first frame behind sets the register to what it was there.
  return `if(eq(n,${after.number}),st(0,${next})*0,if(gt(n,${after.number}),if(${due},st(0,ld(1)+1)*0+1)))`;
}

/** A decoded frame. */
export interface FrameLine {
  /** Position among all that were decoded. */
  readonly number: number;
  /** Time stamp in units of the time base; undefined where there is none. */
  readonly pts: number | undefined;
}

/** Reads what the filters write. Lines may come in any pieces. */
export class FrameLines {
  #rest = "";
  #position: FrameLine | undefined;
  #last: FrameLine | undefined;

  /** The last decoded frame that was told of. */
  get last(): FrameLine | undefined {
    return this.#last;
  }

  /** Takes a piece of text up and returns the chosen frames in it. */
  push(text: string): FrameLine[] {
    const chosen: FrameLine[] = [];
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const position = /^frame:(\d+)\s+pts:(-?\d+|NOPTS)/.exec(line);
      if (position) {
        this.#position = {
          number: Number(position[1]),
          pts: position[2] === "NOPTS" ? undefined : Number(position[2]),
        };
      } else if (line === `${MARK}=${DECODED}`) {
        this.#last = this.#position;
      } else if (line === `${MARK}=${CHOSEN}` && this.#last) {
        // The second filter counts chosen frames only: the position is that of the decoded frame just told of.
        chosen.push(this.#last);
      }
    }
    return chosen;
  }
}
