/** A WebSocket client that reads when the test says so, byte by byte over TCP: for readers that are slow, silent or rude. */
import { createConnection, type Socket } from "node:net";
import { eventually } from "./settle.ts";
import type { EventMessage } from "./subscription.ts";

const HANDSHAKE = [
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
].join("\r\n");

/** Operation codes of RFC 6455. */
const TEXT = 1;
const CLOSE = 8;
const PING = 9;

/** How it connects. */
export interface RawOptions {
  /** `/v1/events` when absent. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers pings. */
  readonly pongs?: boolean;
}

/** An empty pong; clients mask what they send. */
const PONG = Uint8Array.of(0x8a, 0x80, 0, 0, 0, 0);

/** An open connection; answers no pings, unless it is told to. */
export class RawSubscription implements Disposable {
  readonly messages: EventMessage[] = [];
  pings = 0;
  /** Code of the close frame that came. */
  closeCode: number | undefined;
  /** The connection is gone. */
  gone = false;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #upgraded = false;
  readonly #pongs: boolean;

  private constructor(socket: Socket, pongs: boolean) {
    this.#socket = socket;
    this.#pongs = pongs;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("close", () => {
      this.gone = true;
    });
    socket.on("error", () => {});
  }

  /** Connects to `/v1/events` (or what the options say) and reads the first message. */
  static async open(port: number, query = "", options: RawOptions = {}): Promise<RawSubscription> {
    const { path = "/v1/events", headers = {}, pongs = false } = options;
    const socket = createConnection(port, "127.0.0.1");
    const subscription = new RawSubscription(socket, pongs);
    const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path}${query} HTTP/1.1\r\n${more.join("")}${HANDSHAKE}\r\n\r\n`);
    await eventually(() => subscription.messages.length > 0);
    return subscription;
  }

  /** Ids of the events that were read. */
  get ids(): readonly number[] {
    return this.messages.flatMap(({ id }) => (id === undefined ? [] : Number(id)));
  }

  /** Reads nothing from now on; what is sent fills the system's buffers. */
  stall(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  read(): void {
    this.#socket.resume();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    if (!this.#upgraded) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.#upgraded = true;
      this.#received = this.#received.subarray(end + 4);
    }
    for (let frame = this.#frame(); frame; frame = this.#frame()) this.#handle(frame.code, frame.payload);
  }

  #handle(code: number, payload: Buffer): void {
    if (code === TEXT) this.messages.push(JSON.parse(payload.toString()));
    else if (code === PING) {
      this.pings++;
      if (this.#pongs) this.#socket.write(PONG);
    } else if (code === CLOSE) this.closeCode = payload.length >= 2 ? payload.readUInt16BE() : undefined;
  }

  /** The next whole frame; servers do not mask theirs. */
  #frame(): { readonly code: number; readonly payload: Buffer } | undefined {
    const bytes = this.#received;
    if (bytes.length < 2) return undefined;
    const short = bytes[1]! & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < head) return undefined;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < head + length) return undefined;
    this.#received = bytes.subarray(head + length);
    return { code: bytes[0]! & 0x0f, payload: bytes.subarray(head, head + length) };
  }
}
