/** A port that answers requests: idle limits, requests in flight, and a stop that lets them finish. */
import type { Server } from "bun";
import { FacewireError } from "../errors.ts";

/** What a listener needs to know. */
export interface ListenerOptions {
  /** Address to bind, such as `127.0.0.1`. */
  readonly hostname: string;
  /** Port to bind; 0 takes a free one. */
  readonly port: number;
  /** Answers one request. Must not throw. `peer` is the address of the other end, where there is one. */
  readonly handle: (request: Request, peer: string | undefined) => Promise<Response>;
}

/** Seconds a connection may be silent between requests, inside request headers, and while it takes an answer. */
const IDLE_SECONDS = 30;

/** A bound port. */
export class Listener {
  readonly #server: Server<undefined>;

  private constructor(server: Server<undefined>) {
    this.#server = server;
  }

  /** Binds the port; throws `config_invalid` when the address is taken or cannot be bound. */
  static open(options: ListenerOptions): Listener {
    try {
      const server = Bun.serve({
        hostname: options.hostname,
        port: options.port,
        idleTimeout: IDLE_SECONDS,
        // Bodies are limited where they are read: Bun's own 413 has no body and cannot be mapped.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        development: false,
        // Bun shares ports by default outside development: a second server would silently take half the requests.
        reusePort: false,
        async fetch(request, server) {
          // While a request is worked on, its own deadlines rule: a long wait for an answer is not idleness.
          server.timeout(request, 0);
          try {
            return await options.handle(request, server.requestIP(request)?.address);
          } finally {
            server.timeout(request, IDLE_SECONDS);
          }
        },
      });
      return new Listener(server);
    } catch (cause) {
      const address = `${options.hostname}:${options.port}`;
      const message = `Cannot listen on ${address}: the port is taken, or the address is not this machine's.`;
      throw new FacewireError("config_invalid", message, { details: { address }, cause });
    }
  }

  /** Where it listens, such as `http://127.0.0.1:8000`. */
  get url(): string {
    return this.#server.url.origin;
  }

  /** The port it is bound to. */
  get port(): number {
    return this.#server.port ?? 0;
  }

  /** Requests that are being answered now. */
  get pending(): number {
    return this.#server.pendingRequests;
  }

  /**
   * Takes no more connections, waits until the requests in flight are answered, at most `timeoutMs`, and closes what is
   * then left (its requests see their signal aborted). Returns how many had to be cut off.
   */
  async stop(timeoutMs: number): Promise<number> {
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), timeoutMs);
    const ended = await Promise.race([this.#server.stop(), late.promise]);
    clearTimeout(timer);
    if (ended !== "late") return 0;
    const cut = this.#server.pendingRequests;
    await this.#server.stop(true);
    return cut;
  }
}
