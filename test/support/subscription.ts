/** A WebSocket client of `GET /v1/events`. */
import { eventually } from "./settle.ts";

/** What Bun's WebSocket has beyond that of browsers, whose types some dependency brings in. */
type BunSocket = WebSocket & { terminate(): void };
const BunSocket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => BunSocket;

/** A message as it came. */
export type EventMessage = { readonly type: string; readonly id?: string } & Readonly<Record<string, unknown>>;

/** An open subscription with all it was sent. */
export class Subscription implements Disposable {
  readonly messages: EventMessage[] = [];
  /** How it was closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: BunSocket;

  private constructor(socket: BunSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.messages.push(JSON.parse(String(data))));
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
  }

  /** Connects and waits for the first message. `url`: of the server; `query`: with its question mark. */
  static async open(url: string, query = "", headers: Readonly<Record<string, string>> = {}): Promise<Subscription> {
    const address = `${url.replace("http", "ws")}/v1/events${query}`;
    const subscription = new Subscription(new BunSocket(address, { headers }));
    await Promise.race([
      subscription.has("subscription.started"),
      subscription.closed.then(({ code, reason }) => {
        throw new Error(`The subscription was refused: ${code} ${reason}`);
      }),
    ]);
    return subscription;
  }

  /** Events so far, without what the subscription tells of itself. */
  get events(): readonly EventMessage[] {
    return this.messages.filter(({ id }) => id !== undefined);
  }

  /** Their ids. */
  get ids(): readonly number[] {
    return this.events.map(({ id }) => Number(id));
  }

  /** The cursor to resume from. */
  get cursor(): string {
    return this.events.at(-1)?.id ?? String(this.messages[0]?.cursor);
  }

  /** Resolves when this many events, or a message of this type, have come. */
  async has(what: number | string): Promise<EventMessage> {
    const found = () =>
      typeof what === "number" ? this.events[what - 1] : this.messages.find(({ type }) => type === what);
    await eventually(() => found() !== undefined, `${what} among ${this.messages.length} messages`, 10_000);
    return found() as EventMessage;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }

  /** Drops the connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
