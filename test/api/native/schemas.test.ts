/** The reference's schemas are the truth: the types agree with them, the examples fit them, real answers fit them. */
import { describe, expect, test } from "bun:test";
import { FormatRegistry, type Static, type TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import {
  DEAD_LETTER_EXAMPLE,
  DEAD_LETTERS_EXAMPLE,
  DISCARD_EXAMPLE,
  RETRY_EXAMPLE,
} from "../../../src/api/native/docs/dead-letters.ts";
import { EVENT_PAGE_EXAMPLE } from "../../../src/api/native/docs/events.ts";
import {
  FAILED_RUN_EXAMPLE,
  HEALTH_EXAMPLE,
  MODELS_EXAMPLE,
  PIPELINE_EXAMPLE,
  PIPELINES_EXAMPLE,
  RUN_EXAMPLE,
  STATUS_EXAMPLE,
} from "../../../src/api/native/docs/examples.ts";
import {
  JOB_ACCEPTED_EXAMPLE,
  JOB_EXAMPLE,
  JOB_RESULTS_EXAMPLE,
  JOBS_EXAMPLE,
} from "../../../src/api/native/docs/jobs.ts";
import {
  DeadLetterAnswerSchema,
  DeadLetterPageSchema,
  type DeadLetterSchema,
  DiscardAnswerSchema,
  RetryAnswerSchema,
} from "../../../src/api/native/schemas/dead-letters.ts";
import type { ErrorSchema } from "../../../src/api/native/schemas/error.ts";
import { EventPageSchema } from "../../../src/api/native/schemas/events.ts";
import type { FaceSchema } from "../../../src/api/native/schemas/face.ts";
import {
  JobAnswerSchema,
  JobDetailSchema,
  JobPageSchema,
  JobResultsSchema,
  type JobSchema,
} from "../../../src/api/native/schemas/jobs.ts";
import {
  PipelineDetailSchema,
  PipelineListSchema,
  type PipelineSummarySchema,
} from "../../../src/api/native/schemas/pipelines.ts";
import { type ItemSchema, RunResultSchema } from "../../../src/api/native/schemas/run.ts";
import {
  HealthSchema,
  ModelListSchema,
  type PartHealthSchema,
  StatusSchema,
} from "../../../src/api/native/schemas/server.ts";
import type { DeadLetterJson } from "../../../src/dead-letters/json.ts";
import type { PublicError } from "../../../src/errors.ts";
import type { JobDetailJson, JobJson } from "../../../src/jobs/job-json.ts";
import type {
  FaceJson,
  ItemResult,
  PartHealth,
  PipelineDetail,
  PipelineSummary,
  RunResult,
} from "../../../src/pipeline/results.ts";

// The one format the schemas name; whoever checks values has to say what it is.
FormatRegistry.Set("date-time", (text) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && !Number.isNaN(Date.parse(text)));

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
/** What a schema describes, as immutable as the pipeline's types are. */
type Described<S extends TSchema> = DeepReadonly<Static<S>>;
/** Compiles only when every value of `A` is one of `B`. */
type Fits<A extends B, B> = A;
/** Compiles only when both types have the same keys, optional ones too. */
type SameKeys<A, B> = [Exclude<keyof A, keyof B>, Exclude<keyof B, keyof A>] extends [never, never] ? true : never;

/** Checked by the compiler: a field that is added to a type, or loses its place in a schema, does not build. */
export type Agreement = [
  Fits<FaceJson, Described<typeof FaceSchema>>,
  Fits<PublicError, Described<typeof ErrorSchema>>,
  Fits<Omit<ItemResult, "drawn">, Omit<Described<typeof ItemSchema>, "drawn">>,
  Fits<Omit<RunResult, "items">, Omit<Described<typeof RunResultSchema>, "items">>,
  Fits<PipelineSummary, Described<typeof PipelineSummarySchema>>,
  Fits<PipelineDetail, Omit<Described<typeof PipelineDetailSchema>, "request">>,
  Fits<PartHealth, Described<typeof PartHealthSchema>>,
  Fits<JobJson, Described<typeof JobSchema>>,
  Fits<JobDetailJson, Omit<Described<typeof JobDetailSchema>, "request">>,
  Fits<DeadLetterJson, Described<typeof DeadLetterSchema>>,
];
const keys: [
  SameKeys<FaceJson, Static<typeof FaceSchema>>,
  SameKeys<ItemResult, Static<typeof ItemSchema>>,
  SameKeys<RunResult, Omit<Static<typeof RunResultSchema>, "error">>,
  SameKeys<PipelineSummary, Static<typeof PipelineSummarySchema>>,
  SameKeys<PipelineDetail, Omit<Static<typeof PipelineDetailSchema>, "request">>,
  SameKeys<PartHealth, Static<typeof PartHealthSchema>>,
  SameKeys<DeadLetterJson, Static<typeof DeadLetterSchema>>,
] = [true, true, true, true, true, true, true];

test("types and schemas have the same keys", () => expect(keys).not.toContain(false as never));

describe("The reference's example fits its schema", () => {
  for (const [name, schema, example] of [
    ["run", RunResultSchema, RUN_EXAMPLE],
    ["failed run", RunResultSchema, FAILED_RUN_EXAMPLE],
    ["list of pipelines", PipelineListSchema, PIPELINES_EXAMPLE],
    ["pipeline", PipelineDetailSchema, PIPELINE_EXAMPLE],
    ["list of models", ModelListSchema, MODELS_EXAMPLE],
    ["health", HealthSchema, HEALTH_EXAMPLE],
    ["status", StatusSchema, STATUS_EXAMPLE],
    ["list of dead letters", DeadLetterPageSchema, DEAD_LETTERS_EXAMPLE],
    ["dead letter", DeadLetterAnswerSchema, DEAD_LETTER_EXAMPLE],
    ["retry", RetryAnswerSchema, RETRY_EXAMPLE],
    ["accepted job", JobAnswerSchema, JOB_ACCEPTED_EXAMPLE],
    ["job", JobDetailSchema, JOB_EXAMPLE],
    ["page of jobs", JobPageSchema, JOBS_EXAMPLE],
    ["page of a job's results", JobResultsSchema, JOB_RESULTS_EXAMPLE],
    ["page of events", EventPageSchema, EVENT_PAGE_EXAMPLE],
    ["discarded letters", DiscardAnswerSchema, DISCARD_EXAMPLE],
  ] as const) {
    test(name, () => expect([...Value.Errors(schema, example)]).toEqual([]));
  }
});
