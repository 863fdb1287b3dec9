/** A port that answers requests and carries WebSockets: idle limits, requests in flight, and a stop that lets them finish. */
import http from "node:http";
import type { Server, WebSocketHandler } from "bun";
import { FacewireError } from "../errors.ts";
import { exchangeOf } from "./exchange.ts";
import { OpenSocket } from "./websocket.ts";

/** What a listener needs to know. */
export interface ListenerOptions {
  /** Address to bind, such as `127.0.0.1`. */
  readonly hostname: string;
  /** Port to bind; 0 takes a free one. */
  readonly port: number;
  /**
   * Answers one request, as a gateway does; where the exchange then has an `upgrade`, the answer becomes a WebSocket. Must
   * not throw. `peer` is the address of the other end, where there is one.
   */
  readonly handle: (request: Request, peer: string | undefined) => Promise<Response>;
}

/**
 * Bytes of a request line with its headers: what a query of 1,000 ids takes, their commas encoded, and 9 KiB beside it. Bun
 * answers longer ones with a bare 431 itself. It has this bound once for a process, where Node keeps its own.
 */
const MAX_HEAD = 48 * 1024;
/** Seconds a connection may be silent between requests, inside request headers, and while it takes an answer. */
const IDLE_SECONDS = 30;
/** Bytes of one message from a client: none of them sends more than a few words. */
const MAX_MESSAGE = 16 * 1024;
/** Milliseconds that WebSockets get to take their last words; a reader that sleeps must not hold up the end. */
const LAST_WORDS = 1_000;
/** Milliseconds between looks whether the requests in flight are answered: Bun tells it only together with WebSockets. */
const LOOK_EVERY = 5;

/** A bound port. */
export class Listener {
  readonly #server: Server<OpenSocket>;
  readonly #sockets: Set<OpenSocket>;

  private constructor(server: Server<OpenSocket>, sockets: Set<OpenSocket>) {
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Binds the port; throws `config_invalid` when the address is taken or cannot be bound. */
  static open(options: ListenerOptions): Listener {
    const sockets = new Set<OpenSocket>();
    // Types hide that Bun lets it be set. Whoever started Bun with a larger bound keeps theirs.
    (http as { maxHeaderSize: number }).maxHeaderSize = Math.max(http.maxHeaderSize, MAX_HEAD);
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
          const whole = withAddress(request);
          const response = await options.handle(whole, server.requestIP(request)?.address);
          const { upgrade } = exchangeOf(whole);
          if (!upgrade) {
            server.timeout(request, IDLE_SECONDS);
            return response;
          }
          const data = new OpenSocket(upgrade);
          if (server.upgrade(request, { headers: response.headers, data })) return undefined;
          // The client has left, or its handshake is none that Bun takes.
          data.closed();
          return new Response(null, { status: 400 });
        },
        websocket: socketEvents(sockets),
      });
      return new Listener(server, sockets);
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
   * Takes no more connections, waits until the requests in flight are answered, at most `timeoutMs`, then lets WebSockets
   * say goodbye, and closes what is left (its requests see their signal aborted). Returns how many requests had to be cut
   * off.
   */
  async stop(timeoutMs: number): Promise<number> {
    const end = performance.now() + timeoutMs;
    const ended = this.#server.stop();
    // WebSockets see what the last requests bring about; only then they are told.
    await within(timeoutMs, this.#answered());
    const cut = this.#server.pendingRequests;
    if (this.#sockets.size > 0) {
      const farewells = [...this.#sockets].map((socket) => socket.stopping());
      await within(LAST_WORDS, Promise.all([...farewells, ...(cut > 0 ? [] : [ended])]));
    } else if (cut === 0) await within(end - performance.now(), ended);
    await this.#server.stop(true);
    return cut;
  }

  /** Resolves when no request is in flight. */
  async #answered(): Promise<void> {
    while (this.#server.pendingRequests > 0) await Bun.sleep(LOOK_EVERY);
  }
}

/**
 * The request with an address that can be read: it has none where no host is named (HTTP/1.0) or one that cannot be. Nothing
 * here is told apart by its host, so any will do.
 */
function withAddress(request: Request): Request {
  if (URL.canParse(request.url)) return request;
  return new Request(`http://localhost${request.url.replace(/^https?:\/\/[^/?#]*/, "")}`, request);
}

/** What Bun tells of sockets, handed to the one it is about. */
function socketEvents(sockets: Set<OpenSocket>): WebSocketHandler<OpenSocket> {
  return {
    maxPayloadLength: MAX_MESSAGE,
    // Each socket has pings and limits of its own.
    idleTimeout: 0,
    sendPings: false,
    backpressureLimit: 0,
    perMessageDeflate: false,
    open(socket) {
      sockets.add(socket.data);
      socket.data.opened(socket);
    },
    message: (socket, message) => socket.data.received(message),
    drain: (socket) => socket.data.drained(),
    pong: (socket) => socket.data.heard(),
    ping: (socket) => socket.data.heard(),
    close(socket) {
      sockets.delete(socket.data);
      socket.data.closed();
    },
  };
}

/** Resolves when the promise does or the time is over. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.max(0, ms));
  await Promise.race([promise, late.promise]);
  clearTimeout(timer);
}
