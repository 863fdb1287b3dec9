/** The receiving half of a subscription, whatever bus it is of: what waits, and the handlers that work it off. */
import { FacewireError } from "../errors.ts";
import type { Delivery, DeliveryHandler, SubscribeOptions, Subscription, SubscriptionStats } from "./bus.ts";
import { Fifo } from "./fifo.ts";

/** Default of `SubscribeOptions.maxPending`. */
const MAX_PENDING = 4096;

/** Deliveries between two turns of the event loop: a busy subscription must not keep timers and sockets waiting. */
const BURST = 256;

/** What a subscription tells its bus. */
export interface SubscriptionHost {
  delivered(): void;
  dropped(): void;
  handlerFailed(delivery: Delivery, error: unknown): void;
  /** It takes nothing new from now on. */
  closedToNew(subscription: LocalSubscription): void;
  /** Its last message has been handled or dropped. */
  ended(subscription: LocalSubscription): void;
}

/** See `Subscription`. Handlers run in microtasks after `push`. */
export class LocalSubscription implements Subscription {
  readonly pattern: string;
  readonly group: string | undefined;
  readonly #handler: DeliveryHandler;
  readonly #host: SubscriptionHost;
  readonly #maxInFlight: number;
  readonly #maxPending: number;
  readonly #dropOldest: boolean;
  readonly #pending = new Fifo<Delivery>();
  readonly #drained = Promise.withResolvers<void>();
  #inFlight = 0;
  #delivered = 0;
  #dropped = 0;
  #scheduled = false;
  #open = true;

  constructor(pattern: string, handler: DeliveryHandler, options: SubscribeOptions, host: SubscriptionHost) {
    this.pattern = pattern;
    this.group = options.group;
    this.#handler = handler;
    this.#host = host;
    this.#maxInFlight = options.maxInFlight ?? 1;
    this.#maxPending = options.maxPending ?? MAX_PENDING;
    this.#dropOldest = options.overflow === "drop-oldest";
  }

  /** Takes a message; it is handled later, or dropped by the overflow rule. */
  push(delivery: Delivery): void {
    if (this.#pending.length >= this.#maxPending) {
      const lost = this.#dropOldest ? this.#pending.shift() : delivery;
      this.#drop(lost, new FacewireError("overloaded", "The receiver has too many messages waiting."));
      if (lost === delivery) return;
    }
    this.#pending.push(delivery);
    this.#schedule();
  }

  stats(): SubscriptionStats {
    return {
      delivered: this.#delivered,
      dropped: this.#dropped,
      pending: this.#pending.length,
      inFlight: this.#inFlight,
    };
  }

  drain(): Promise<void> {
    this.#end();
    this.#settle();
    return this.#drained.promise;
  }

  close(): void {
    this.#end();
    const gone = new FacewireError("no_receiver", "The receiver has stopped listening.");
    for (let left = this.#pending.shift(); left; left = this.#pending.shift()) this.#drop(left, gone);
    this.#settle();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#host.closedToNew(this);
  }

  #drop(delivery: Delivery | undefined, error: FacewireError): void {
    this.#dropped++;
    this.#host.dropped();
    delivery?.responder?.refuse(error.toPublic());
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= this.#maxInFlight) return;
    this.#scheduled = true;
    queueMicrotask(this.#pump);
  }

  readonly #pump = (): void => {
    this.#scheduled = false;
    while (this.#inFlight < this.#maxInFlight) {
      const delivery = this.#pending.shift();
      if (!delivery) break;
      this.#handle(delivery);
      if (this.#delivered % BURST === 0 && this.#pending.length > 0) {
        this.#scheduled = true;
        setImmediate(this.#pump);
        return;
      }
    }
    this.#settle();
  };

  #handle(delivery: Delivery): void {
    this.#delivered++;
    this.#host.delivered();
    this.#inFlight++;
    try {
      const result = this.#handler(delivery);
      if (result instanceof Promise) {
        result.catch((error: unknown) => this.#host.handlerFailed(delivery, error)).finally(this.#handled);
        return;
      }
    } catch (error) {
      this.#host.handlerFailed(delivery, error);
    }
    this.#inFlight--;
  }

  readonly #handled = (): void => {
    this.#inFlight--;
    if (this.#pending.length > 0) this.#schedule();
    else this.#settle();
  };

  /** Lets those who wait for the end go, if this is it. */
  #settle(): void {
    if (this.#open || this.#inFlight > 0 || this.#pending.length > 0) return;
    this.#host.ended(this);
    this.#drained.resolve();
  }
}
