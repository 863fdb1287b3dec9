/** The reference's texts of `/v1/jobs`. */
import { JOB_DELETE_PARAMETERS, JOB_LIST_PARAMETERS, JOB_PARAMETERS, JOB_RESULT_PARAMETERS } from "../job-options.ts";
import { errorAnswers, jsonAnswer, operation, queryParameters } from "../openapi.ts";
import { JobAnswerSchema, JobDetailSchema, JobPageSchema, JobResultsSchema } from "../schemas/jobs.ts";
import { RUN_EXAMPLE } from "./examples.ts";

const REQUEST = "01JD8Q4M7V3N5X2B6K9R0T1W8Z";
const ACCESS_ERRORS = ["unauthorized", "forbidden", "origin_refused"] as const;

const JOB = {
  id: "01JD8PZ2E5R8Q0G4C6X1T7MABC",
  state: "running" as const,
  pipeline: "video-liveness",
  versions: ["5b1f0c9a72de"],
  options: { rate: 5 },
  files: 1,
  bytes: 73_400_320,
  progress: { done: 120, total: 300, ok: 117, no_face: 3, rejected: 0, failed: 0, rate: 42.5, time_left_s: 4.2 },
  created_at: "2026-05-04T10:15:30.123Z",
  started_at: "2026-05-04T10:15:30.131Z",
  ended_at: null,
  active_ms: 2824,
};

/** A job that was just accepted. */
export const JOB_ACCEPTED_EXAMPLE = {
  request: REQUEST,
  ...JOB,
  state: "waiting" as const,
  versions: [],
  progress: { done: 0, total: null, ok: 0, no_face: 0, rejected: 0, failed: 0, rate: null, time_left_s: null },
  started_at: null,
  active_ms: 0,
};

/** A job that is done. */
export const JOB_EXAMPLE = {
  request: REQUEST,
  ...JOB,
  state: "completed" as const,
  progress: { done: 300, total: 300, ok: 296, no_face: 4, rejected: 0, failed: 0, rate: 42.1, time_left_s: null },
  ended_at: "2026-05-04T10:15:37.262Z",
  active_ms: 7125,
  aggregate: { liveness: { ...RUN_EXAMPLE.aggregate.liveness, pictures: 296 } },
};

const { aggregate: _aggregate, ...KNOWN_JOB_EXAMPLE } = JOB_EXAMPLE;

/** A page of jobs. */
export const JOBS_EXAMPLE = { request: REQUEST, jobs: [JOB], next: JOB.id };

/** A page of results. */
export const JOB_RESULTS_EXAMPLE = {
  request: REQUEST,
  id: JOB.id,
  state: JOB.state,
  items: [{ ...RUN_EXAMPLE.items[0]!, name: "gate.mp4", frame: { file: 0, number: 0, time_s: 0 } }],
  next: 0,
};

const ID_PARAMETER = {
  name: "id",
  in: "path",
  required: true,
  description: "Id of a job.",
  schema: { type: "string" },
  example: JOB.id,
};

const KEY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "Your name for this job, 1 to 255 visible ASCII characters. The same request under the same key gives the same job, " +
    "whether the first one was answered or not; another request under it is answered with `idempotency_conflict`.",
  schema: { type: "string" },
};

const BINARY = { schema: { type: "string", format: "binary" } };
const FIELDS = Object.fromEntries(
  Object.entries(JOB_PARAMETERS)
    .filter(([name]) => name !== "name")
    .map(([name, { schema, description }]) => [name, { ...schema, description }]),
);

export const SUBMIT_JOB_DOC = operation({
  operationId: "submitJob",
  tag: "Jobs",
  summary: "Hand in a job",
  description: [
    "Send a video or a picture as the body, or any number of them as the files of a multipart/form-data body. What is",
    "asked for stands in the query, or in fields of the form. The body goes to disk as it comes.",
    "",
    "The answer comes when the job and its files are on the disk: from then on it is done, also when the server is",
    "stopped, killed or moved meanwhile. Its address is in `Location`.",
  ].join("\n"),
  parameters: [...queryParameters(JOB_PARAMETERS), KEY_HEADER],
  requestBody: {
    required: true,
    content: {
      "video/*": BINARY,
      "image/*": BINARY,
      "application/octet-stream": BINARY,
      "multipart/form-data": {
        schema: { type: "object", properties: { files: { type: "array", items: BINARY.schema }, ...FIELDS } },
      },
    },
  },
  responses: {
    "202": jsonAnswer("The job was accepted.", JobAnswerSchema, JOB_ACCEPTED_EXAMPLE),
    "200": jsonAnswer("The idempotency key is known: the job it stands for.", JobAnswerSchema, KNOWN_JOB_EXAMPLE),
    ...errorAnswers([
      "request_invalid",
      ...ACCESS_ERRORS,
      "pipeline_unknown",
      "request_too_slow",
      "idempotency_conflict",
      "request_too_large",
      "request_too_many_files",
      "media_type_unsupported",
      "input_not_accepted",
      "overloaded",
      "shutting_down",
      "pipeline_unavailable",
      "store_unavailable",
    ]),
  },
});

export const JOBS_DOC = operation({
  operationId: "listJobs",
  tag: "Jobs",
  summary: "List the jobs",
  description: "All jobs that are not past their retention, newest first.",
  parameters: queryParameters(JOB_LIST_PARAMETERS),
  responses: {
    "200": jsonAnswer("A page of jobs.", JobPageSchema, JOBS_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "store_unavailable"]),
  },
});

export const JOB_DOC = operation({
  operationId: "showJob",
  tag: "Jobs",
  summary: "Show a job",
  description:
    "How far it is and why it does not get on; once it is completed its aggregate and what came of its videos.",
  parameters: [ID_PARAMETER],
  responses: {
    "200": jsonAnswer("The job.", JobDetailSchema, JOB_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "job_unknown", "store_unavailable"]),
  },
});

export const JOB_RESULTS_DOC = operation({
  operationId: "jobResults",
  tag: "Jobs",
  summary: "Read a job's results",
  description: [
    "Results can be read as soon as they are there, also of a job that runs, failed or was cancelled; they do not change.",
    "",
    'With `follow=1` the answer is NDJSON: one result a line, those to come as they come, and `{"job": …}` as the last',
    "line when the job has ended. A stream without that line was cut off: take it up again with `after`. Empty lines keep",
    "the connection open.",
  ].join("\n"),
  parameters: [ID_PARAMETER, ...queryParameters(JOB_RESULT_PARAMETERS)],
  responses: {
    "200": {
      ...jsonAnswer("A page of results.", JobResultsSchema, JOB_RESULTS_EXAMPLE),
      content: {
        ...(jsonAnswer("", JobResultsSchema, JOB_RESULTS_EXAMPLE).content as object),
        "application/x-ndjson": { schema: { type: "string" } },
      },
    },
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "job_unknown", "store_unavailable"]),
  },
});

export const CANCEL_JOB_DOC = operation({
  operationId: "cancelJob",
  tag: "Jobs",
  summary: "Cancel or delete a job",
  description: [
    "A job that waits or runs is cancelled at once; the results it has stay until its retention. A job that has ended is",
    "deleted with its results, and its idempotency key is free again.",
  ].join("\n"),
  parameters: [ID_PARAMETER, ...queryParameters(JOB_DELETE_PARAMETERS)],
  responses: {
    "200": jsonAnswer("The job is cancelled.", JobAnswerSchema, {
      request: REQUEST,
      ...JOB,
      state: "cancelled",
      ended_at: "2026-05-04T10:15:33.404Z",
    }),
    "204": { description: "The job is deleted." },
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "job_unknown", "job_ended", "store_unavailable"]),
  },
});
