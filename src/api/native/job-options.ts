/** What the addresses of jobs are asked with: query parameters, fields of the form, the idempotency key. */
import { FacewireError } from "../../errors.ts";
import type { JobOptions } from "../../jobs/options.ts";
import { JOB_STATES, type JobState } from "../../store/job-record.ts";
import { nearest } from "../../yaml/nearest.ts";
import type { FormField } from "../multipart.ts";
import { type QueryParameter, type QueryValues, readQuery } from "../query.ts";
import { RUN_PARAMETERS, samplingOf } from "./run-options.ts";

/** Longest names and keys; longer ones are mistakes. */
const MAX_TEXT = 255;

/** What a job is to be; in the query, or as fields of the form. */
export const JOB_PARAMETERS = {
  pipeline: {
    description: "Name of the pipeline.",
    allowed: "the name of a pipeline",
    schema: { type: "string" },
    parse: (text) => (text === "" ? undefined : text.slice(0, MAX_TEXT)),
  } satisfies QueryParameter<string>,
  name: {
    description: "What a file that is sent as the whole body is called in results; `body` when absent.",
    allowed: "a name of 1 to 255 characters",
    schema: { type: "string", minLength: 1, maxLength: MAX_TEXT },
    parse: (text) => (text.length >= 1 && text.length <= MAX_TEXT ? text : undefined),
  } satisfies QueryParameter<string>,
  rate: RUN_PARAMETERS.rate,
  every: RUN_PARAMETERS.every,
  parameters: RUN_PARAMETERS.parameters,
  explain: RUN_PARAMETERS.explain,
  exif: RUN_PARAMETERS.exif,
} as const;

/** A job's parameters as given. */
export type JobParameters = QueryValues<typeof JOB_PARAMETERS>;

/** Those of `GET /v1/jobs`. */
export const JOB_LIST_PARAMETERS = {
  limit: {
    description: "Most jobs of the answer, 1 to 1000; 50 when absent.",
    allowed: "a whole number from 1 to 1000",
    schema: { type: "integer", minimum: 1, maximum: 1000, default: 50 },
    parse: (text) => wholeNumber(text, 1, 1000),
  } satisfies QueryParameter<number>,
  before: {
    description: "`next` of the page before.",
    allowed: "the id of a job",
    schema: { type: "string" },
    parse: (text) => (/^[0-9A-HJKMNP-TV-Z]{26}$/.test(text) ? text : undefined),
  } satisfies QueryParameter<string>,
  state: {
    description: "Only jobs in this state.",
    allowed: JOB_STATES.join(", "),
    schema: { type: "string", enum: JOB_STATES },
    parse: (text) => JOB_STATES.find((state) => state === text),
  } satisfies QueryParameter<JobState>,
  pipeline: { ...JOB_PARAMETERS.pipeline, description: "Only jobs of this pipeline." },
} as const;

/** Those of `GET /v1/jobs/{id}/results`. */
export const JOB_RESULT_PARAMETERS = {
  after: {
    description: "Index of the last result that is known already: `next` of the page before.",
    allowed: "a whole number, or -1",
    schema: { type: "integer", minimum: -1, default: -1 },
    parse: (text) => (text === "-1" ? -1 : wholeNumber(text, 0, Number.MAX_SAFE_INTEGER)),
  } satisfies QueryParameter<number>,
  limit: {
    description:
      "Most results of the answer, 1 to 1000; 100 when absent. Large ones make it fewer. With `follow` there is no limit.",
    allowed: "a whole number from 1 to 1000",
    schema: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
    parse: (text) => wholeNumber(text, 1, 1000),
  } satisfies QueryParameter<number>,
  follow: {
    ...RUN_PARAMETERS.explain,
    description:
      "Answers with all results as lines of JSON (NDJSON), also those that are still to come, and the job as the last line.",
  },
} as const;

/** Those of `DELETE /v1/jobs/{id}`. */
export const JOB_DELETE_PARAMETERS = {
  cancel: {
    ...RUN_PARAMETERS.explain,
    description: "Only cancel: a job that has ended is answered with `job_ended` and kept.",
  },
} as const;

/** The parameters of a new job. Throws `request_invalid`. */
export function readJobParameters(request: Request): JobParameters {
  return readQuery(request, JOB_PARAMETERS);
}

/** Adds what came as fields of the form. Throws `request_invalid`, also for what is in the query as well. */
export function withFields(parameters: JobParameters, fields: readonly FormField[]): JobParameters {
  const values: Record<string, unknown> = { ...parameters };
  for (const { field, value } of fields) {
    const name = field.slice(0, MAX_TEXT);
    if (!Object.hasOwn(JOB_PARAMETERS, name)) throw unknownField(name);
    if (Object.hasOwn(values, name)) throw new FacewireError("request_invalid", `${name} is given twice.`);
    const { parse, allowed } = JOB_PARAMETERS[name as keyof typeof JOB_PARAMETERS];
    const parsed = parse(value);
    if (parsed === undefined) {
      throw new FacewireError("request_invalid", `The form's field ${name} must be ${allowed}.`, {
        details: { field: name, found: value.slice(0, 100), allowed },
      });
    }
    values[name] = parsed;
  }
  return values as JobParameters;
}

/** The pipeline of a new job. Throws `request_invalid` when none is named. */
export function pipelineOf({ pipeline }: JobParameters): string {
  if (pipeline !== undefined) return pipeline;
  throw new FacewireError("request_invalid", "Name a pipeline: ?pipeline=…, or a form's field called pipeline.", {
    details: { parameter: "pipeline" },
  });
}

/** The options of a new job. Throws `request_invalid`. */
export function jobOptionsOf(parameters: JobParameters): JobOptions {
  const { explain, exif, parameters: chosen } = parameters;
  const sampling = samplingOf(parameters);
  return {
    ...(sampling ? { sampling } : {}),
    ...(chosen ? { parameters: chosen } : {}),
    ...(explain ? { explain } : {}),
    ...(exif ? { exif } : {}),
  };
}

/**
 * The key of `Idempotency-Key`, with or without the quotes that its draft standard asks for; undefined when absent. Throws
 * `request_invalid` for what is no key.
 */
export function idempotencyKeyOf(headers: Headers): string | undefined {
  const given = headers.get("idempotency-key");
  if (given === null) return undefined;
  const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(given)?.[1]?.replace(/\\(.)/g, "$1");
  const key = quoted ?? (/^[!#-~]+$/.test(given) ? given : "");
  if (key.length >= 1 && key.length <= MAX_TEXT) return key;
  throw new FacewireError("request_invalid", "Idempotency-Key must be 1 to 255 visible ASCII characters.", {
    details: { header: "Idempotency-Key" },
  });
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

/** Fields are refused and not ignored: a misspelt one would else look as if it worked. */
function unknownField(field: string): FacewireError {
  const near = nearest(field, Object.keys(JOB_PARAMETERS));
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return new FacewireError("request_invalid", `There is no field ${JSON.stringify(field)} here.${hint}`, {
    details: { field, allowed: Object.keys(JOB_PARAMETERS), ...(near === undefined ? {} : { nearest: near }) },
  });
}
