/**
 * The model card: one YAML file in `models/` says where a network comes from, how its file is prepared, what crop it is
 * shown and how its outputs are read. Nothing in the code knows a model by name.
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { MODEL_TASKS } from "./model.ts";

const strict = { additionalProperties: false } as const;
const Name = Type.String({
  pattern: "^[a-z0-9][a-z0-9.-]*$",
  description: "Lower-case letters, digits, dots, dashes.",
});
const Size = Type.Integer({ minimum: 1, maximum: 4096 });
const Literals = <T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      description === undefined ? {} : { description },
    ),
  );

/** Names of the preparation steps, in the order they run in. */
export const PREPARE_STEPS = ["tfjs-to-onnx", "dynamic-batch", "ultraface-priors", "flush-denormals"] as const;
export type PrepareStep = (typeof PREPARE_STEPS)[number];

/** How a crop is laid out around a subject. */
export const CropRule = Type.Union([
  Type.Object(
    {
      rule: Type.Literal("letterbox", {
        description: "The whole picture, scaled to fit with its aspect kept, at the top left; the rest is `pad`.",
      }),
      pad: Type.Number({ minimum: 0, maximum: 255, default: 127, description: "Grey value of the rest." }),
    },
    strict,
  ),
  Type.Object(
    {
      rule: Type.Literal("square", {
        description: "A square of side `scale` x box height, centred on the box, moved down by `shift_y` x box height.",
      }),
      scale: Type.Number({ exclusiveMinimum: 0, maximum: 10, default: 1 }),
      shift_y: Type.Number({ minimum: -2, maximum: 2, default: 0 }),
      border: Literals(["edge", "zero"] as const, "What lies outside the picture."),
    },
    strict,
  ),
  Type.Object(
    {
      rule: Type.Literal("inner-square", {
        description:
          "A square of side `scale` x box height, centred on the box, shrunk to fit the picture, then shifted inside it.",
      }),
      scale: Type.Number({ exclusiveMinimum: 0, maximum: 10 }),
    },
    strict,
  ),
  Type.Object(
    {
      rule: Type.Literal("align", {
        description: "The least-squares similarity that maps the five points onto `template`, in input pixels.",
      }),
      template: Type.Array(Type.Tuple([Type.Number(), Type.Number()]), { minItems: 5, maxItems: 5 }),
      border: Literals(["edge", "zero"] as const, "What lies outside the picture."),
    },
    strict,
  ),
]);
export type CropRule = Static<typeof CropRule>;

const TensorName = Type.String({ minLength: 1, description: "Name of the network's output tensor." });
const Labels = Type.Array(Type.String({ minLength: 1 }), { minItems: 2, maxItems: 1000 });

/** How one output is read. */
export const OutputRule = Type.Union([
  Type.Object(
    {
      decode: Type.Literal("ultraface", {
        description:
          "Detections: `scores` [n, priors, 2] (index 1 = face, softmax applied) and `boxes` [n, priors, 4] as x0 y0 x1 y1 in 0..1 of the input.",
      }),
      scores: TensorName,
      boxes: TensorName,
      threshold: Type.Number({ minimum: 0, maximum: 1, description: "Least score that is kept by default." }),
      nms_iou: Type.Number({ minimum: 0, maximum: 1, description: "Overlap (IoU) above which the weaker box goes." }),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("points", { description: "x y pairs in 0..1 of the crop." }),
      tensor: TensorName,
      count: Type.Integer({ minimum: 1, maximum: 1000 }),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("embedding", { description: "A vector; `normalize: l2` divides it by its length." }),
      tensor: TensorName,
      length: Type.Integer({ minimum: 2, maximum: 8192 }),
      normalize: Literals(["l2", "none"] as const),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("softmax", { description: "Class scores; softmax is applied unless `applied` is true." }),
      tensor: TensorName,
      labels: Labels,
      applied: Type.Boolean({ default: false }),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("binary", {
        description: "One value: the probability of the second label; sigmoid is applied unless `applied` is true.",
      }),
      tensor: TensorName,
      labels: Type.Array(Type.String({ minLength: 1 }), { minItems: 2, maxItems: 2 }),
      applied: Type.Boolean({ default: false }),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("expectation", {
        description: "sum(p_i * i) * scale + offset; p is the softmax of the tensor unless `applied` is true.",
      }),
      tensor: TensorName,
      applied: Type.Boolean({ default: false }),
      scale: Type.Number({ default: 1 }),
      offset: Type.Number({ default: 0 }),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("value", { description: "One value times `scale` plus `offset`." }),
      tensor: TensorName,
      scale: Type.Number({ default: 1 }),
      offset: Type.Number({ default: 0 }),
    },
    strict,
  ),
]);
export type OutputRule = Static<typeof OutputRule>;

/** Names of the liveness calibrations, from the most forgiving to the strictest. */
export const CALIBRATIONS = ["SOFT", "REGULAR", "HARD"] as const;
export type CalibrationName = (typeof CALIBRATIONS)[number];

const RawProbability = Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 });
const LivenessCalibration = Type.Object(
  {
    live_label: Type.String({ description: "The label of output `live` that means a live person." }),
    thresholds: Type.Object(
      { SOFT: RawProbability, REGULAR: RawProbability, HARD: RawProbability } satisfies Record<
        CalibrationName,
        TSchema
      >,
      { ...strict, description: "Raw probability at which a face is called live, per calibration." },
    ),
    min_crop_room: Type.Number({
      minimum: 0,
      maximum: 1,
      description: "Share of the crop's wished side that must be there; below it the prediction is `unknown`.",
    }),
  },
  strict,
);

const SimilarityCalibration = Type.Object(
  {
    metric: Literals(["cosine", "euclidean"] as const),
    slope: Type.Number({ description: "Similarity 0..1 is 1 / (1 + exp(-slope * (value - midpoint)))." }),
    midpoint: Type.Number(),
  },
  strict,
);

/** The schema of a card file. */
export const ModelCard = Type.Object(
  {
    name: Name,
    task: Literals(MODEL_TASKS, "What the model is for."),
    aliases: Type.Optional(Type.Array(Name, { description: "Other names, such as `liveness-default`; unique." })),
    version: Type.String({ minLength: 1, description: "Changes when descriptors or scores are no longer comparable." }),
    description: Type.String({ minLength: 1 }),
    source: Type.String({
      pattern: "^(npm:|file:|https:)",
      description: "`npm:<package>@<version>/<path>`, `file:<path beside the card>` or `https://…`.",
    }),
    integrity: Type.Optional(
      Type.String({
        pattern: "^sha(256|384|512)-",
        description: "Subresource integrity of what is downloaded (the npm tarball, or the https file).",
      }),
    ),
    prepare: Type.Array(Literals(PREPARE_STEPS), { description: "Steps that make the file fit; may be empty." }),
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$", description: "Of the prepared ONNX file." }),
    input: Type.Object(
      {
        tensor: Type.String({ minLength: 1 }),
        width: Size,
        height: Size,
        color: Literals(["rgb", "bgr", "gray"] as const, "Channel order; planes follow each other (NCHW)."),
        mean: Type.Array(Type.Number(), { minItems: 1, maxItems: 3, description: "One number, or one a channel." }),
        std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 1, maxItems: 3 }),
      },
      { ...strict, description: "Float tensor [n, channels, height, width] of (value 0..255 - mean) / std." },
    ),
    crop: CropRule,
    outputs: Type.Record(Type.String({ pattern: "^[a-z][a-z0-9_]*$" }), OutputRule, {
      description: "Decoded outputs by name. Each task needs certain names; attributes are free.",
    }),
    batch: Type.Integer({ minimum: 1, maximum: 64, default: 1, description: "Most crops in one call of the network." }),
    liveness: Type.Optional(LivenessCalibration),
    similarity: Type.Optional(SimilarityCalibration),
    license: Type.String({ minLength: 1, description: "As the package states it." }),
    provenance: Type.String({ minLength: 1, description: "Where the weights come from and what is known of it." }),
    accuracy: Type.Array(Type.String({ minLength: 1 }), { description: "What was measured, on what." }),
  },
  strict,
);
export type ModelCard = Static<typeof ModelCard>;
