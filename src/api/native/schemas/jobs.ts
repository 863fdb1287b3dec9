/** The schemas of jobs; mirror `JobJson` and `JobDetailJson`. */
import { Type } from "@sinclair/typebox";
import { JOB_STATES } from "../../../store/job-record.ts";
import { ErrorSchema, RequestIdSchema } from "./error.ts";
import { ItemSchema, RunResultSchema, VideoSchema } from "./run.ts";

const strict = { additionalProperties: false } as const;
const Count = (description: string) => Type.Integer({ minimum: 0, description });
const Time = (description: string) => Type.String({ format: "date-time", description });
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });

const State = Type.Union(
  JOB_STATES.map((state) => Type.Literal(state)),
  { description: "`waiting`: nobody works on it now. `completed`, `failed` and `cancelled` are its end." },
);

export const JobProgressSchema = Type.Object(
  {
    done: Count("Pictures and analysed frames with a result."),
    total: orNull(
      Type.Integer({ minimum: 0 }),
      "Of how many. Of videos an estimate until the job is done; null while nothing is known.",
    ),
    ok: Count("Among those that are done: a face went through every gate."),
    no_face: Count("No face was found."),
    rejected: Count("All faces were turned away."),
    failed: Count("It could not be worked on."),
    rate: orNull(Type.Number({ minimum: 0 }), "Results a second: lately while it runs, on average once it has ended."),
    time_left_s: orNull(Type.Number({ minimum: 0 }), "Seconds until it is done, at this rate."),
  },
  { ...strict, $id: "JobProgress" },
);

const job = {
  id: Type.String({ description: "Larger ids are of newer jobs." }),
  state: State,
  pipeline: Type.String(),
  versions: Type.Array(Type.String(), {
    description: "Versions of the pipeline that worked on it: several when its file was changed meanwhile.",
  }),
  options: Type.Object(
    {
      every: Type.Optional(Type.Integer({ minimum: 1 })),
      rate: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
      parameters: Type.Optional(Type.Record(Type.String(), Type.Union([Type.Boolean(), Type.Number(), Type.String()]))),
      explain: Type.Optional(Type.Boolean()),
      exif: Type.Optional(Type.Boolean()),
    },
    { ...strict, description: "What was asked for." },
  ),
  files: Count("Pictures and videos in it."),
  bytes: Count("Of all files together."),
  progress: JobProgressSchema,
  waiting_for: Type.Optional(
    Type.Object(
      { ...ErrorSchema.properties, since: Time("Since when.") },
      { ...strict, description: "Why it does not get on now; it goes on by itself when that has passed." },
    ),
  ),
  error: Type.Optional(ErrorSchema),
  created_at: Time("When it was accepted."),
  started_at: orNull(Type.String({ format: "date-time" }), "When work on it first began."),
  ended_at: orNull(Type.String({ format: "date-time" }), "When it ended."),
  active_ms: Type.Number({ minimum: 0, description: "Time that was worked on it." }),
};

export const JobSchema = Type.Object(job, { ...strict, $id: "Job", description: "A job in a list." });

export const JobAnswerSchema = Type.Object(
  { request: RequestIdSchema, ...job },
  { ...strict, $id: "JobAnswer", description: "A job that was handed in or cancelled." },
);

export const JobDetailSchema = Type.Object(
  {
    request: RequestIdSchema,
    ...job,
    aggregate: Type.Optional(RunResultSchema.properties.aggregate),
    videos: Type.Optional(Type.Array(VideoSchema, { description: "The videos that are done, the first 100 of them." })),
    videos_left_out: Type.Optional(Count("How many more are done.")),
  },
  { ...strict, $id: "JobDetail", description: "A job; with its aggregate once it is completed." },
);

export const JobPageSchema = Type.Object(
  {
    request: RequestIdSchema,
    jobs: Type.Array(JobSchema),
    next: Type.Optional(Type.String({ description: "`before` of the next page; absent on the last." })),
  },
  { ...strict, $id: "JobPage" },
);

export const JobResultsSchema = Type.Object(
  {
    request: RequestIdSchema,
    id: Type.String({ description: "Of the job." }),
    state: State,
    items: Type.Array(ItemSchema, { description: "In the order of `index`, without gaps." }),
    next: Type.Optional(
      Type.Integer({ minimum: -1, description: "`after` of the next page; absent when nothing more will come." }),
    ),
  },
  { ...strict, $id: "JobResults" },
);
