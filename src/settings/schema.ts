/** Every setting there is. The settings file, its reference page, the types and the checks all come from here. */
import { type StaticDecode, Type } from "@sinclair/typebox";
import { duration, listenAddress, path, paths, pixels, section, size } from "./fields.ts";

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

export const SettingsSchema = section("Facewire's settings.", {
  listen: section("Where the server listens.", {
    native: listenAddress({
      default: "127.0.0.1:8000",
      description:
        "Address of the native API and the web page. Beyond loopback the server only starts with tokens (facewire tokens create) or with access.open. Port 0 lets the system choose.",
    }),
  }),
  data_dir: path({ default: ".facewire", description: "Folder of the database and of all that the server writes." }),
  models_cache: path({
    default: ".facewire/models",
    description: "Folder of downloaded and prepared model files; may be shared by several installations.",
  }),
  pipelines_dir: path({ default: "pipelines", description: "Folder of the pipeline files." }),
  models_dir: path({ default: "models", description: "Folder of the model cards." }),
  http: section("Limits of HTTP requests.", {
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
        "Pictures whose data ends early. `refuse`: picture_truncated. `decode`: as far as it goes, the rest is grey.",
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
  }),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Settings as the program uses them: durations in ms, sizes in bytes, areas in pixels, paths absolute. */
export type Settings = DeepReadonly<StaticDecode<typeof SettingsSchema>>;
