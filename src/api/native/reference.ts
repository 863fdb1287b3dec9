/** The OpenAPI document of the native API, and what in it does not belong to one operation. */
import { type AnyElysia, Elysia } from "elysia";
import { SUBSCRIPTION_SCHEMAS } from "../../events/messages.ts";
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

/** Where the document is within the app that describes another. */
const DOCUMENT = "/document";

/**
 * Serves the document of an app's routes at `/swagger/json`. It is made when it is first asked for: what makes it takes
 * longer to load than the rest of the API takes to start.
 */
export function referenceDocument(app: AnyElysia, version: string) {
  let document: Promise<unknown> | undefined;
  const serve = () => {
    document ??= describe(app, version);
    return document;
  };
  return new Elysia().get("/swagger/json", serve, { detail: { hide: true } });
}

/** The plugin's own page is not served: it loads its viewer from the internet. */
async function describe(app: AnyElysia, version: string): Promise<unknown> {
  const { swagger } = await import("@elysiajs/swagger");
  const plugin = swagger({
    specPath: DOCUMENT,
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
          ...SUBSCRIPTION_SCHEMAS,
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
  const description = new Elysia().use(plugin).use(app);
  return (await description.handle(new Request(`http://localhost${DOCUMENT}`))).json();
}
