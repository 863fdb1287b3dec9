/** Speaks to a server about jobs. */
import { readFile } from "node:fs/promises";
import { FacewireError, type PublicError } from "../../errors.ts";
import type { GlobalOptions } from "../program.ts";
import { settingsOf } from "../settings.ts";

/** Options of commands that speak to a server. */
export interface ServerOptions extends GlobalOptions {
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

/** See the file's head. Every method rejects with what the server answered, or `server_unreachable`. */
export class JobsClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** `url`: without a path. */
  constructor(url: string, token: string | undefined) {
    this.#url = url;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** The JSON of an answer; undefined for one without a body. */
  async json<T>(path: string, init: RequestInit = {}): Promise<T | undefined> {
    const response = await this.open(path, init);
    if (response.status === 204) return undefined;
    return reached(this.#url, async () => (await response.json()) as T);
  }

  /** An answer whose body is still to be read. */
  async open(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...this.#headers, ...(init.headers as Record<string, string> | undefined) };
    // Bun's own limit of five minutes is too short for uploads, and for results that take long to come.
    const options: BunFetchRequestInit = { ...init, headers, timeout: false };
    const response = await reached(this.#url, () => fetch(`${this.#url}${path}`, options), init.signal);
    if (response.ok) return response;
    throw await failureOf(response);
  }
}

/** The client for a command's options: the server of `--url`, or the one that the settings are for. */
export async function clientOf(options: ServerOptions): Promise<JobsClient> {
  const url = options.url === undefined ? await ownUrl(options) : checkedUrl(options.url);
  return new JobsClient(url, await tokenOf(options));
}

async function ownUrl(options: GlobalOptions): Promise<string> {
  const { host, port } = (await settingsOf(options)).listen.native;
  // An address that stands for all of them is reached on this machine.
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return `${url.origin}${url.pathname.replace(/\/$/, "")}`;
  throw new FacewireError("usage", `--url ${text} is not an address such as http://127.0.0.1:8000.`);
}

async function tokenOf({ token, tokenFile }: ServerOptions): Promise<string | undefined> {
  if (tokenFile === undefined) return token;
  try {
    return (await readFile(tokenFile, "utf8")).trim();
  } catch (cause) {
    throw new FacewireError("file_unreadable", `The token file ${tokenFile} cannot be read.`, { cause });
  }
}

async function reached<T>(url: string, ask: () => Promise<T>, signal?: AbortSignal | null): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new FacewireError("server_unreachable", `No Facewire answers at ${url}.`, { details: { url }, cause });
  }
}

async function failureOf(response: Response): Promise<FacewireError> {
  try {
    const { error } = (await response.json()) as { readonly error: PublicError };
    return FacewireError.fromPublic(error);
  } catch (cause) {
    const message = `What answers at ${response.url} with status ${response.status} is no Facewire.`;
    return new FacewireError("server_unreachable", message, { cause });
  }
}
