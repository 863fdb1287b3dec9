/** The schemas of pipelines and their plans; mirror `PipelineSummary` and `PipelineDetail`. */
import { Type } from "@sinclair/typebox";
import { ParameterDeclaration } from "../../../pipeline/parameters.ts";
import { ErrorSchema, RequestIdSchema } from "./error.ts";

const strict = { additionalProperties: false } as const;
const Names = Type.Array(Type.String());

const summary = {
  name: Type.String(),
  description: Type.String(),
  version: Type.String({ description: "First 12 hex digits of the definition's sha256; empty when it cannot run." }),
  accepts: Type.Array(Type.Union([Type.Literal("image"), Type.Literal("video")])),
  status: Type.Union(
    [Type.Literal("ok"), Type.Literal("loading"), Type.Literal("stale"), Type.Literal("unavailable")],
    {
      description:
        "loading: requests wait for its models. stale: the file is broken and the last good version runs. unavailable: it cannot run.",
    },
  ),
  error: Type.Optional(ErrorSchema),
};

export const PipelineSummarySchema = Type.Object(summary, {
  ...strict,
  $id: "PipelineSummary",
  description: "A pipeline in a list.",
});

const Place = Type.Union([Type.String(), Type.Null()], {
  description: "A group of processes; null is the process where the request came in.",
});

export const PlanSchema = Type.Object(
  {
    nodes: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          stage: Type.String(),
          kind: Type.String(),
          options: Type.Record(Type.String(), Type.Unknown()),
          reads: Names,
          writes: Names,
          models: Names,
          model_missing: Type.Optional(
            Type.Literal("fail", {
              description: "Without its models it is there all the same; pictures that need it fail.",
            }),
          ),
          missing_models: Type.Optional(
            Type.Array(Type.String(), { description: "Models it names that have no card." }),
          ),
          pool: Type.Optional(Type.Object({ name: Type.String(), slots: Type.Integer() }, strict)),
          when: Type.Optional(Type.String()),
          place: Type.Optional(Type.String({ description: "Group of processes it runs in, where the file says so." })),
          measured_ms: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
            description: "Mean of the last runs; null before the first.",
          }),
          cost: Type.String({ description: "What the stage itself says of its cost." }),
        },
        strict,
      ),
    ),
    edges: Type.Array(
      Type.Object(
        {
          from: Type.String(),
          to: Type.String(),
          parts: Names,
          bus: Type.Optional(
            Type.Literal(true, {
              description: "Its ends are in different places: the parts go over NATS where it is used.",
            }),
          ),
        },
        strict,
      ),
    ),
    hops: Type.Array(
      Type.Object(
        {
          from: Place,
          to: Place,
          before: Type.Union([Type.String(), Type.Null()], {
            description: "First stage in the new place; null on the way back with the results.",
          }),
          picture: Type.Array(Type.Union([Type.Literal("file"), Type.Literal("jpeg")]), {
            description: "file: a picture goes as it came. jpeg: a frame of a video goes as JPEG.",
          }),
          parts: Names,
        },
        strict,
      ),
      { description: "Where an item goes from one place to another, and all it carries; see docs/placement.md." },
    ),
  },
  { ...strict, $id: "Plan", description: "Stages as a graph; edges carry the parts one writes and another reads." },
);

export const PipelineDetailSchema = Type.Object(
  {
    request: RequestIdSchema,
    ...summary,
    definition: Type.Unknown({ description: "The definition, parsed." }),
    source: Type.String({ description: "The definition's own text." }),
    limits: Type.Object({ deadline_ms: Type.Number(), files: Type.Integer() }, strict),
    parameters: Type.Record(Type.String(), ParameterDeclaration, {
      description: "What a request may choose with `parameters`, by name.",
    }),
    aggregate: Type.Record(Type.String(), Type.String()),
    plan: PlanSchema,
    stage_schemas: Type.Record(Type.String(), Type.Unknown(), {
      description: "JSON Schema of the options of every stage kind it uses.",
    }),
  },
  { ...strict, $id: "PipelineDetail", description: "A pipeline with all that is known of it." },
);

export const PipelineListSchema = Type.Object(
  { request: RequestIdSchema, pipelines: Type.Array(PipelineSummarySchema) },
  { ...strict, $id: "PipelineList" },
);
