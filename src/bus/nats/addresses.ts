/** Where a NATS server is, and who asks, out of the setting that names both. */
import { FacewireError } from "../../errors.ts";

/** What the client needs to connect. */
export interface NatsAddresses {
  /** `host:port` of each server, IPv6 addresses in brackets; nothing secret. */
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** Whether the connection must be encrypted. */
  readonly tls: boolean;
}

/** The port of a NATS server where none is named. */
const DEFAULT_PORT = 4222;

/**
 * Reads `nats://user:password@host:port`, several of them separated by commas. Credentials are taken from the first that has
 * any (a lone user is a token, as in NATS's own tools); one `tls://` asks for encryption of all.
 *
 * @throws FacewireError `config_invalid`, which does not repeat the address: a password may be in it
 */
export function readAddresses(url: string, token?: string): NatsAddresses {
  const parsed = url.split(",").map((address) => readOne(address.trim()));
  const credentials = parsed.find(({ username }) => username !== "");
  const lone = credentials !== undefined && credentials.password === "";
  const asked = token || (lone ? decodeURIComponent(credentials.username) : "");
  return {
    servers: parsed.map(({ hostname, port }) => `${hostname}:${port || DEFAULT_PORT}`),
    tls: parsed.some(({ protocol }) => protocol === "tls:"),
    ...(asked !== "" && { token: asked }),
    ...(asked === "" && credentials && readCredentials(credentials)),
  };
}

function readCredentials({ username, password }: URL): { user: string; pass: string } {
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

function readOne(address: string): URL {
  if (/^(nats|tls):\/\//.test(address) && URL.canParse(address)) {
    const url = new URL(address);
    if (url.hostname !== "") return url;
  }
  throw new FacewireError("config_invalid", "nats.url is not of the form nats://host:4222.");
}
