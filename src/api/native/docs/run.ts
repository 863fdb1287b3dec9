/** The reference's text of `POST /v1/pipelines/{name}/run`. */
import { errorAnswers, jsonAnswer, operation, PIPELINE_NAME_PARAMETER, queryParameters } from "../openapi.ts";
import { RUN_PARAMETERS } from "../run-options.ts";
import { RunResultSchema } from "../schemas/run.ts";
import { FAILED_RUN_EXAMPLE, RUN_EXAMPLE } from "./examples.ts";

const BINARY = { schema: { type: "string", format: "binary" } };

const run200 = jsonAnswer(
  "At least one picture or frame was worked on; each item tells its own outcome.",
  RunResultSchema,
  RUN_EXAMPLE,
);

const failedRun = jsonAnswer(
  [
    "No picture could be worked on. The status is that of the gravest item's error, which stands at the top as well: of",
    "pictures and of videos (`video_damaged`, `video_no_frames`, `video_refused`, `video_too_slow`) that cannot be read.",
  ].join(" "),
  RunResultSchema,
  FAILED_RUN_EXAMPLE,
);

const errors = errorAnswers(
  [
    "request_invalid",
    "picture_empty",
    "unauthorized",
    "forbidden",
    "origin_refused",
    "pipeline_unknown",
    "method_not_allowed",
    "request_too_slow",
    "request_too_large",
    "request_too_many_files",
    "picture_too_large",
    "picture_too_many_pixels",
    "picture_unknown_format",
    "picture_unsupported_format",
    "input_not_accepted",
    "video_unknown_format",
    "video_too_large",
    "video_too_long",
    "video_too_many_pixels",
    "video_unavailable",
    "media_type_unsupported",
    "internal",
    "stage_failed",
    "worker_failed",
    "overloaded",
    "pool_full",
    "shutting_down",
    "model_unavailable",
    "pipeline_unavailable",
    "bus_unavailable",
    "group_unavailable",
    "message_too_large",
    "deadline_exceeded",
  ],
  RunResultSchema,
);

export const RUN_DOC = operation({
  operationId: "runPipeline",
  tag: "Pipelines",
  summary: "Run a pipeline on pictures and short videos",
  description: [
    "Send one picture or video as the body (any content type: the content decides what it is), or several as the files of a",
    "multipart/form-data body. The answer has one item per picture, in order, and one aggregate over all of them.",
    "",
    "A video (where the pipeline accepts them) gives an item for each analysed frame, with the frame's number and time,",
    "and an entry in `videos` with what is known of it and its best frame. Longer videos are work for jobs.",
    "",
    "With `draw=1` and one picture the answer is the drawn JPEG, unless `Accept` names application/json; with several",
    "pictures, with videos, or with that header, each item carries its drawn picture in base64.",
    "",
    "When the client closes the connection, the work is given up.",
  ].join("\n"),
  parameters: [PIPELINE_NAME_PARAMETER, ...queryParameters(RUN_PARAMETERS)],
  requestBody: {
    required: true,
    content: {
      "image/*": BINARY,
      "video/*": BINARY,
      "application/octet-stream": BINARY,
      "multipart/form-data": {
        schema: {
          type: "object",
          properties: { pictures: { type: "array", items: BINARY.schema } },
        },
      },
    },
  },
  responses: {
    "200": {
      ...run200,
      content: { ...(run200.content as object), "image/jpeg": BINARY },
    },
    ...errors,
    "422": failedRun,
  },
});
