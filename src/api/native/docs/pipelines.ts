/** The reference's texts of `/v1/pipelines`. */
import { errorAnswers, jsonAnswer, operation, PIPELINE_NAME_PARAMETER } from "../openapi.ts";
import { PipelineDetailSchema, PipelineListSchema } from "../schemas/pipelines.ts";
import { DEFINITION_EXAMPLE, PIPELINE_EXAMPLE, PIPELINES_EXAMPLE } from "./examples.ts";

const ACCESS_ERRORS = ["unauthorized", "forbidden", "origin_refused"] as const;

export const PIPELINES_DOC = operation({
  operationId: "listPipelines",
  tag: "Pipelines",
  summary: "List the pipelines",
  description: "All pipelines of the folder, also those that cannot run now, with the reason.",
  responses: {
    "200": jsonAnswer("The pipelines, by name.", PipelineListSchema, PIPELINES_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS]),
  },
});

export const PIPELINE_DOC = operation({
  operationId: "showPipeline",
  tag: "Pipelines",
  summary: "Show one pipeline",
  description: "Its definition, its plan as a graph with measured times, and the options of its stages.",
  parameters: [PIPELINE_NAME_PARAMETER],
  responses: {
    "200": jsonAnswer("The pipeline.", PipelineDetailSchema, PIPELINE_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "pipeline_unknown", "pipeline_unavailable"]),
  },
});

const DEFINITION = { schema: { type: "string" }, example: DEFINITION_EXAMPLE };

export const VALIDATE_DOC = operation({
  operationId: "validatePipeline",
  tag: "Pipelines",
  summary: "Check a pipeline definition",
  description:
    "Checks a definition, YAML or JSON, as if it were a file of the folder; nothing is kept. The answer to a good one " +
    "is what showing it would answer; of a bad one `details.problems` names every mistake with line and nearest word.",
  requestBody: {
    required: true,
    content: {
      "application/yaml": DEFINITION,
      "application/json": { schema: { type: "object" }, example: PIPELINE_EXAMPLE.definition },
    },
  },
  responses: {
    "200": jsonAnswer("It would work.", PipelineDetailSchema, PIPELINE_EXAMPLE),
    ...errorAnswers(["request_invalid", ...ACCESS_ERRORS, "request_too_slow", "request_too_large", "pipeline_invalid"]),
  },
});
