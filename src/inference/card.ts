/**
 * The model card: one YAML file in `models/` says where a network comes from, how its file is prepared, what crop it is
 * shown and how its outputs are read. Nothing in the code knows a model by name.
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { MODEL_TASKS } from "./model.ts";

const strict = { additionalProperties: false } as const;
const Text = (description: string) => Type.String({ minLength: 1, expects: "text", description });
const Name = Type.String({
  pattern: "^[a-z0-9][a-z0-9.-]*$",
  expects: "lower-case letters, digits, dots and dashes",
  description: "What pipelines and commands call the model.",
});
const Size = Type.Integer({ minimum: 1, maximum: 4096, description: "Pixels." });
const Literals = <T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      description === undefined ? {} : { description },
    ),
  );

/** Names of the preparation steps, in the order they run in. */
const PREPARE_STEPS = [
  "tfjs-to-onnx",
  "dynamic-batch",
  "ultraface-priors",
  "prelu-to-conv",
  "flush-denormals",
] as const;
export type PrepareStep = (typeof PREPARE_STEPS)[number];

/** How a crop is laid out around a subject. */
export const CropRule = Type.Union(
  [
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
          description:
            "A square of side `scale` x box height, centred on the box, moved down by `shift_y` x box height.",
        }),
        scale: Type.Number({ exclusiveMinimum: 0, maximum: 10, default: 1, description: "Side in box heights." }),
        shift_y: Type.Number({ minimum: -2, maximum: 2, default: 0, description: "In box heights; positive is down." }),
        border: Literals(["edge", "zero"] as const, "What lies outside the picture: its nearest pixel, or black."),
      },
      strict,
    ),
    Type.Object(
      {
        rule: Type.Literal("inner-square", {
          description:
            "A square of side `scale` x box height, centred on the box, shrunk to fit the picture, then shifted inside it.",
        }),
        scale: Type.Number({ exclusiveMinimum: 0, maximum: 10, description: "Wished side in box heights." }),
      },
      strict,
    ),
    Type.Object(
      {
        rule: Type.Literal("align", {
          description: "The least-squares similarity that maps the five points onto `template`, in input pixels.",
        }),
        template: Type.Array(Type.Tuple([Type.Number(), Type.Number()]), {
          minItems: 5,
          maxItems: 5,
          description: "x y of image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.",
        }),
        border: Literals(["edge", "zero"] as const, "What lies outside the picture: its nearest pixel, or black."),
      },
      strict,
    ),
  ],
  { description: "One of the rules below." },
);
export type CropRule = Static<typeof CropRule>;

const TensorName = Text("Name of the network's output tensor.");
const Labels = Type.Array(Type.String({ minLength: 1 }), {
  minItems: 2,
  maxItems: 1000,
  description: "Names of the classes, in the network's order.",
});
const Applied = Type.Boolean({ default: false, description: "Whether the network's output is a probability already." });
const Scale = Type.Number({ default: 1, description: "What the number is multiplied with." });
const Offset = Type.Number({ default: 0, description: "What is added then." });

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
      count: Type.Integer({ minimum: 1, maximum: 1000, description: "Number of points." }),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("embedding", { description: "A vector; `normalize: l2` divides it by its length." }),
      tensor: TensorName,
      length: Type.Integer({ minimum: 2, maximum: 8192, description: "Number of values." }),
      normalize: Literals(["l2", "none"] as const, "What is done to the vector."),
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("softmax", { description: "Class scores; softmax is applied unless `applied` is true." }),
      tensor: TensorName,
      labels: Labels,
      applied: Applied,
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("binary", {
        description: "One value: the probability of the second label; sigmoid is applied unless `applied` is true.",
      }),
      tensor: TensorName,
      labels: Type.Array(Type.String({ minLength: 1 }), {
        minItems: 2,
        maxItems: 2,
        description: "Names of both classes.",
      }),
      applied: Applied,
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("expectation", {
        description: "sum(p_i * i) * scale + offset; p is the softmax of the tensor unless `applied` is true.",
      }),
      tensor: TensorName,
      applied: Applied,
      scale: Scale,
      offset: Offset,
    },
    strict,
  ),
  Type.Object(
    {
      decode: Type.Literal("value", { description: "One value times `scale` plus `offset`." }),
      tensor: TensorName,
      scale: Scale,
      offset: Offset,
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
    live_label: Text("The label of output `live` that means a live person."),
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
  { ...strict, description: "For cards of task `liveness`, which must have it." },
);

const SimilarityCalibration = Type.Object(
  {
    metric: Literals(["cosine", "euclidean"] as const, "The value two descriptors are compared by."),
    slope: Type.Number({
      description:
        "Similarity 0..1 is c(value) / c(identical) of the curve c(x) = 1 / (1 + exp(-slope * (x - midpoint))); identical is 1 for a cosine, 0 for a distance. Negative for distances.",
    }),
    midpoint: Type.Number({ description: "The value at which the curve is one half." }),
  },
  { ...strict, description: "For cards of task `descriptor`: how two descriptors are compared." },
);

/** The schema of a card file. */
export const ModelCard = Type.Object(
  {
    name: Name,
    task: Literals(MODEL_TASKS, "What the model is for."),
    aliases: Type.Optional(Type.Array(Name, { description: "Other names, such as `liveness-default`; unique." })),
    version: Text("Changes when descriptors or scores are no longer comparable."),
    description: Text("What it does, in a sentence or two."),
    source: Type.String({
      pattern: "^(npm:|file:|https:)",
      expects: "npm:<package>@<exact version>/<path>, file:<path beside the card> or https://…",
      description: "Where the file comes from.",
    }),
    integrity: Type.Optional(
      Type.String({
        pattern: "^sha(256|384|512)-",
        expects: "a subresource integrity such as sha512-…",
        description: "Of what is downloaded: the npm tarball or the https file. Only file: may go without.",
      }),
    ),
    prepare: Type.Array(Literals(PREPARE_STEPS), {
      description: `Steps that make the file fit, any of ${PREPARE_STEPS.join(", ")}; run in this order.`,
    }),
    sha256: Type.String({
      pattern: "^[0-9a-f]{64}$",
      expects: "64 lower-case hexadecimal digits",
      description: "Of the prepared ONNX file. `facewire models pull` tells the right one when it is wrong.",
    }),
    input: Type.Object(
      {
        tensor: Text("Name of the network's input tensor."),
        width: Size,
        height: Size,
        color: Literals(["rgb", "bgr", "gray"] as const, "Channel order; planes follow each other (NCHW)."),
        mean: Type.Array(Type.Number(), { minItems: 1, maxItems: 3, description: "One number, or one a channel." }),
        std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), {
          minItems: 1,
          maxItems: 3,
          description: "One number, or one a channel.",
        }),
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
    sdk_version: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 4_294_967_295,
        description:
          "For cards of task `descriptor`: the number of this model and version in descriptor files (SDK, xpk, raw); unique. A new `version` needs a new one.",
      }),
    ),
    license: Text("As the package states it."),
    provenance: Text("Where the weights come from and what is known of it."),
    accuracy: Type.Array(Type.String({ minLength: 1 }), { description: "What was measured, on what." }),
  },
  strict,
);
export type ModelCard = Static<typeof ModelCard>;
