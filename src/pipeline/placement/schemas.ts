/** The forms of what processes send each other about items; whatever arrives is checked against them. */
import { Kind, type Static, type TSchema, Type, TypeRegistry } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { FacewireError } from "../../errors.ts";
import { PICTURE_FORMATS } from "../../media/picture.ts";
import type { Face as FoundFace } from "../../stages/item.ts";
import { ParameterDeclaration } from "../parameters.ts";
import type { Plan } from "../plan.ts";
import type { ItemOutcome } from "../protocol.ts";

const DOUBLE = "FacewireDouble";
TypeRegistry.Set(DOUBLE, (_schema, value) => typeof value === "number");

/** Any number: stages may write NaN and infinities. */
const Double = Type.Unsafe<number>({ [Kind]: DOUBLE });
/** A name or an id. */
export const Word = Type.String({ minLength: 1, maxLength: 1024 });
const Words = Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 1024 });
const Bytes = Type.Uint8Array();
/** Longest side of a frame in pixels; longer ones do not fit any message. */
const MAX_SIDE = 65_535;
/** Plain data as `toWire` writes it; bounded by the size and depth of a message. */
const Data = Type.Unknown();

const Point = Type.Tuple([Double, Double]);
const Attribute = Type.Union([
  Type.Object({ value: Double }),
  Type.Object({ label: Type.String(), probabilities: Type.Record(Type.String(), Double) }),
]);
const Eye = Type.Object({
  closedProbability: Double,
  aspectRatio: Double,
  state: Type.Union([Type.Literal("open"), Type.Literal("closed")]),
});

const Box = Type.Object({ x: Double, y: Double, width: Double, height: Double });
const Face = Type.Object({
  box: Box,
  score: Double,
  landmarks: Type.Optional(
    Type.Object({ points: Type.Array(Point), five: Type.Tuple([Point, Point, Point, Point, Point]) }),
  ),
  frame: Type.Optional(Box),
  pose: Type.Optional(Type.Object({ yaw: Double, pitch: Double, roll: Double })),
  eyes: Type.Optional(Type.Object({ left: Eye, right: Eye })),
  quality: Type.Optional(
    Type.Object({
      sharpness: Double,
      darkness: Double,
      light: Double,
      saturation: Double,
      eyeDistance: Double,
      cropRoom: Double,
      overall: Double,
    }),
  ),
  liveness: Type.Optional(
    Type.Object({
      probability: Double,
      score: Double,
      prediction: Type.Union([Type.Literal("live"), Type.Literal("spoof"), Type.Literal("unknown")]),
      calibration: Type.String(),
      raw: Double,
    }),
  ),
  attributes: Type.Optional(Type.Record(Type.String(), Attribute)),
  emotion: Type.Optional(Type.Object({ label: Type.String(), probabilities: Type.Record(Type.String(), Double) })),
  descriptor: Type.Optional(Type.Object({ model: Type.String(), version: Type.String(), values: Bytes })),
  crops: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Object({ box: Box, contentType: Type.Literal("image/jpeg"), width: Double, height: Double, bytes: Bytes }),
    ),
  ),
  rejected: Type.Optional(Type.Object({ stage: Type.String(), reason: Type.String(), message: Type.String() })),
  extra: Type.Optional(Data),
} satisfies Record<keyof FoundFace, TSchema>);

const ErrorText = Type.Object({ code: Word, message: Type.String(), details: Type.Optional(Data) });

export const TaskSchema = Type.Object({
  index: Type.Integer({ minimum: 0 }),
  name: Type.String(),
  input: Type.Union([
    Type.Object({ type: Type.Literal("file"), bytes: Bytes, fromFrame: Type.Optional(Type.Boolean()) }),
    Type.Object({
      type: Type.Literal("frame"),
      /** As in `FramePixels`, from the luma plane on. */
      bytes: Bytes,
      width: Type.Integer({ minimum: 1, maximum: MAX_SIDE }),
      height: Type.Integer({ minimum: 1, maximum: MAX_SIDE }),
      matrix: Type.Union([Type.Literal("bt601"), Type.Literal("bt709")]),
      range: Type.Union([Type.Literal("limited"), Type.Literal("full")]),
    }),
  ]),
  faces: Type.Array(Face),
  carry: Type.Boolean(),
  parameters: Type.Record(Type.String(), Type.Union([Type.Boolean(), Double, Type.String()])),
  snapshotAbove: Type.Optional(Double),
  explain: Type.Boolean(),
  draw: Type.Boolean(),
  exif: Type.Boolean(),
});

export const OutcomeSchema = Type.Object({
  picture: Type.Optional(
    Type.Object({
      width: Double,
      height: Double,
      format: Type.Union(PICTURE_FORMATS.map((format) => Type.Literal(format))),
      exif: Type.Optional(Data),
    }),
  ),
  faces: Type.Array(Face),
  error: Type.Optional(ErrorText),
  internal: Type.Optional(Type.String()),
  decodeMs: Double,
  times: Type.Array(
    Type.Object({ id: Type.String(), kind: Type.String(), elapsedMs: Double, waitedMs: Double, startedAt: Double }),
  ),
  traces: Type.Array(
    Type.Object({
      stage: Type.String(),
      kind: Type.String(),
      options: Data,
      reads: Words,
      writes: Words,
      faces_in: Double,
      faces_out: Double,
      input: Type.Optional(Data),
      output: Type.Optional(Data),
      elapsed_ms: Double,
      waited_ms: Double,
      ran: Type.Boolean(),
      reasons: Type.Array(Type.String()),
    }),
  ),
  drawn: Type.Optional(Bytes),
  carried: Type.Optional(Bytes),
  snapshot: Type.Optional(Type.Object({ rank: Double, width: Double, height: Double, jpeg: Bytes })),
} satisfies Record<keyof ItemOutcome, TSchema>);

const Step = Type.Recursive((This) =>
  Type.Union([
    Type.Object({
      type: Type.Literal("stage"),
      id: Word,
      kind: Word,
      options: Type.Record(Type.String(), Data),
      reads: Words,
      writes: Words,
      models: Words,
      modelMissing: Type.Optional(Type.Literal("fail")),
      missingModels: Type.Optional(Words),
      when: Type.Optional(Type.String()),
      pool: Type.Optional(Type.Object({ name: Word, slots: Type.Integer({ minimum: 1 }) })),
      place: Type.Optional(Word),
    }),
    Type.Object({ type: Type.Literal("parallel"), branches: Type.Array(Type.Array(This)) }),
  ]),
);

export const PlanSchema = Type.Object({
  name: Word,
  version: Word,
  steps: Type.Array(Step, { maxItems: 1024 }),
  leg: Type.Optional(Type.Integer({ minimum: 0 })),
  accepts: Type.Array(Type.Union([Type.Literal("image"), Type.Literal("video")])),
  parameters: Type.Record(Type.String(), ParameterDeclaration),
  sampling: Data,
  deadlineMs: Double,
  videoDeadlineMs: Double,
  maxFiles: Double,
  maxFrames: Double,
  maxFaces: Double,
  priority: Type.Integer({ minimum: 0, maximum: 9 }),
  aggregate: Type.Record(Type.String(), Data),
} satisfies Record<keyof Plan, TSchema>);

/** Throws `message_invalid`, naming what is wrong by its place, unless a value has the form. */
export type Checker<T> = (value: unknown) => T;

/** Makes a check of a schema. */
export function checkerOf<S extends TSchema>(schema: S): Checker<Static<S>> {
  const compiled = TypeCompiler.Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return value;
    const first = compiled.Errors(value).First();
    throw new FacewireError("message_invalid", "A message between processes does not have the form it should.", {
      details: { at: first?.path || "/", problem: first?.message ?? "is of another form" },
    });
  };
}
