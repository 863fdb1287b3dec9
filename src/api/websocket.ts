/**
 * WebSockets of any dialect. A route that was asked for one checks what it has to check, as for any request, and then
 * says with {@link upgradeTo} who will speak on it; the listener makes the connection once the gateway has let the answer
 * through. So a refusal is always a plain answer, before the upgrade.
 */
import type { ServerWebSocket } from "bun";
import { FacewireError } from "../errors.ts";
import { exchangeOf } from "./exchange.ts";

/** An open connection, as its handler uses it. */
export interface Socket {
  send(text: string): void;
  /** Bytes that were sent and that the system has not taken yet. */
  readonly waiting: number;
  /** Runs an action whose sends may go out together. */
  together(action: () => void): void;
  close(code: number, reason: string): void;
}

/** The server's side of one WebSocket. */
export interface SocketHandler {
  /** Milliseconds between pings; a peer that gives no sign of life for twice as long is cut off. */
  readonly pingMs: number;
  open(socket: Socket): void;
  message(message: string | Uint8Array): void;
  /** The connection took something of what waited. */
  drained(): void;
  /** The connection is gone, or never came to be. */
  closed(): void;
  /** The server stops: says goodbye and closes; what is still open afterwards is closed with 1001. */
  stopping(): void | Promise<void>;
}

/** Whether a WebSocket is asked for. */
export function asksForWebSocket(request: Request): boolean {
  return /(^|,)\s*websocket\s*(,|$)/i.test(request.headers.get("upgrade") ?? "");
}

/**
 * Throws `upgrade_required` for a WebSocket of another version than 13, and `request_invalid` for a handshake that is
 * not whole.
 */
export function checkHandshake(request: Request): void {
  if (request.headers.get("sec-websocket-version")?.trim() !== "13") {
    throw new FacewireError("upgrade_required", "Only version 13 of the WebSocket protocol is spoken here.");
  }
  const key = request.headers.get("sec-websocket-key")?.trim() ?? "";
  const upgrades = /(^|,)\s*upgrade\s*(,|$)/i.test(request.headers.get("connection") ?? "");
  if (request.method !== "GET" || !upgrades || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    throw new FacewireError("request_invalid", "The WebSocket handshake is not whole.");
  }
}

/** The answer that becomes a WebSocket. `closed` of the handler is called in any case. */
export function upgradeTo(request: Request, handler: SocketHandler): Response {
  exchangeOf(request).upgrade = handler;
  return new Response(null, { status: 101 });
}

/** One connection with its heartbeat; the data of Bun's socket. */
export class OpenSocket implements Socket {
  readonly #handler: SocketHandler;
  #socket: ServerWebSocket<OpenSocket> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #heardAt = 0;
  #waited = 0;

  constructor(handler: SocketHandler) {
    this.#handler = handler;
  }

  get waiting(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  send(text: string): void {
    this.#socket?.sendText(text);
  }

  together(action: () => void): void {
    if (this.#socket) this.#socket.cork(action);
    else action();
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  /** The connection is there. */
  opened(socket: ServerWebSocket<OpenSocket>): void {
    this.#socket = socket;
    this.#heardAt = performance.now();
    this.#timer = setInterval(() => this.#beat(), this.#handler.pingMs);
    this.#handler.open(this);
  }

  received(message: string | Uint8Array): void {
    this.heard();
    this.#handler.message(message);
  }

  drained(): void {
    this.heard();
    this.#handler.drained();
  }

  /** The other end lives. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** The connection is gone, or the upgrade failed. */
  closed(): void {
    clearInterval(this.#timer);
    this.#socket = undefined;
    this.#handler.closed();
  }

  async stopping(): Promise<void> {
    await this.#handler.stopping();
    this.close(1001, "The server is stopping.");
  }

  /** Ends the connection without a word: there is nobody to hear it. */
  cut(): void {
    this.#socket?.terminate();
  }

  #beat(): void {
    // A slow reader sees a ping only after all that waits before it: that it reads at all is its sign of life.
    if (this.waiting < this.#waited) this.heard();
    this.#waited = this.waiting;
    if (performance.now() - this.#heardAt >= 2 * this.#handler.pingMs) this.cut();
    else if (this.#waited === 0) this.#socket?.ping();
  }
}
