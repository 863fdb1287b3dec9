/** The schema of a face in an answer; mirrors `FaceJson` of the pipeline. */
import { Type } from "@sinclair/typebox";

const strict = { additionalProperties: false } as const;
const Unit = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });
const Point = Type.Tuple([Type.Number(), Type.Number()], { description: "x and y in pixels of the upright picture." });

/** Probabilities by label. */
const Probabilities = Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 }));

const Labelled = Type.Object({ label: Type.String(), probabilities: Probabilities }, strict);

const Eye = Type.Object(
  {
    state: Type.Union([Type.Literal("open"), Type.Literal("closed")]),
    closed_probability: Unit("As the model says."),
    aspect_ratio: Type.Number({ description: "Height of the lid opening over the eye's width." }),
  },
  strict,
);

export const LivenessSchema = Type.Object(
  {
    prediction: Type.Union([Type.Literal("live"), Type.Literal("spoof"), Type.Literal("unknown")]),
    probability: Unit("0.5 is the operating point of the calibration."),
    score: Type.Number({ description: "Logit of the probability, unbounded." }),
    calibration: Type.String({ description: "Such as REGULAR." }),
    raw: Unit("The model's own probability, before calibration."),
  },
  { ...strict, $id: "Liveness", description: "Whether the face is a live person." },
);

export const BoxSchema = Type.Object(
  { x: Type.Number(), y: Type.Number(), width: Type.Number(), height: Type.Number() },
  { ...strict, $id: "Box", description: "Pixels of the upright picture; may reach past its edges." },
);

export const FaceSchema = Type.Object(
  {
    box: BoxSchema,
    score: Unit("The detector's confidence."),
    landmarks: Type.Optional(
      Type.Object(
        {
          points: Type.Array(Point, { description: "68 points in iBUG order." }),
          five: Type.Array(Point, { description: "Left eye, right eye, nose tip, left and right mouth corner." }),
        },
        strict,
      ),
    ),
    frame: Type.Optional(BoxSchema),
    pose: Type.Optional(
      Type.Object(
        {
          yaw: Type.Number({ description: "Positive: turned towards the picture's left." }),
          pitch: Type.Number({ description: "Positive: looking up." }),
          roll: Type.Number({ description: "Positive: tilted clockwise." }),
        },
        { ...strict, description: "Degrees." },
      ),
    ),
    eyes: Type.Optional(
      Type.Object({ left: Eye, right: Eye }, { ...strict, description: "`left` is nearer the picture's left edge." }),
    ),
    quality: Type.Optional(
      Type.Object(
        {
          sharpness: Unit("1: sharp."),
          darkness: Unit("1: not too dark."),
          light: Unit("1: not too light."),
          saturation: Unit("1: good."),
          eye_distance: Type.Number({ minimum: 0, description: "Pixels between the eye centres." }),
          crop_room: Unit("Share of the widest crop that lies inside the picture."),
          overall: Unit("All measures in one."),
        },
        strict,
      ),
    ),
    liveness: Type.Optional(LivenessSchema),
    attributes: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.Object({ value: Type.Number() }, strict), Labelled])),
    ),
    emotion: Type.Optional(Labelled),
    descriptor: Type.Optional(
      Type.Object(
        {
          model: Type.String(),
          version: Type.String({ description: "Only descriptors of the same model and version can be compared." }),
          length: Type.Integer({ minimum: 1 }),
          data: Type.String({ description: "Little-endian 32-bit floats, base64." }),
        },
        strict,
      ),
    ),
    crops: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            content_type: Type.String(),
            width: Type.Integer({ minimum: 1 }),
            height: Type.Integer({ minimum: 1 }),
            box: BoxSchema,
            data: Type.String({ description: "The encoded picture, base64." }),
          },
          strict,
        ),
      ),
    ),
    rejected: Type.Optional(
      Type.Object(
        {
          stage: Type.String(),
          reason: Type.String({ description: "Stable name of the gate, such as eye_distance." }),
          message: Type.String(),
        },
        { ...strict, description: "Set by a gate; later stages passed the face by." },
      ),
    ),
    extra: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: "Parts of stages that are not built in." }),
    ),
  },
  { ...strict, $id: "Face", description: "One face. A part is there when a stage of the pipeline wrote it." },
);
