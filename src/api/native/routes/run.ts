/** `POST /v1/pipelines/{name}/run`: pictures and short videos in, one answer out. */
import { Elysia } from "elysia";
import { FacewireError } from "../../../errors.ts";
import type { RunFile, RunRequest } from "../../../pipeline/results.ts";
import { runError } from "../../../pipeline/run-error.ts";
import { nearest } from "../../../yaml/nearest.ts";
import { checkDeclaredBody, readWhole } from "../../body.ts";
import { type Exchange, exchangeOf } from "../../exchange.ts";
import { type FormField, isMultipartForm, readForm } from "../../multipart.ts";
import { readQuery } from "../../query.ts";
import type { NativeContext, NativeLimits } from "../context.ts";
import { RUN_DOC } from "../docs/run.ts";
import { runAnswer } from "../run-answer.ts";
import { RUN_PARAMETERS, type RunOptions, samplingOf } from "../run-options.ts";

/** What a picture or video sent as the whole body is called in the answer. */
const RAW_NAME = "body";

/** Runs a pipeline on the pictures and videos in the body. */
export function runRoute({ engine, limits }: NativeContext) {
  return new Elysia().post(
    "/v1/pipelines/:name/run",
    async ({ request, params }) => {
      const exchange = exchangeOf(request);
      exchange.pipeline = params.name;
      const options = readQuery(request, RUN_PARAMETERS);
      const sampling = samplingOf(options);
      // What can be refused without the body is refused before any of it is read.
      engine.admit(params.name, options.parameters);
      checkDeclaredBody(request, limits.maxBody);
      const files = await readFiles(request, exchange, limits);
      const result = await engine.run({
        ...runRequest(request, exchange, params.name, files, options),
        ...(sampling ? { sampling } : {}),
      });
      const error = runError(result.items);
      if (error) exchange.error = FacewireError.fromPublic(error);
      return runAnswer(result, { draw: options.draw ?? false, accept: request.headers.get("accept") });
    },
    { parse: "none", detail: RUN_DOC },
  );
}

function runRequest(
  request: Request,
  exchange: Exchange,
  pipeline: string,
  files: readonly RunFile[],
  { priority, deadline, parameters, explain = false, draw = false, exif = false }: RunOptions,
): RunRequest {
  const traceparent = request.headers.get("traceparent");
  return {
    id: exchange.id,
    pipeline,
    files,
    explain,
    draw,
    exif,
    signal: request.signal,
    ...(priority === undefined ? {} : { priority }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
    ...(traceparent === null ? {} : { traceparent }),
  };
}

async function readFiles(request: Request, exchange: Exchange, limits: NativeLimits): Promise<readonly RunFile[]> {
  const { maxBody: maxBytes, bodyTimeoutMs: timeoutMs, maxFiles } = limits;
  const bodyLimits = { maxBytes, timeoutMs, share: exchange.body };
  if (isMultipartForm(request)) {
    const form = await readForm(request, { ...bodyLimits, maxFiles });
    const [field] = form.fields;
    if (field) throw notAFile(field);
    if (form.files.length === 0) throw new FacewireError("request_invalid", "The form holds no file.");
    return form.files;
  }
  if (/^multipart\//i.test(request.headers.get("content-type") ?? "")) {
    throw new FacewireError("media_type_unsupported", "Of the multipart types only multipart/form-data is read.");
  }
  const bytes = await readWhole(request, bodyLimits);
  if (bytes.byteLength === 0) throw new FacewireError("picture_empty", "The body holds no bytes.");
  return [{ name: RAW_NAME, bytes }];
}

/** Fields are refused and not ignored: `-F explain=1` would else look as if it worked. */
function notAFile({ field }: FormField): FacewireError {
  const near = nearest(field, Object.keys(RUN_PARAMETERS));
  const hint = near === undefined ? "" : ` Put ${near} into the query: ?${near}=…`;
  return new FacewireError("request_invalid", `The form's field ${JSON.stringify(field)} is no file.${hint}`, {
    details: { field, ...(near === undefined ? {} : { nearest: near }) },
  });
}
