/** Every type of event: what it says, the schema of its data, and an example. The reference pages come from here. */
import { type Static, type TObject, Type } from "@sinclair/typebox";
import { ERROR_CODES, type ErrorCode } from "../errors.ts";

const strict = { additionalProperties: false } as const;
const Count = (description: string) => Type.Integer({ minimum: 0, description });
const Unit = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });
const Name = Type.String({ description: "The picture's or video's name, as sent." });
const FaceNumber = Count("Position of the face on its item, from 0.");
const Score = Unit("The detector's confidence.");
const Elapsed = Type.Number({ minimum: 0, description: "Milliseconds from arrival to end." });

const Box = Type.Object(
  { x: Type.Number(), y: Type.Number(), width: Type.Number(), height: Type.Number() },
  { ...strict, description: "Pixels of the upright picture." },
);

const Failure = Type.Object(
  {
    code: Type.Unsafe<ErrorCode>(Type.String({ description: "Stable; see errors.md." })),
    message: Type.String({ description: "For people; may change." }),
    details: Type.Optional(Type.Unsafe<Readonly<Record<string, unknown>>>(Type.Record(Type.String(), Type.Unknown()))),
  },
  { ...strict, description: "What went wrong." },
);

const Items = Type.Object(
  {
    ok: Count("Items with a face that went through every gate."),
    no_face: Count("Items without a face."),
    rejected: Count("Items whose faces were all turned away."),
    failed: Count("Items that could not be worked on."),
  },
  { ...strict, description: "Pictures and analysed frames by status." },
);

const Aggregate = Type.Unsafe<Readonly<Record<string, unknown>>>(
  Type.Record(Type.String(), Type.Unknown(), {
    description: "As in the request's answer; of descriptors only model, version and length.",
  }),
);

/** What a type of event is. */
interface EventKind {
  /** One sentence: when it happens. */
  readonly description: string;
  readonly data: TObject;
  /** Data that fits the schema. */
  readonly example: object;
}

const FAILURE_EXAMPLE = { code: "picture_truncated", message: ERROR_CODES.picture_truncated.meaning };
const LIVENESS_EXAMPLE = { prediction: "live", probability: 0.981, score: 3.945, calibration: "REGULAR", raw: 0.957 };

/** All types of the server's own events by name; the word before the dot is the type's group. */
export const EVENT_TYPES = {
  "face.extracted": {
    description: "A face got a descriptor. The descriptor itself is in the answer to the request, never in an event.",
    data: Type.Object(
      {
        name: Name,
        face: FaceNumber,
        box: Box,
        score: Score,
        quality: Type.Optional(Unit("The face's quality, all measures in one.")),
        descriptor: Type.Object(
          {
            model: Type.String(),
            version: Type.String({ description: "Only descriptors of the same model and version can be compared." }),
            length: Type.Integer({ minimum: 1 }),
          },
          { ...strict, description: "What it was extracted with." },
        ),
      },
      strict,
    ),
    example: {
      name: "gate.jpg",
      face: 0,
      box: { x: 512.4, y: 160.2, width: 210.8, height: 268.1 },
      score: 0.998,
      quality: 0.84,
      descriptor: { model: "fr-feature", version: "1", length: 512 },
    },
  },
  "face.liveness": {
    description: "A face was judged live or not; the event's `verdict` is the prediction.",
    data: Type.Object(
      {
        name: Name,
        face: FaceNumber,
        box: Box,
        score: Score,
        probability: Unit("That it is a live person; 0.5 is the operating point of the calibration."),
        calibration: Type.String({ description: "Such as REGULAR." }),
        rejected: Type.Optional(Type.String({ description: "Reason of the gate that turned the face away." })),
      },
      strict,
    ),
    example: {
      name: "gate.jpg",
      face: 0,
      box: { x: 512.4, y: 160.2, width: 210.8, height: 268.1 },
      score: 0.998,
      probability: 0.981,
      calibration: "REGULAR",
    },
  },
  "item.completed": {
    description: "A picture or an analysed frame went through its pipeline.",
    data: Type.Object(
      {
        name: Name,
        status: Type.Union([Type.Literal("ok"), Type.Literal("no_face"), Type.Literal("rejected")]),
        faces: Count("Faces found on it."),
        rejected: Count("Those among them that gates turned away."),
      },
      strict,
    ),
    example: { name: "gate.jpg", status: "ok", faces: 2, rejected: 1 },
  },
  "item.failed": {
    description: "A picture or a frame could not be worked on.",
    data: Type.Object({ name: Name, error: Failure }, strict),
    example: { name: "gate.jpg", error: FAILURE_EXAMPLE },
  },
  "request.completed": {
    description:
      "A request was answered; comes after the events of its items. `verdict` is that of its aggregated liveness.",
    data: Type.Object(
      {
        version: Type.String({ description: "Of the pipeline's definition that ran." }),
        items: Items,
        aggregate: Aggregate,
        elapsed_ms: Elapsed,
      },
      strict,
    ),
    example: {
      version: "5b1f0c9a72de",
      items: { ok: 1, no_face: 0, rejected: 0, failed: 0 },
      aggregate: { liveness: { method: "mean", pictures: 1, value: LIVENESS_EXAMPLE } },
      elapsed_ms: 22.1,
    },
  },
  "request.failed": {
    description: "A request that had been taken ended without an answer. Those refused at the door make no event.",
    data: Type.Object({ error: Failure }, strict),
    example: { error: { code: "deadline_exceeded", message: ERROR_CODES.deadline_exceeded.meaning } },
  },
  "job.created": {
    description: "A job was accepted with its files.",
    data: Type.Object({ files: Count("Pictures and videos in it.") }, strict),
    example: { files: 12 },
  },
  "job.started": {
    description: "A process began to work on a job, or went on with one that another had begun.",
    data: Type.Object({ resumed: Type.Boolean({ description: "Whether results were there already." }) }, strict),
    example: { resumed: false },
  },
  "job.progress": {
    description: "A job got on; at most once a second for each job.",
    data: Type.Object(
      {
        items_done: Count("Pictures and frames with a result."),
        items_total: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
          description: "Of how many, as far as that is known.",
        }),
        rate_per_s: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description: "Items a second lately." }),
        seconds_left: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description: "At this rate." }),
      },
      strict,
    ),
    example: { items_done: 120, items_total: 300, rate_per_s: 42.5, seconds_left: 4.2 },
  },
  "job.completed": {
    description: "A job is done; comes after the events of its items.",
    data: Type.Object({ items: Items, elapsed_ms: Elapsed }, strict),
    example: { items: { ok: 290, no_face: 8, rejected: 1, failed: 1 }, elapsed_ms: 7125 },
  },
  "job.failed": {
    description: "A job ended before its work was done.",
    data: Type.Object({ error: Failure }, strict),
    example: { error: { code: "video_damaged", message: ERROR_CODES.video_damaged.meaning } },
  },
  "job.cancelled": {
    description: "A job was cancelled by its owner.",
    data: Type.Object({}, strict),
    example: {},
  },
  "pipeline.changed": {
    description: "A pipeline's file was changed and taken up, or, with an error, not taken up.",
    data: Type.Object(
      { version: Type.String({ description: "Of the definition that was read." }), error: Type.Optional(Failure) },
      strict,
    ),
    example: { version: "c0ffee123456" },
  },
  "dead_letter.created": {
    description: "Work was given up and kept as a dead letter.",
    data: Type.Object(
      {
        dead_letter: Type.String({ description: "Its id." }),
        address: Type.String({ description: "Stage or part that gave up." }),
        kind: Type.String({ description: "Of work." }),
        error: Failure,
        attempts: Count("Tries before it was given up."),
      },
      strict,
    ),
    example: {
      dead_letter: "01JD8Q4M7V3N5X2B6K9R0T1W8Z",
      address: "stage/3-liveness",
      kind: "item",
      error: { code: "stage_failed", message: ERROR_CODES.stage_failed.meaning },
      attempts: 3,
    },
  },
} as const satisfies Record<string, EventKind>;

const Id = Type.String({ description: "A UUID." });
const AccountFact = Type.Object(
  {
    event_type: Type.Union([Type.Literal("match"), Type.Literal("extract")]),
    source: Type.Union(
      ["descriptors", "search", "identify", "match", "verify"].map((source) => Type.Literal(source)),
      { description: "The request that did it." },
    ),
    timestamp: Type.Number({ description: "When it was done, in seconds of Unix time." }),
    authorization: Type.Union(
      [Type.Literal("basic"), Type.Object({ token_id: Id, token_data: Type.String() }, strict)],
      { description: "How the request proved whose it was." },
    ),
    template: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>(
        Type.Record(Type.String(), Type.Unknown(), { description: "What was looked for." }),
      ),
    ),
    candidate: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>(
        Type.Record(Type.String(), Type.Unknown(), { description: "What it was compared with." }),
      ),
    ),
    result: Type.Unsafe<Readonly<Record<string, unknown>>>(
      Type.Record(Type.String(), Type.Unknown(), { description: "The body of the answer." }),
    ),
  },
  strict,
);

const ACCOUNT_EXAMPLE = { timestamp: 1_772_357_400.25, authorization: "basic" };
const DESCRIPTOR_EXAMPLE = "5d1f2c8e-0b7a-4c39-9e64-2f8a1b3c4d5e";

/**
 * Types of events that belong to an account. Subscriptions of the native API and its pages never show them; the dialect
 * whose requests they tell of hands them to the account's own subscribers, data first and alone.
 */
export const ACCOUNT_EVENT_TYPES = {
  "luna.extract": {
    description: "A request of the LUNA API stored descriptors of faces on a picture.",
    data: AccountFact,
    example: {
      event_type: "extract",
      source: "descriptors",
      ...ACCOUNT_EXAMPLE,
      result: { faces: [{ id: DESCRIPTOR_EXAMPLE, score: 0.97 }] },
    },
  },
  "luna.match": {
    description: "A request of the LUNA API compared faces.",
    data: AccountFact,
    example: {
      event_type: "match",
      source: "match",
      ...ACCOUNT_EXAMPLE,
      template: { descriptor_id: DESCRIPTOR_EXAMPLE },
      candidate: { list_id: "0c6b8f7a-9d2e-4e51-8a43-7b1c2d3e4f5a", list_data: "staff", list_type: 0 },
      result: { candidates: [{ id: DESCRIPTOR_EXAMPLE, similarity: 1 }] },
    },
  },
} as const satisfies Record<string, EventKind>;

/** The name of a type of event of accounts. */
export type AccountEventType = keyof typeof ACCOUNT_EVENT_TYPES;
/** The data of an event of an account. */
export type AccountEventData = Static<typeof AccountFact>;

/** All of them, in the order of the reference. */
export const ACCOUNT_EVENT_TYPE_NAMES = Object.keys(ACCOUNT_EVENT_TYPES) as readonly AccountEventType[];

/** The name of a type of event. */
export type EventType = keyof typeof EVENT_TYPES;
/** The data of a type of event. */
export type EventData<T extends EventType> = Static<(typeof EVENT_TYPES)[T]["data"]>;

/** All types of the server's own events, in the order of the reference. */
export const EVENT_TYPE_NAMES = Object.keys(EVENT_TYPES) as readonly EventType[];

/** What a face, or the faces of a request together, were judged to be. */
export const VERDICTS = ["live", "spoof", "unknown"] as const;
/** One of {@link VERDICTS}. */
export type Verdict = (typeof VERDICTS)[number];
