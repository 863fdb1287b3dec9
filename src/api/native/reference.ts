/** The OpenAPI document of the native API, and what in it does not belong to one operation. */
import { swagger } from "@elysiajs/swagger";
import { openApiComponents } from "./openapi.ts";
import {
  DeadLetterAnswerSchema,
  DeadLetterPageSchema,
  DeadLetterSchema,
  DiscardAnswerSchema,
  RetryAnswerSchema,
} from "./schemas/dead-letters.ts";
import { ErrorBodySchema, ErrorSchema } from "./schemas/error.ts";
import { EventPageSchema, EventSchema } from "./schemas/events.ts";
import { BoxSchema, FaceSchema, LivenessSchema } from "./schemas/face.ts";
import {
  JobAnswerSchema,
  JobDetailSchema,
  JobPageSchema,
  JobProgressSchema,
  JobResultsSchema,
  JobSchema,
} from "./schemas/jobs.ts";
import { PipelineDetailSchema, PipelineListSchema, PipelineSummarySchema, PlanSchema } from "./schemas/pipelines.ts";
import { ItemSchema, RunResultSchema, StageTraceSchema, VideoSchema } from "./schemas/run.ts";
import { HealthSchema, ModelListSchema, ModelSchema, PartHealthSchema, StatusSchema } from "./schemas/server.ts";

const DESCRIPTION = [
  "Pictures go through named pipelines; each request is answered with one item per picture and one aggregate.",
  "",
  "Every JSON answer carries the request's id, also in the header `X-Request-Id`. Failures are answered as",
  "`{ error: { code, message, details? }, request }`; codes are stable and listed in docs/errors.md.",
  "",
  "On loopback no token is needed. Elsewhere send `Authorization: Bearer <token>`: role `read` for GET, `run` for POST",
  "as well, `admin` for everything; some addresses ask for more and say so.",
].join("\n");

/** Serves the document at `/swagger/json`. The plugin's own page is replaced: it loads its viewer from the internet. */
export function referenceDocument(version: string) {
  return swagger({
    path: "/swagger",
    specPath: "/swagger/json",
    documentation: {
      info: { title: "Facewire native API", version, description: DESCRIPTION },
      tags: [
        { name: "Pipelines", description: "What can be run, and running it." },
        { name: "Jobs", description: "Long work: videos and many pictures." },
        { name: "Models", description: "The networks behind the stages." },
        { name: "Events", description: "What happens, live and past." },
        { name: "Dead letters", description: "Work that was given up." },
        { name: "Server", description: "Health and metrics." },
      ],
      components: {
        securitySchemes: { token: { type: "http", scheme: "bearer" } },
        schemas: openApiComponents([
          RunResultSchema,
          ItemSchema,
          VideoSchema,
          FaceSchema,
          LivenessSchema,
          BoxSchema,
          StageTraceSchema,
          PipelineListSchema,
          PipelineSummarySchema,
          PipelineDetailSchema,
          PlanSchema,
          JobAnswerSchema,
          JobDetailSchema,
          JobPageSchema,
          JobSchema,
          JobProgressSchema,
          JobResultsSchema,
          ModelListSchema,
          ModelSchema,
          EventPageSchema,
          EventSchema,
          DeadLetterPageSchema,
          DeadLetterAnswerSchema,
          DeadLetterSchema,
          RetryAnswerSchema,
          DiscardAnswerSchema,
          HealthSchema,
          PartHealthSchema,
          StatusSchema,
          ErrorBodySchema,
          ErrorSchema,
        ]),
      },
    },
  });
}
