/** The schema of the answer to a run; mirrors `RunResult` of the pipeline. */
import { Type } from "@sinclair/typebox";
import { PICTURE_FORMATS } from "../../../media/picture.ts";
import { ErrorSchema, RequestIdSchema } from "./error.ts";
import { FaceSchema } from "./face.ts";

const strict = { additionalProperties: false } as const;
const Milliseconds = Type.Number({ minimum: 0 });
const Names = Type.Array(Type.String());

export const StageTraceSchema = Type.Object(
  {
    stage: Type.String({ description: "As written in the pipeline, with its position." }),
    kind: Type.String(),
    options: Type.Record(Type.String(), Type.Unknown()),
    reads: Names,
    writes: Names,
    faces_in: Type.Integer({ minimum: 0 }),
    faces_out: Type.Integer({ minimum: 0, description: "Faces that no gate has rejected by then." }),
    input: Type.Unknown({ description: "The parts it read, as they were." }),
    output: Type.Unknown({ description: "The parts it wrote." }),
    elapsed_ms: Milliseconds,
    waited_ms: Type.Number({ minimum: 0, description: "For slots of its pool; part of elapsed_ms." }),
    ran: Type.Boolean({ description: "False where `when` let no face through." }),
    reasons: Type.Array(Type.String(), { description: "Why it came out as it did." }),
  },
  { ...strict, $id: "StageTrace", description: "What one stage did; only with explain." },
);

export const ItemSchema = Type.Object(
  {
    index: Type.Integer({ minimum: 0 }),
    name: Type.String({ description: "The file's name, or `body`." }),
    frame: Type.Optional(
      Type.Object(
        {
          file: Type.Integer({ minimum: 0, description: "Position of the video among the request's files." }),
          number: Type.Integer({ minimum: 0, description: "Position of the frame among all decoded ones." }),
          time_s: Type.Number({ description: "Seconds from the start of the video, as its container states them." }),
        },
        { ...strict, description: "Only for frames of videos." },
      ),
    ),
    status: Type.Union(
      [Type.Literal("ok"), Type.Literal("no_face"), Type.Literal("rejected"), Type.Literal("failed")],
      {
        description:
          "ok: a face went through every gate. no_face: none was found. rejected: all were turned away. failed: see error.",
      },
    ),
    picture: Type.Optional(
      Type.Object(
        {
          width: Type.Integer({ minimum: 1 }),
          height: Type.Integer({ minimum: 1 }),
          format: Type.Union(PICTURE_FORMATS.map((format) => Type.Literal(format))),
          exif: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        },
        { ...strict, description: "Upright, EXIF orientation applied." },
      ),
    ),
    faces: Type.Array(FaceSchema),
    error: Type.Optional(ErrorSchema),
    timing: Type.Optional(
      Type.Object({ queue_ms: Milliseconds, decode_ms: Milliseconds, stages_ms: Milliseconds }, strict),
    ),
    explain: Type.Optional(Type.Array(StageTraceSchema)),
    drawn: Type.Optional(
      Type.Object(
        { content_type: Type.Literal("image/jpeg"), data: Type.String({ description: "base64" }) },
        { ...strict, description: "The drawn picture; only with draw." },
      ),
    ),
  },
  { ...strict, $id: "Item", description: "The answer for one picture or one analysed frame." },
);

export const VideoSchema = Type.Object(
  {
    file: Type.Integer({ minimum: 0, description: "Position among the request's files." }),
    name: Type.String(),
    container: Type.String(),
    codec: Type.String(),
    width: Type.Integer({ minimum: 1, description: "Of the upright frames as filmed." }),
    height: Type.Integer({ minimum: 1 }),
    rotation: Type.Number({ description: "Degrees clockwise that frames were turned to be upright." }),
    duration_s: Type.Union([Type.Number(), Type.Null()], { description: "As the file declares it." }),
    frame_rate: Type.Union([Type.Number(), Type.Null()], { description: "As the file declares it." }),
    frames_decoded: Type.Integer({ minimum: 0 }),
    frames_analysed: Type.Integer({ minimum: 0 }),
    ended: Type.Union([Type.Literal("complete"), Type.Literal("damaged"), Type.Literal("deadline")], {
      description:
        "damaged: frames behind the last decoded one could not be read. deadline: the time was up before the end.",
    }),
    best_frame: Type.Union(
      [
        Type.Object(
          {
            index: Type.Integer({ minimum: 0, description: "Among the items." }),
            number: Type.Integer({ minimum: 0 }),
            time_s: Type.Number(),
            content_type: Type.Literal("image/jpeg"),
            width: Type.Integer({ minimum: 1 }),
            height: Type.Integer({ minimum: 1 }),
            data: Type.String({ description: "base64" }),
          },
          strict,
        ),
        Type.Null(),
      ],
      { description: "The frame with the greatest overall quality (else detector's score) of an accepted face." },
    ),
  },
  { ...strict, $id: "Video", description: "What is known of a video that was run." },
);

export const RunResultSchema = Type.Object(
  {
    request: RequestIdSchema,
    error: Type.Optional(ErrorSchema),
    pipeline: Type.String(),
    version: Type.String({ description: "First 12 hex digits of the sha256 of the definition that ran." }),
    items: Type.Array(ItemSchema),
    videos: Type.Optional(Type.Array(VideoSchema, { description: "Only where videos were sent." })),
    aggregate: Type.Record(
      Type.String(),
      Type.Union([
        Type.Object(
          {
            method: Type.String(),
            pictures: Type.Integer({ minimum: 1, description: "Pictures whose primary face had the part." }),
            value: Type.Unknown({ description: "In the shape the part has on a face." }),
          },
          strict,
        ),
        Type.Null(),
      ]),
      { description: "Over the largest accepted face of each picture; null when no picture had the part." },
    ),
    elapsed_ms: Milliseconds,
  },
  { ...strict, $id: "RunResult", description: "One answer for all pictures and videos of a request." },
);
