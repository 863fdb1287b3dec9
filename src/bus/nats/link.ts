/** The connection to the NATS server: whether it stands, and what waits on it. */
import type { NatsConnection, NatsError, Status } from "nats";
import { FacewireError } from "../../errors.ts";

/** What a link tells its bus. */
export interface LinkHost {
  lost(reason: string): void;
  /** One more attempt to connect begins. */
  attempt(): void;
  back(): void;
  /** The client gave the connection up for good, which it should not. */
  ended(error: FacewireError): void;
}

/** The reason of a loss that nothing preceded. */
const NO_REASON = "the connection was lost";

/** Why a call fails while there is no connection. */
export function unavailable(cause?: unknown): FacewireError {
  return new FacewireError("bus_unavailable", "The NATS server cannot be reached now.", { cause });
}

/**
 * Hands the connection out only while it stands. The client would keep what is sent meanwhile and send it later; a caller
 * that was told nothing would believe it was sent.
 */
export class NatsLink {
  readonly #connection: NatsConnection;
  readonly #host: LinkHost;
  readonly #waiting = new Set<(error: FacewireError) => void>();
  readonly #whenBack = new Set<() => void>();
  #connected = true;
  #connections = 1;
  #closing = false;
  #lastError = NO_REASON;

  constructor(connection: NatsConnection, host: LinkHost) {
    this.#connection = connection;
    this.#host = host;
    void this.#watch();
    void connection.closed().then((error) => {
      if (this.#closing) return;
      this.#drop();
      this.#host.ended(unavailable(error ?? undefined));
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** How often it was connected: what the server said over an earlier connection may no longer hold. */
  get connections(): number {
    return this.#connections;
  }

  /** The server's own words about itself. */
  get info(): NatsConnection["info"] {
    return this.#connection.info;
  }

  /** `host:port` of the server, and its version. */
  get server(): string {
    return `${this.#connection.getServer()} (nats-server ${this.info?.version ?? "of unknown version"})`;
  }

  /** The connection, for a call that sends at once. @throws FacewireError `bus_unavailable` */
  use(): NatsConnection {
    if (!this.#connected) throw unavailable();
    return this.#connection;
  }

  /** What the client says, but `bus_unavailable` as soon as the connection is lost. */
  guard<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // A set, not a race with one long promise: such a race would keep every call in memory until the connection is lost.
    this.#waiting.add(reject);
    work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    if (!this.#connected) reject(unavailable());
    return promise;
  }

  /** Resolves when everything sent so far has reached the server. @throws FacewireError `bus_unavailable` */
  async flush(): Promise<void> {
    await this.guard(this.use().flush().catch(rethrow));
  }

  /** Calls `listener` each time the connection stands again; returns what takes it off. */
  onBack(listener: () => void): () => void {
    this.#whenBack.add(listener);
    return () => this.#whenBack.delete(listener);
  }

  /** Ends the connection, after what was sent has left or `patience` milliseconds have passed. */
  async close(patience: number): Promise<void> {
    this.#closing = true;
    if (this.#connected) {
      const tooLate = Promise.withResolvers<void>();
      const timer = setTimeout(tooLate.resolve, patience);
      await Promise.race([this.flush().catch(() => {}), tooLate.promise]);
      clearTimeout(timer);
    }
    this.#drop();
    await this.#connection.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (this.#closing) return;
      this.#take(status);
    }
  }

  #take(status: Status): void {
    switch (status.type) {
      case "disconnect":
        this.#drop();
        this.#host.lost(this.#lastError);
        return;
      case "reconnecting":
        this.#host.attempt();
        return;
      case "reconnect":
        void this.#confirm();
        return;
      case "staleConnection":
        this.#lastError = "the server did not answer";
        return;
      case "error":
        this.#lastError = `the server said ${String(status.data)}`;
        return;
    }
  }

  /**
   * The client has sent all subscriptions once more. Only with the server's word that it has them is the connection said to
   * stand again: whoever is asked from then on is there.
   */
  async #confirm(): Promise<void> {
    try {
      await this.#connection.flush();
    } catch {
      // Lost again; the next time it is back is another one.
      return;
    }
    if (this.#closing || this.#connected) return;
    this.#connected = true;
    this.#connections++;
    this.#lastError = NO_REASON;
    this.#host.back();
    for (const listener of [...this.#whenBack]) listener();
  }

  #drop(): void {
    this.#connected = false;
    for (const reject of [...this.#waiting]) reject(unavailable());
    this.#waiting.clear();
  }
}

function rethrow(error: unknown): never {
  throw unavailable(error as NatsError);
}
