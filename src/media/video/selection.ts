/**
 * Which frames ffmpeg hands out, and how it tells of all it decoded: filters that write a line for every decoded frame and
 * another one for every chosen frame. The chosen ones alone are converted and copied.
 */
import type { ProbedVideo } from "./probe.ts";
import type { FrameSampling } from "./video.ts";

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

/** Where a resumed reading goes on. */
export interface Resumption {
  /** The last frame that was had: its number among all decoded ones, its time stamp in units. */
  readonly number: number;
  readonly pts: number;
  /** Decoding begins in the middle: frames are counted from the one with that time stamp on instead of from the first. */
  readonly seeks: boolean;
}

/**
 * ffmpeg's expression for the wanted frames. Its variables: `n` counts decoded frames, `pts` is in units of the time base.
 * Registers: 0 the next tick or what to add to `n`, 1 the tick of the frame at hand, 2 whether the resumption was reached.
 */
export function selectionExpression(
  { timeBase, startPts }: Pick<ProbedVideo, "timeBase" | "startPts">,
  sampling: FrameSampling,
  after?: Resumption,
): string {
  const reached = after && (after.seeks ? `eq(pts,${after.pts})` : `eq(n,${after.number})`);
  if ("every" in sampling) {
    const wanted = `not(mod(n+ld(0),${sampling.every}))`;
    if (!after) return wanted;
    return `if(${reached},st(0,${after.number}-n)*0+st(2,1)*0,if(ld(2),${wanted}))`;
  }
  const units = timeBase.num * sampling.rate;
  const tick = `st(1,floor((pts-(${startPts}))*${units}/${timeBase.den}+${TICK_SLACK}))`;
  // Time that jumps back by more than a second starts anew: else nothing would be chosen until it has caught up.
  const due = `gte(${tick},ld(0))+lt(ld(1),ld(0)-1-${Math.ceil(sampling.rate)})`;
  const wanted = `if(${due},st(0,ld(1)+1)*0+1)`;
  if (!after) return wanted;
  // As it stood behind that frame, which was the last to be chosen.
  const next = Math.floor(((after.pts - startPts) * units) / timeBase.den + TICK_SLACK) + 1;
  return `if(${reached},st(0,${next})*0+st(2,1)*0,if(ld(2),${wanted}))`;
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
  readonly #anchor: Resumption | undefined;
  /** What to add to ffmpeg's count; undefined until the anchor was seen. */
  #base: number | undefined;
  #rest = "";
  #position: FrameLine | undefined;
  #last: FrameLine | undefined;

  /** With a resumption that seeks, frames up to and with its one are not told of. */
  constructor(after?: Resumption) {
    this.#anchor = after?.seeks ? after : undefined;
    this.#base = this.#anchor ? undefined : 0;
  }

  /** The last decoded frame that was told of. */
  get last(): FrameLine | undefined {
    return this.#last;
  }

  /** Whether numbers are known. */
  get anchored(): boolean {
    return this.#base !== undefined;
  }

  /** Whether the place to resume at was passed by: there is no frame with its time stamp. */
  get lost(): boolean {
    const pts = this.#position?.pts;
    return !this.anchored && pts !== undefined && pts > this.#anchor!.pts;
  }

  /** Takes a piece of text up and returns the chosen frames in it. */
  push(text: string): FrameLine[] {
    const chosen: FrameLine[] = [];
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const position = /^frame:(\d+)\s+pts:(-?\d+|NOPTS)/.exec(line);
      if (position) {
        const pts = position[2] === "NOPTS" ? undefined : Number(position[2]);
        this.#position = { number: Number(position[1]), pts };
      } else if (line === `${MARK}=${DECODED}`) {
        this.#decoded(this.#position!);
      } else if (line === `${MARK}=${CHOSEN}` && this.#last) {
        // This line's filter counts chosen frames only: the number is that of the decoded frame just told of.
        if (this.#last.pts !== this.#position?.pts) throw new Error("a chosen frame is not the one decoded last");
        chosen.push(this.#last);
      }
    }
    return chosen;
  }

  #decoded({ number, pts }: FrameLine): void {
    if (pts !== undefined && pts === this.#anchor?.pts) this.#base ??= this.#anchor.number - number;
    if (this.#base !== undefined) this.#last = { number: number + this.#base, pts };
  }
}
