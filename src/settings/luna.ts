/** Settings of the LUNA dialect. */
import { Type } from "@sinclair/typebox";
import { addressRange, duration, section, size } from "./fields.ts";

const feature = (on: boolean, description: string) => Type.Boolean({ default: on, description });
const share = (value: number, description: string) =>
  Type.Number({ minimum: 0, maximum: 1, default: value, description });

export const LunaSettings = section("The LUNA Backport 3 API.", {
  handlers: feature(
    true,
    "Handlers; off answers 403 with code 11071, also where accounts are made and descriptors stored.",
  ),
  portraits: feature(true, "Portraits; off answers 403 with code 11070, and none are kept."),
  registration: feature(
    true,
    "Anybody who reaches the API may make an account; off answers 403 with code 12033, and `facewire accounts create` makes them.",
  ),
  liveness: feature(true, "Liveness; off answers 403 with code 11054."),
  websocket: feature(true, "Events over WebSocket; off answers 403 with code 36005."),
  metrics: feature(false, "Its own `/metrics`; off answers 403 with code 12049."),
  config: feature(true, "Its `/4/config`, with secrets hidden; off answers 403 with code 12033."),
  max_body: size({ default: "15MiB", least: "1KiB", most: "1GiB", description: "Largest request body; more is 413." }),
  timeout: duration({
    default: "60s",
    least: "100ms",
    most: "10m",
    description: "Time budget of a request; behind it the answer is 504 with code 9.",
  }),
  wrong_logins: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 20,
    description:
      "Wrong logins a minute from one address, and half as many for one login, that are answered at once; further ones wait for their turn or are refused with 429. Tokens, and logins that worked a short while ago, are not counted.",
  }),
  page_size: Type.Integer({ minimum: 10, maximum: 1000, default: 1000, description: "Largest page." }),
  identify_threshold: share(0.9, "`identify_threshold` of new handlers."),
  verify_threshold: share(0.9, "`verify_threshold` of new handlers."),
  liveness_quality: share(0.2, "Quality below which the liveness of a picture is told as unknown."),
  urls: section("Pictures that liveness requests name by their address.", {
    allow: Type.Array(addressRange(), {
      default: [],
      description:
        "Ranges of addresses that are fetched from although they are not public, such as 10.20.0.0/16. Without it only public ones are.",
    }),
    answer_timeout: duration({
      default: "5s",
      least: "100ms",
      most: "10m",
      description: "How long it may take until the answer of a server begins.",
    }),
    timeout: duration({
      default: "15s",
      least: "100ms",
      most: "10m",
      description: "How long fetching a picture may take.",
    }),
    max_bytes: size({ default: "15MiB", least: "1KiB", most: "1GiB", description: "Largest picture that is fetched." }),
  }),
  ping: duration({ default: "20s", least: "100ms", most: "10m", description: "Time between pings on a WebSocket." }),
  sockets: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 100,
    description: "Most WebSockets at once of one token, and of one account's login.",
  }),
  account_sockets: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 2_000,
    description: "Most WebSockets at once of one account, whichever tokens they were opened with.",
  }),
});
