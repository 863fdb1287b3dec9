/** A WebSocket of `/4/ws` or `/api/subscribe` with all it was sent. */
import { eventually } from "../settle.ts";
import type { LunaClient, LunaJson, LunaRequest } from "./client.ts";

/** What Bun's WebSocket has beyond that of browsers. */
type BunSocket = WebSocket & { terminate(): void; ping(): void };

/** See the file's head. Ends with its scope. */
export class LunaEvents implements Disposable {
  readonly texts: string[] = [];
  readonly messages: LunaJson[] = [];
  /** Frames that were no texts. */
  binary = 0;
  /** How it was closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: BunSocket;
  #given = 0;

  private constructor(socket: BunSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") this.binary++;
      this.texts.push(String(data));
      this.messages.push(JSON.parse(String(data)));
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
  }

  /** Connects; rejects when the server refuses. `path`: with its query. */
  static async open(client: LunaClient, path = "/4/ws"): Promise<LunaEvents> {
    const socket = client.webSocket(path) as BunSocket;
    const events = new LunaEvents(socket);
    const opened = new Promise<void>((resolve) => socket.addEventListener("open", () => resolve()));
    await Promise.race([
      opened,
      events.closed.then(({ code, reason }) => {
        throw new Error(`The WebSocket was refused: ${code} ${reason}`);
      }),
    ]);
    return events;
  }

  /** Resolves when this many messages have come; fails when there are more. */
  async has(count: number): Promise<readonly LunaJson[]> {
    await eventually(() => this.messages.length >= count, `${count} messages, there are ${this.messages.length}`);
    if (this.messages.length > count) throw new Error(`More than ${count} messages: ${this.texts.join("\n")}`);
    return this.messages;
  }

  /** The next message that was not given before. */
  async next(): Promise<LunaJson> {
    const at = this.#given++;
    await eventually(() => this.messages.length > at, "one more message");
    return this.messages[at];
  }

  /** Resolves when everything has come that was sent until now: the answer to a ping comes behind it. */
  async read(): Promise<readonly LunaJson[]> {
    const ponged = new Promise<void>((resolve) => {
      this.#socket.addEventListener("pong" as "message", () => resolve(), { once: true });
    });
    this.#socket.ping();
    await ponged;
    return this.messages;
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data as string);
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

/** Headers that ask for a WebSocket, for requests that are to be refused. */
export const UPGRADE: Readonly<Record<string, string>> = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Asks for a WebSocket as a plain request, so that the refusal can be read. */
export function refusal(client: LunaClient, path: string, query: LunaRequest["query"] = {}) {
  return client.call("GET", path, { query, headers: UPGRADE });
}
