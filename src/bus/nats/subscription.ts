/** A subscription on the server and the handlers it feeds. */
import type { Msg, Subscription as ServerSubscription } from "nats";
import type { Delivery, DeliveryHandler, SubscribeOptions, Subscription, SubscriptionStats } from "../bus.ts";
import { LocalSubscription, type SubscriptionHost } from "../local-subscription.ts";
import type { NatsLink } from "./link.ts";

/** What a subscription needs of its bus. */
export interface NatsSubscriptionHost extends Omit<SubscriptionHost, "closedToNew" | "ended"> {
  /** Reads what came in; nothing when it could not be read. Never throws. */
  read(message: Msg): Delivery | undefined;
  ended(subscription: NatsSubscription): void;
}

/** See `Subscription`. */
export class NatsSubscription implements Subscription {
  readonly pattern: string;
  readonly #link: NatsLink;
  readonly #local: LocalSubscription;
  readonly #server: ServerSubscription;
  #draining: Promise<void> | undefined;

  /** @throws FacewireError `bus_unavailable` */
  constructor(
    link: NatsLink,
    natsPattern: string,
    pattern: string,
    handler: DeliveryHandler,
    options: SubscribeOptions,
    host: NatsSubscriptionHost,
  ) {
    this.pattern = pattern;
    this.#link = link;
    this.#local = new LocalSubscription(pattern, handler, options, {
      delivered: host.delivered,
      dropped: host.dropped,
      handlerFailed: host.handlerFailed,
      closedToNew: () => this.#unsubscribe(),
      ended: () => host.ended(this),
    });
    this.#server = link.use().subscribe(natsPattern, {
      ...(options.group !== undefined && { queue: options.group }),
      callback: (error, message) => {
        const delivery = error ? undefined : host.read(message);
        if (delivery) this.#local.push(delivery);
      },
    });
  }

  stats(): SubscriptionStats {
    return this.#local.stats();
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  close(): void {
    this.#local.close();
  }

  async #drain(): Promise<void> {
    // What the server sent before it knew is on its way still, and belongs to nobody else.
    if (this.#link.connected && !this.#server.isClosed()) {
      await this.#link.guard(this.#server.drain()).catch(() => {});
    }
    await this.#local.drain();
  }

  #unsubscribe(): void {
    if (!this.#server.isClosed()) this.#server.unsubscribe();
  }
}
