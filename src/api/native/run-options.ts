/** The query parameters of `POST /v1/pipelines/{name}/run`. */
import { FacewireError } from "../../errors.ts";
import type { FrameSampling } from "../../media/video/video.ts";
import type { ParameterValues } from "../../pipeline/parameters.ts";
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

/** Longest text of a pipeline's parameters; more than all of them at their longest names and a few words need. */
const MAX_PARAMETERS_TEXT = 8192;

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
  parameters: {
    description:
      'Values of parameters that the pipeline declares, as a JSON object such as `{"attributes":true}`. Those that are ' +
      "absent have their defaults; unknown names and values that do not fit are refused.",
    allowed: `a JSON object of at most ${MAX_PARAMETERS_TEXT} characters whose values are true, false, numbers or texts`,
    schema: { type: "string", maxLength: MAX_PARAMETERS_TEXT },
    parse: parameters,
  } satisfies QueryParameter<ParameterValues>,
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

/** Which names and values fit, the pipeline says. */
function parameters(text: string): ParameterValues | undefined {
  if (text.length > MAX_PARAMETERS_TEXT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const scalar = Object.values(value).every((each) => ["boolean", "number", "string"].includes(typeof each));
  return scalar ? (value as ParameterValues) : undefined;
}

function deadline(text: string): number | undefined {
  if (!/^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m)?$/.test(text)) return undefined;
  const ms = /[a-z]$/.test(text) ? parseDuration(text) : Number(text);
  return ms > 0 ? ms : undefined;
}
