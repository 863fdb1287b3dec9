/** The query parameters of `POST /v1/pipelines/{name}/run`. */
import { FacewireError } from "../../errors.ts";
import type { FrameSampling } from "../../media/video/video.ts";
import { parseDuration } from "../../settings/units.ts";
import type { QueryParameter, QueryValues } from "../query.ts";

function flag(description: string): QueryParameter<boolean> {
  return {
    description,
    allowed: "1 or 0",
    schema: { type: "string", enum: ["1", "0"], default: "0" },
    parse: (text) => ({ "1": true, true: true, "": true, "0": false, false: false })[text.toLowerCase()],
  };
}

/** The parameters with their texts for the reference. */
export const RUN_PARAMETERS = {
  explain: flag("Adds to each picture what every stage was given, what it wrote, how long it took and why."),
  draw: flag("Answers with the picture, boxes, landmarks and verdicts drawn on it."),
  exif: flag("Adds the EXIF fields of each picture."),
  priority: {
    description: "0 (waits longest) to 9 (goes first); the pipeline's own when absent.",
    allowed: "a whole number from 0 to 9",
    schema: { type: "integer", minimum: 0, maximum: 9 },
    parse: (text) => (/^[0-9]$/.test(text) ? Number(text) : undefined),
  } satisfies QueryParameter<number>,
  deadline: {
    description:
      "Longest time from now to the answer: milliseconds, or a number with `ms`, `s` or `m`. It can only shorten the " +
      "pipeline's own.",
    allowed: "milliseconds such as 800, or a duration such as 2s",
    schema: { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?(ms|s|m)?$" },
    parse: deadline,
  } satisfies QueryParameter<number>,
  rate: {
    description: "Frames analysed for each second of a video, 0.01 to 240; the pipeline's own choice when absent.",
    allowed: "a number from 0.01 to 240",
    schema: { type: "number", minimum: 0.01, maximum: 240 },
    parse: (text) => numberWithin(text, 0.01, 240),
  } satisfies QueryParameter<number>,
  every: {
    description: "Analyse every n-th frame of a video. Not together with `rate`.",
    allowed: "a whole number from 1 to 100000",
    schema: { type: "integer", minimum: 1, maximum: 100_000 },
    parse: (text) => (/^[0-9]+$/.test(text) ? numberWithin(text, 1, 100_000) : undefined),
  } satisfies QueryParameter<number>,
} as const;

/** The parameters of one request. */
export type RunOptions = QueryValues<typeof RUN_PARAMETERS>;

/** Which frames of videos are analysed; undefined where the request leaves that to the pipeline. */
export function samplingOf({ rate, every }: Pick<RunOptions, "rate" | "every">): FrameSampling | undefined {
  if (rate !== undefined && every !== undefined) {
    throw new FacewireError("request_invalid", "`rate` and `every` do not go together: choose one.");
  }
  if (rate !== undefined) return { rate };
  return every === undefined ? undefined : { every };
}

function numberWithin(text: string, least: number, most: number): number | undefined {
  const value = /^[0-9]{1,6}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

function deadline(text: string): number | undefined {
  if (!/^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m)?$/.test(text)) return undefined;
  const ms = /[a-z]$/.test(text) ? parseDuration(text) : Number(text);
  return ms > 0 ? ms : undefined;
}
