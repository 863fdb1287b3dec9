/** A client that speaks HTTP/1.1 byte by byte, for what `fetch` hides: connections, early answers, slow bodies. */
import { createConnection, type Socket } from "node:net";

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An open connection. */
export class RawClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const close = () => {
      this.#closed = true;
      this.#wake();
    };
    socket.on("close", close);
    socket.on("error", close);
  }

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(port, "127.0.0.1");
      const client = new RawClient(socket);
      socket.once("connect", () => resolve(client));
      socket.once("error", reject);
    });
  }

  /** Sends bytes as they are; resolves when the system has taken them. */
  send(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(data, () => resolve()));
  }

  /** Sends the head of a request; `Host` is added. */
  head(method: string, path: string, headers: Readonly<Record<string, string | number>> = {}): Promise<void> {
    const lines = Object.entries({ Host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}`);
    return this.send(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  }

  /** The next answer on the connection; its body must have a Content-Length. Rejects when the connection ends first. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end !== -1) {
        const [first = "", ...rest] = this.#received.subarray(0, end).toString().split("\r\n");
        const headers = Object.fromEntries(rest.map((line) => split(line)));
        const length = Number(headers["content-length"] ?? 0);
        const from = end + 4;
        if (this.#received.length >= from + length) {
          const body = this.#received.subarray(from, from + length).toString();
          this.#received = this.#received.subarray(from + length);
          return { status: Number(first.split(" ")[1]), headers, body };
        }
      }
      if (this.#closed) throw new Error(`The connection ended after: ${this.#received.toString()}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the connection without further words. */
  leave(): void {
    this.#socket.destroy();
  }
}

function split(line: string): [string, string] {
  const at = line.indexOf(":");
  return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
}
