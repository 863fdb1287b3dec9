/** Buses over a server of the tests, closed after each. */
import type { NatsBus } from "../../src/bus/nats/nats-bus.ts";
import { type NatsBusOptions, openNatsBus } from "../../src/bus/nats/open.ts";
import type { NatsServer } from "./nats-server.ts";

/** Opens buses with prefixes of their own on one server. */
export class NatsBuses {
  readonly #server: () => NatsServer;
  readonly #open: NatsBus[] = [];
  #prefixes = 0;
  #prefix = "";

  constructor(server: () => NatsServer) {
    this.#server = server;
    this.next();
  }

  /** The prefix of the buses that are opened now. */
  get prefix(): string {
    return this.#prefix;
  }

  /** Another prefix from here on. */
  next(): void {
    this.#prefix = `test-${process.pid}-${this.#prefixes++}`;
  }

  async open(options: Partial<NatsBusOptions> = {}): Promise<NatsBus> {
    const { url } = this.#server();
    const defaults = { url, prefix: this.#prefix, replicas: 1, startTimeoutMs: 5000, onWarning: () => {} };
    const bus = await openNatsBus({ ...defaults, ...options });
    this.#open.push(bus);
    return bus;
  }

  /** Closes all, and takes another prefix. */
  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((bus) => bus.close()));
    this.next();
  }
}
