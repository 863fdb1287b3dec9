/**
 * Fetches what somebody outside named by its address, without lending them the place where the server stands. Names are
 * resolved here, every address a name has is checked, and the connection goes to a checked one: a name that says something
 * else when it is asked again changes nothing. Each redirect is checked anew.
 */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { dns } from "bun";
import { FacewireError } from "../errors.ts";
import { ReachableAddresses } from "./reachable.ts";

/** All addresses of a name; rejects when it has none. */
export type Resolver = (name: string) => Promise<readonly string[]>;

/** What a downloader is made of. */
export interface DownloaderParts {
  /** Ranges that may be reached although they are not public, such as `10.20.0.0/16`. */
  readonly allow: readonly string[];
  /** Milliseconds until the answer of a server begins, each redirect anew. */
  readonly answerTimeoutMs: number;
  /** Milliseconds for everything. */
  readonly timeoutMs: number;
  /** Most bytes of the content. */
  readonly maxBytes: number;
  /** The system's when absent. */
  readonly resolve?: Resolver;
}

/** What a download is for. */
export interface DownloadWish {
  /** Whether content of a type (lower case, without parameters; empty when none was declared) is taken. */
  readonly accepts: (type: string) => boolean;
  /** Is told of bytes before they are kept; what it throws ends the download. */
  readonly onBytes?: (bytes: number) => void;
  /** Ends the download. */
  readonly signal?: AbortSignal;
}

/** Content that was fetched. */
export interface Download {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Characters of an address; longer ones are nobody's. */
const LONGEST_URL = 2048;
const MOST_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Below these stand services that must not be spoken to in HTTP. */
const FIRST_FREE_PORT = 1024;
const WELL_KNOWN_PORTS: ReadonlySet<number> = new Set([80, 443]);

/**
 * Not the system's own resolver: that one waits on the few threads that also read files and check passwords, so that names
 * whose servers do not answer would hold up everything. This one reads the same configuration and hosts file.
 */
const systemResolver: Resolver = async (name) =>
  (await dns.lookup(name, { backend: "c-ares" })).map(({ address }) => address);

/** See the file's head. Proxies that the environment names are not used, cookies and credentials are never sent. */
export class Downloader {
  readonly #parts: DownloaderParts;
  readonly #reachable: ReachableAddresses;
  readonly #resolve: Resolver;

  constructor(parts: DownloaderParts) {
    this.#parts = parts;
    this.#reachable = new ReachableAddresses(parts.allow);
    this.#resolve = parts.resolve ?? systemResolver;
  }

  /**
   * Fetches an address of `http:` or `https:`. Rejects with `url_refused` (not an address that may be fetched, also one
   * that a redirect named), `url_wrong_type` (content of a type that is not wanted), `url_failed` (anything else: no such
   * name, no answer, another status than 200, too large, too slow), and with what `onBytes` threw.
   */
  async fetch(address: string, wish: DownloadWish): Promise<Download> {
    const late = AbortSignal.timeout(this.#parts.timeoutMs);
    const signal = wish.signal ? AbortSignal.any([late, wish.signal]) : late;
    let url = checkedUrl(address, undefined);
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const response = await this.#ask(url, signal);
      try {
        const { statusCode = 0, headers } = response;
        if (!REDIRECTS.has(statusCode)) return await this.#content(response, wish, signal);
        if (headers.location === undefined) throw failed("It is a redirect to nowhere.");
        url = checkedUrl(headers.location, url);
      } finally {
        response.destroy();
      }
    }
    throw failed(`There are more than ${MOST_REDIRECTS} redirects.`);
  }

  /** The beginning of the answer. */
  async #ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(this.#parts.answerTimeoutMs)]);
    const addresses = await this.#addresses(url, deadline);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    // Its own connection: one that is kept open may have been made under another name's check.
    const request = (url.protocol === "https:" ? https : http).request(url, {
      agent: false,
      lookup: alreadyKnown(addresses),
      headers: { accept: "image/*", "accept-encoding": "identity", connection: "close", "user-agent": "facewire" },
      signal,
    });
    request.on("response", (response) => {
      // What goes wrong when nobody listens any more is no failure of the process.
      response.on("error", () => {});
      resolve(response);
    });
    request.on("error", (error) => reject(failed("No answer came.", error)));
    const slow = () => {
      reject(failed("No answer came in time."));
      request.destroy();
    };
    deadline.addEventListener("abort", slow, { once: true });
    request.end();
    try {
      return await promise;
    } finally {
      deadline.removeEventListener("abort", slow);
    }
  }

  /** The addresses of a host, all of them checked. */
  async #addresses({ hostname }: URL, signal: AbortSignal): Promise<readonly string[]> {
    const host = hostname.replace(/^\[|\]$/g, "");
    const addresses = isIP(host) ? [host] : await this.#resolved(host, signal);
    if (addresses.length === 0) throw failed("The name has no address.");
    if (!addresses.every((address) => this.#reachable.includes(address))) {
      throw new FacewireError("url_refused", "The address leads to where nothing is fetched from.");
    }
    return addresses;
  }

  async #resolved(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const late = Promise.withResolvers<never>();
    const stop = () => late.reject(failed("The name was not resolved in time."));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await Promise.race([this.#resolve(name), late.promise]);
    } catch (error) {
      throw error instanceof FacewireError ? error : failed("The name has no address.", error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #content(response: IncomingMessage, wish: DownloadWish, signal: AbortSignal): Promise<Download> {
    const { statusCode, headers } = response;
    if (statusCode !== 200) throw failed(`The answer has status ${statusCode}.`);
    const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    if (!wish.accepts(type))
      throw new FacewireError("url_wrong_type", "The content is of another type than is wanted.");
    if ((headers["content-encoding"] ?? "identity").toLowerCase() !== "identity") throw failed("It is compressed.");
    const { maxBytes } = this.#parts;
    if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    return { type, bytes: await this.#body(response, wish, signal) };
  }

  async #body(response: IncomingMessage, { onBytes }: DownloadWish, signal: AbortSignal): Promise<Uint8Array> {
    const { maxBytes } = this.#parts;
    const chunks: Uint8Array[] = [];
    let size = 0;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = () => reject(failed("The content did not come in time."));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    response.on("data", (chunk: Uint8Array) => {
      try {
        size += chunk.byteLength;
        if (size > maxBytes) throw tooLarge(maxBytes);
        onBytes?.(chunk.byteLength);
        chunks.push(chunk);
      } catch (error) {
        reject(error);
        response.destroy();
      }
    });
    response.on("end", () => (response.complete ? resolve() : reject(failed("The content ended too early."))));
    response.on("error", (error) => reject(failed("The content ended too early.", error)));
    response.on("close", () => reject(failed("The content ended too early.")));
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.byteLength;
    }
    return whole;
  }
}

/** Whatever name the connection asks for, it gets the addresses that were checked. */
function alreadyKnown(addresses: readonly string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, options, answer) => {
    const [first] = known;
    if (options.all) answer(null, known);
    else answer(null, first?.address ?? "", first?.family);
  };
}

/**
 * The address as it is connected to. Decimal, octal and hexadecimal forms of IPv4 are plain addresses afterwards. Throws
 * `url_refused`.
 */
function checkedUrl(text: string, base: URL | undefined): URL {
  const url = text.length <= LONGEST_URL ? (URL.parse(text, base?.href) ?? undefined) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    throw new FacewireError("url_refused", "Only addresses of http and https are fetched.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new FacewireError("url_refused", "Addresses with credentials are not fetched.");
  }
  const port = Number(url.port);
  if (url.port !== "" && port < FIRST_FREE_PORT && !WELL_KNOWN_PORTS.has(port)) {
    throw new FacewireError("url_refused", "Nothing is fetched from this port.");
  }
  return url;
}

function failed(message: string, cause?: unknown): FacewireError {
  return new FacewireError("url_failed", message, cause === undefined ? {} : { cause });
}

function tooLarge(maxBytes: number): FacewireError {
  return failed(`The content is over the limit of ${maxBytes} bytes.`);
}
