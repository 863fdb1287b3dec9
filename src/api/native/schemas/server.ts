/** The schemas of what the server tells of itself: models and health. */
import { Type } from "@sinclair/typebox";
import { MODEL_TASKS } from "../../../inference/model.ts";
import { RequestIdSchema } from "./error.ts";

const strict = { additionalProperties: false } as const;

export const ModelSchema = Type.Object(
  {
    name: Type.String(),
    task: Type.Union(MODEL_TASKS.map((task) => Type.Literal(task))),
    aliases: Type.Array(Type.String()),
    version: Type.String({ description: "Changes when results are no longer comparable." }),
    state: Type.Union([Type.Literal("ready"), Type.Literal("missing"), Type.Literal("damaged")], {
      description: "Of the prepared file: missing and damaged ones are mended by `facewire models pull`.",
    }),
    description: Type.String(),
    input: Type.Object({ width: Type.Integer(), height: Type.Integer(), color: Type.String() }, strict),
    outputs: Type.Record(Type.String(), Type.String(), { description: "How each output is read, by its name." }),
    calibrations: Type.Optional(Type.Record(Type.String(), Type.Number())),
    similarity: Type.Optional(
      Type.Object({ metric: Type.String(), slope: Type.Number(), midpoint: Type.Number() }, strict),
    ),
    license: Type.String(),
    provenance: Type.String(),
    accuracy: Type.Array(Type.String()),
    sha256: Type.String(),
  },
  { ...strict, $id: "Model", description: "A model card and the state of its file." },
);

export const ModelListSchema = Type.Object(
  { request: RequestIdSchema, models: Type.Array(ModelSchema) },
  { ...strict, $id: "ModelList" },
);

const Status = Type.Union([Type.Literal("ok"), Type.Literal("degraded"), Type.Literal("failed")]);

export const PartHealthSchema = Type.Object(
  {
    status: Status,
    message: Type.Optional(Type.String()),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { ...strict, $id: "PartHealth" },
);

export const StatusSchema = Type.Object({ request: RequestIdSchema, status: Status }, { ...strict, $id: "Status" });

export const HealthSchema = Type.Object(
  { request: RequestIdSchema, status: Status, parts: Type.Record(Type.String(), PartHealthSchema) },
  { ...strict, $id: "Health", description: "`status` is that of the worst part." },
);
