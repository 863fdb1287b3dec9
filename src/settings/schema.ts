/** Every setting there is. The settings file, its reference page, the types and the checks all come from here. */
import { type StaticDecode, type StaticEncode, Type } from "@sinclair/typebox";
import {
  addressRange,
  duration,
  listenAddress,
  optionalListenAddress,
  path,
  paths,
  pixels,
  section,
  size,
} from "./fields.ts";
import { GallerySettings } from "./gallery.ts";
import { LunaSettings } from "./luna.ts";

const Pool = Type.Object(
  {
    slots: Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1, maximum: 10_000 })], {
      default: "auto",
      description: "How much of it runs at once. `auto`: as many as there are inference workers.",
    }),
    queue: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 64,
      description: "Most waiters; one more is refused at once with pool_full.",
    }),
  },
  { additionalProperties: false },
);

/** Names of groups of inference processes, as `place:` in pipelines uses them. */
export const GROUP_NAME = "^[a-z0-9]+(-[a-z0-9]+)*$";

export const SettingsSchema = section("Facewire's settings.", {
  roles: Type.Array(Type.Union([Type.Literal("api"), Type.Literal("inference")]), {
    minItems: 1,
    uniqueItems: true,
    default: ["api", "inference"],
    description:
      "What this process does. `api`: answers HTTP and WebSocket. `inference`: runs stages, its own requests' and, over NATS, those that `place:` sends to its groups.",
  }),
  groups: Type.Array(Type.String({ pattern: GROUP_NAME, maxLength: 64, expects: "a name such as faces" }), {
    uniqueItems: true,
    default: [],
    description:
      "Groups whose stages (`place: <group>`) this process runs for all processes on the same NATS. Without NATS every stage runs in this process.",
  }),
  bus: Type.Union([Type.Literal("memory"), Type.Literal("nats")], {
    default: "memory",
    description: "What carries messages. `memory`: within this process. `nats`: between processes, over `nats.url`.",
  }),
  nats: section("The NATS server; only used with `bus: nats`.", {
    url: Type.String({
      pattern: "^(nats|tls)://\\S+(,(nats|tls)://\\S+)*$",
      expects: "nats://host:4222, several separated by commas",
      default: "nats://127.0.0.1:4222",
      description: "Addresses of the server or cluster; user and password may be in them.",
    }),
    token: Type.String({
      secret: true,
      expects: "text",
      default: "",
      description: "Token for servers that ask for one.",
    }),
    prefix: Type.String({
      pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
      maxLength: 40,
      expects: "a name such as facewire",
      default: "facewire",
      description:
        "First word of all subjects, streams and consumers; installations on one server need different ones.",
    }),
    replicas: Type.Integer({
      minimum: 1,
      maximum: 5,
      default: 1,
      description: "Servers of a cluster that keep a copy of queued work.",
    }),
    start_timeout: duration({
      default: "10s",
      least: "100ms",
      most: "10m",
      description: "How long a starting process waits for the server before it gives up with bus_unavailable.",
    }),
  }),
  listen: section("Where the server listens.", {
    native: listenAddress({
      default: "127.0.0.1:8000",
      description:
        "Address of the native API and the web page. Beyond loopback the server only starts with tokens (facewire tokens create) or with access.open. Port 0 lets the system choose.",
    }),
    luna: optionalListenAddress({
      default: "127.0.0.1:5140",
      description:
        "Address of the LUNA Backport 3 API, in processes with the role api; `off` leaves it out. Its callers prove themselves with accounts of their own, on loopback too.",
    }),
  }),
  database: section("The database.", {
    url: Type.String({
      secret: true,
      pattern: "^(postgres(ql)?://\\S+)?$",
      expects: "postgresql://user:password@host:5432/name, or nothing",
      default: "",
      description: "A PostgreSQL database, for API processes on several machines. Empty: SQLite in `data_dir`.",
    }),
    pool: Type.Integer({
      minimum: 1,
      maximum: 500,
      default: 10,
      description: "Most connections of a process to PostgreSQL.",
    }),
    connect_timeout: duration({
      default: "2s",
      least: "100ms",
      most: "1m",
      description: "How long a connection to PostgreSQL may take; then store_unavailable.",
    }),
    statement_timeout: duration({
      default: "30s",
      least: "100ms",
      most: "1h",
      description: "How long PostgreSQL may work on a statement; then store_unavailable.",
    }),
  }),
  data_dir: path({ default: ".facewire", description: "Folder of the database and of all that the server writes." }),
  models_cache: path({
    default: ".facewire/models",
    description: "Folder of downloaded and prepared model files; may be shared by several installations.",
  }),
  pipelines_dir: path({ default: "pipelines", description: "Folder of the pipeline files." }),
  models_dir: path({ default: "models", description: "Folder of the model cards." }),
  gallery: GallerySettings,
  luna: LunaSettings,
  http: section("HTTP requests.", {
    proxies: Type.Array(addressRange(), {
      default: [],
      description:
        "Addresses of your reverse proxies, such as 10.0.0.5/32: their word on who sent a request (X-Forwarded-For) is believed, in logs and where wrong logins are counted by address.",
    }),
    max_body: size({
      default: "64MiB",
      least: "1KiB",
      most: "4GiB",
      description: "Largest request body; more is refused with request_too_large.",
    }),
    max_files: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 100,
      description: "Most pictures in one request; more are refused with request_too_many_files.",
    }),
    body_timeout: duration({
      default: "30s",
      least: "100ms",
      most: "1h",
      description: "Within this time a request's body must have arrived; else request_too_slow.",
    }),
  }),
  pictures: section("Limits of single pictures.", {
    max_bytes: size({
      default: "20MiB",
      least: "1KiB",
      most: "1GiB",
      description: "Largest picture file; more is refused with picture_too_large.",
    }),
    max_pixels: pixels({
      default: "50MP",
      least: "0.01MP",
      most: "1000MP",
      description: "Largest area, width times height, refused before decoding with picture_too_many_pixels.",
    }),
    min_side: Type.Integer({
      minimum: 1,
      maximum: 1024,
      default: 16,
      description: "Least width and height in pixels; smaller pictures are refused with picture_too_small.",
    }),
    decode_timeout: duration({
      default: "5s",
      least: "100ms",
      most: "10m",
      description: "Longest time for decoding one picture; then picture_too_slow.",
    }),
    truncated: Type.Union([Type.Literal("refuse"), Type.Literal("decode")], {
      default: "refuse",
      description:
        "Pictures whose data ends early, and JPEGs broken in the middle. `refuse`: picture_truncated, picture_damaged. `decode`: as far as it goes, the rest is grey.",
    }),
  }),
  video: section("Videos, decoded by the system's ffmpeg.", {
    ffmpeg: Type.String({
      minLength: 1,
      expects: "a command or a path",
      default: "ffmpeg",
      description: "The ffmpeg command; ffprobe is taken from beside it.",
    }),
    max_bytes: size({
      default: "64MiB",
      least: "1KiB",
      most: "4GiB",
      description: "Largest video in a request; more is refused with video_too_large. Longer ones are work for jobs.",
    }),
    max_run_duration: duration({
      default: "60s",
      least: "1s",
      most: "10m",
      description: "Longest video in a request; more is refused with video_too_long.",
    }),
    max_duration: duration({
      default: "6h",
      least: "1s",
      most: "7d",
      description: "Longest video in a job or on the command line; what it declares and what it decodes to both count.",
    }),
    max_pixels: pixels({
      default: "9MP",
      least: "0.01MP",
      most: "100MP",
      description: "Largest frame as the video declares it; more is refused with video_too_many_pixels.",
    }),
    max_side: Type.Integer({
      minimum: 64,
      maximum: 8192,
      default: 1920,
      description:
        "Longest side of the frames that stages see, in pixels; larger videos are scaled down by ffmpeg. Detection scales further down by itself, crops are taken from these frames.",
    }),
    max_streams: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 32,
      description: "Most streams in a container; more is refused with video_refused.",
    }),
    probe_timeout: duration({
      default: "10s",
      least: "100ms",
      most: "5m",
      description: "Within this time a video must have said what it is and given its first frame; else video_too_slow.",
    }),
    stall_timeout: duration({
      default: "20s",
      least: "100ms",
      most: "10m",
      description: "Longest time without a further frame while frames are wanted; then video_too_slow.",
    }),
    concurrent: Type.Integer({
      minimum: 1,
      maximum: 256,
      default: 4,
      description: "Most videos decoded at once; requests beyond wait for their turn until their deadline.",
    }),
  }),
  inference: section("The workers that decode pictures and run models.", {
    workers: Type.Union([Type.Literal("auto"), Type.Integer({ minimum: 1, maximum: 256 })], {
      default: "auto",
      description: "Number of worker threads. `auto`: one a core.",
    }),
    items_per_worker: Type.Integer({
      minimum: 1,
      maximum: 64,
      default: 2,
      description: "Pictures a worker is given at once, so that it decodes one while it computes another.",
    }),
    max_attempts: Type.Integer({
      minimum: 1,
      maximum: 10,
      default: 3,
      description: "How often a picture is tried when its worker dies; then it goes to the dead letters.",
    }),
  }),
  queue: section("Requests that wait for a worker.", {
    limit: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 256,
      description: "Most pictures that wait; a request that would not fit is refused at once with overloaded.",
    }),
  }),
  pools: Type.Record(Type.String({ pattern: "^[a-z][a-z0-9-]{0,39}$" }), Pool, {
    additionalProperties: false,
    default: { default: { slots: "auto", queue: 64 } },
    description:
      "Named pools that limit how much runs at once; a stage names one with `pool:` and may take several `slots:`. Pool `default` is always there.",
  }),
  stages: section("Stage kinds.", {
    extra: paths({
      default: [],
      description: "Your own stage files (TypeScript modules), added to the built-in kinds.",
    }),
  }),
  access: section("Who may use the server.", {
    open: Type.Boolean({
      default: false,
      description: "Take requests without a token on addresses beyond loopback. Only for networks you trust wholly.",
    }),
  }),
  drain: section("Stopping.", {
    timeout: duration({
      default: "30s",
      least: "0s",
      most: "1h",
      description: "How long a stopping server finishes the requests it has accepted.",
    }),
  }),
  log: section("Logs: one JSON object a line on standard error.", {
    level: Type.Union(
      [
        Type.Literal("trace"),
        Type.Literal("debug"),
        Type.Literal("info"),
        Type.Literal("warn"),
        Type.Literal("error"),
        Type.Literal("silent"),
      ],
      { default: "info", description: "Least important level that is written." },
    ),
  }),
  observe: section("What others may watch.", {
    traces: section("OpenTelemetry traces.", {
      endpoint: Type.String({
        pattern: "^(https?://\\S+)?$",
        expects: "an http:// or https:// address, or nothing",
        default: "",
        description: "OTLP/HTTP address that traces are sent to, such as http://127.0.0.1:4318/v1/traces. Empty: off.",
      }),
      headers: Type.Record(Type.String(), Type.String({ secret: true, expects: "text" }), {
        secret: true,
        default: {},
        description: "Headers sent with the traces, such as an API key.",
      }),
    }),
  }),
  jobs: section("Long work: videos and many pictures.", {
    concurrent: Type.Integer({
      minimum: 1,
      maximum: 64,
      default: 1,
      description: "Jobs that run at once in one process; others wait in the order they came.",
    }),
    priority: Type.Integer({
      minimum: 0,
      maximum: 9,
      default: 2,
      description: "Priority of their pictures and frames beside those of requests; 9 goes first.",
    }),
    max_body: size({
      default: "4GiB",
      least: "1KiB",
      most: "1000GiB",
      description: "Largest upload of a job; it goes to disk as it comes.",
    }),
    max_files: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: "Most files in one job.",
    }),
    upload_timeout: duration({
      default: "1h",
      least: "1s",
      most: "7d",
      description: "Within this time a job's upload must have arrived; else request_too_slow.",
    }),
    waiting: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1_000,
      description: "Most jobs that wait; one more is refused with overloaded.",
    }),
    retention: duration({
      default: "7d",
      least: "1m",
      most: "36500d",
      description: "Ended jobs with their results are deleted after this time; their uploads as soon as they end.",
    }),
  }),
  events: section("What happened, kept and published.", {
    retention: duration({
      default: "7d",
      least: "1m",
      most: "36500d",
      description: "Events older than this are deleted; a cursor from before then is answered with cursor_expired.",
    }),
    keep: Type.Integer({
      minimum: 0,
      maximum: 1_000_000_000,
      default: 1_000_000,
      description: "Most events that are kept; the oldest go first.",
    }),
    ping: duration({
      default: "20s",
      least: "100ms",
      most: "1h",
      description: "Time between pings on a subscription; one that answers none for twice as long is closed.",
    }),
    outbox: size({
      default: "1MiB",
      least: "1KiB",
      most: "1GiB",
      description:
        "Most bytes that wait for one slow reader; then events are left out for it and it is told which it missed.",
    }),
    subscribers: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 5_000,
      description: "Most subscriptions at once; one more is refused with overloaded.",
    }),
  }),
  dead_letters: section("Work that was given up.", {
    retention: duration({
      default: "30d",
      least: "1m",
      most: "36500d",
      description: "Dead letters older than this are deleted.",
    }),
    keep: Type.Integer({
      minimum: 0,
      maximum: 10_000_000,
      default: 10_000,
      description: "Most dead letters that are kept; the oldest go first.",
    }),
    keep_inputs: Type.Boolean({
      default: false,
      description:
        "Keep the picture a dead letter is about, so that it can be retried. Off: faces of people are not stored for this.",
    }),
    max_input: size({
      default: "20MiB",
      least: "1KiB",
      most: "256MiB",
      description: "Largest input that is kept with a dead letter; of a larger one the letter alone is kept.",
    }),
    inputs_total: size({
      default: "1GiB",
      least: "1KiB",
      most: "1000GiB",
      description: "Most bytes of inputs that are kept in all; the oldest go first, their letters stay.",
    }),
  }),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Settings as the program uses them: durations in ms, sizes in bytes, areas in pixels, paths absolute. */
export type Settings = DeepReadonly<StaticDecode<typeof SettingsSchema>>;

type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T;

/** Settings as they are written, in the units of the file and with any of them left out. */
export type WrittenSettings = DeepPartial<StaticEncode<typeof SettingsSchema>>;
