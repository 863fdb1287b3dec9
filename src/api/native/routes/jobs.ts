/** `/v1/jobs`: long work is handed in, looked at, followed and cancelled. */
import { Elysia } from "elysia";
import type { JobDesk } from "../../../jobs/desk.ts";
import { checkDeclaredBody } from "../../body.ts";
import { exchangeOf } from "../../exchange.ts";
import { readQuery } from "../../query.ts";
import type { NativeContext } from "../context.ts";
import { CANCEL_JOB_DOC, JOB_DOC, JOB_RESULTS_DOC, JOBS_DOC, SUBMIT_JOB_DOC } from "../docs/jobs.ts";
import { receiveJobBody } from "../job-body.ts";
import {
  idempotencyKeyOf,
  JOB_DELETE_PARAMETERS,
  JOB_LIST_PARAMETERS,
  JOB_RESULT_PARAMETERS,
  jobOptionsOf,
  pipelineOf,
  readJobParameters,
  withFields,
} from "../job-options.ts";
import { followedResults, resultsPage } from "../job-results.ts";

/** What a file sent as the whole body is called. */
const RAW_NAME = "body";
const JOBS_ON_A_PAGE = 50;
const RESULTS_ON_A_PAGE = 100;

/** Everything about jobs. */
export function jobRoutes(context: NativeContext) {
  const { desk } = context.jobs;
  return new Elysia()
    .post("/v1/jobs", ({ request }) => submit(request, context), { parse: "none", detail: SUBMIT_JOB_DOC })
    .get(
      "/v1/jobs",
      async ({ request }) => {
        const { limit = JOBS_ON_A_PAGE, ...filter } = readQuery(request, JOB_LIST_PARAMETERS);
        return { request: exchangeOf(request).id, ...(await desk.list({ limit, ...filter })) };
      },
      { detail: JOBS_DOC },
    )
    .get(
      "/v1/jobs/:id",
      async ({ request, params }) => {
        readQuery(request, {});
        return { request: exchangeOf(request).id, ...(await desk.show(params.id)) };
      },
      { detail: JOB_DOC },
    )
    .get("/v1/jobs/:id/results", ({ request, params }) => results(request, desk, params.id), {
      detail: JOB_RESULTS_DOC,
    })
    .delete("/v1/jobs/:id", ({ request, params }) => cancel(request, desk, params.id), { detail: CANCEL_JOB_DOC });
}

async function submit(request: Request, { jobs, engine }: NativeContext): Promise<Response> {
  const { desk, limits } = jobs;
  const exchange = exchangeOf(request);
  const parameters = readJobParameters(request);
  const key = idempotencyKeyOf(request.headers);
  // What can be refused without the body is refused before any of it is read.
  jobOptionsOf(parameters);
  if (parameters.pipeline !== undefined) engine.pipeline(parameters.pipeline);
  checkDeclaredBody(request, limits.maxBody);
  const upload = await desk.begin(key);
  try {
    const fields = await receiveJobBody(request, upload, parameters.name ?? RAW_NAME, limits);
    const all = withFields(parameters, fields);
    const pipeline = pipelineOf(all);
    exchange.pipeline = pipeline;
    const { job, created } = await desk.submit(upload, { pipeline, options: jobOptionsOf(all), key });
    return Response.json(
      { request: exchange.id, ...job },
      { status: created ? 202 : 200, headers: { location: `/v1/jobs/${job.id}` } },
    );
  } catch (thrown) {
    // What cannot be cleared away now is cleared away when its place runs out.
    await desk.discard(upload).catch(() => undefined);
    throw thrown;
  }
}

async function results(request: Request, desk: JobDesk, id: string): Promise<Response> {
  const { after = -1, limit = RESULTS_ON_A_PAGE, follow } = readQuery(request, JOB_RESULT_PARAMETERS);
  // Asked first, so that an unknown job is told as such and not in the middle of a stream.
  if (follow) await desk.glance(id);
  return follow ? followedResults(desk, id, after) : resultsPage(desk, id, after, limit, exchangeOf(request).id);
}

async function cancel(request: Request, desk: JobDesk, id: string): Promise<Response> {
  const { cancel: only = false } = readQuery(request, JOB_DELETE_PARAMETERS);
  const exchange = exchangeOf(request);
  const cancelled = await desk.cancel(id, { orRemove: !only });
  return cancelled ? Response.json({ request: exchange.id, ...cancelled }) : new Response(null, { status: 204 });
}
