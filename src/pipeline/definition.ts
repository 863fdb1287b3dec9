/** The form of a pipeline file. What the words mean together is checked by `planner.ts`. */
import { type Static, Type } from "@sinclair/typebox";
import { AGGREGATE_METHODS } from "../stages/stage.ts";
import { MAX_PARAMETERS, PARAMETER_NAME, ParameterDeclaration } from "./parameters.ts";

const strict = { additionalProperties: false } as const;

/** Lower-case words joined by dashes; also the file's name. */
export const PIPELINE_NAME = "^[a-z0-9]+(-[a-z0-9]+)*$";

/** Words beside the stage's own in an entry of `stages:`. */
export const ENTRY_WORDS = ["when", "pool", "slots", "place", "model_missing", "name"] as const;

/** The schema of a pipeline file. Entries of `stages` are checked by the planner, which knows the kinds of stages. */
export const PipelineDefinition = Type.Object(
  {
    name: Type.String({ pattern: PIPELINE_NAME, maxLength: 64, description: "The file's name without `.yaml`." }),
    description: Type.String({ minLength: 1, maxLength: 1000, description: "One sentence for lists." }),
    accepts: Type.Array(Type.Union([Type.Literal("image"), Type.Literal("video")]), {
      minItems: 1,
      uniqueItems: true,
      default: ["image"],
      description: "What may be sent to it: pictures, videos, or both.",
    }),
    video: Type.Object(
      {
        rate: Type.Optional(
          Type.Number({
            minimum: 0.01,
            maximum: 240,
            description: "Frames analysed for each second of video; 5 where neither this nor `every` is set.",
          }),
        ),
        every: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 100_000, description: "Analyse every n-th frame instead." }),
        ),
      },
      { ...strict, default: {}, description: "Which frames of a video are analysed; a request may choose others." },
    ),
    parameters: Type.Record(Type.String({ pattern: PARAMETER_NAME }), ParameterDeclaration, {
      ...strict,
      default: {},
      maxProperties: MAX_PARAMETERS,
      description: "What a request may choose; `when:` expressions read it as `request.<name>`.",
    }),
    stages: Type.Array(Type.Unknown(), {
      minItems: 1,
      maxItems: 100,
      description: "Stages in the order they run; `parallel:` for branches, `use:` for another pipeline's stages.",
    }),
    aggregate: Type.Record(Type.String(), Type.Union(AGGREGATE_METHODS.map((method) => Type.Literal(method))), {
      default: {},
      description: "How values are put together over the pictures of a request, by part.",
    }),
    limits: Type.Object(
      {
        deadline: Type.String({
          default: "5s",
          pattern: "^[0-9]+(\\.[0-9]+)?(ms|s|m)$",
          description:
            "Longest time from a request's arrival to its answer, 10ms to 10m; of a job's frame to its result.",
        }),
        video_deadline: Type.String({
          default: "60s",
          pattern: "^[0-9]+(\\.[0-9]+)?(ms|s|m)$",
          description: "The same for requests with videos.",
        }),
        files: Type.Integer({
          default: 100,
          minimum: 1,
          maximum: 10_000,
          description: "Most pictures in one request.",
        }),
        frames: Type.Integer({
          default: 3600,
          minimum: 1,
          maximum: 100_000,
          description: "Most analysed frames in one request; jobs have no such bound.",
        }),
        faces: Type.Integer({
          default: 100,
          minimum: 1,
          maximum: 1000,
          description: "Most faces of a picture that later stages work on; the best-scored ones are kept.",
        }),
      },
      { ...strict, default: {}, description: "Bounds of one request." },
    ),
    priority: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 9,
      description: "Which requests a worker or a pool takes first when several wait; 9 goes first.",
    }),
  },
  strict,
);
/** A pipeline file's content with defaults filled in. */
export type PipelineDefinition = Static<typeof PipelineDefinition>;
