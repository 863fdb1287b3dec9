/** Between the actors of one system and the bus: what comes in for them, and what they send to others. */
import type { Bus, Delivery, Subscription } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import { NO_HEADERS, type WireValue } from "../bus/wire.ts";
import { FacewireError } from "../errors.ts";
import type { AskOptions } from "./actor.ts";
import { CAPACITY, type Cell } from "./cell.ts";
import { type Envelope, type ReadEnvelope, readEnvelope, writeEnvelope } from "./envelope.ts";
import { type Asker, Work } from "./work.ts";

/** Questions are withdrawn here, by the id of their message; every system listens. */
const CANCEL_SUBJECT = "actors.cancel";

/** What an actor of one system is called by others when it has no address on the bus: `actors.inbox.<system>.<address>`. */
const INBOX = "actors.inbox";

/** All subscriptions to an actor's address are one group, so that systems with the same address share its messages. */
const GROUP = "actors";

/** How long a sender waits for the word that its message was taken, in milliseconds, when the message has no deadline. */
const TELL_PATIENCE = 10_000;

/** A question from outside that has been handed to an actor. */
interface RemoteQuestion {
  readonly cell: Cell;
  readonly work: Work;
  readonly asker: Asker;
}

/** See the file's head. */
export class BusLink {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #find: (address: string) => Cell | undefined;
  readonly #subscriptions = new Map<Cell, Subscription>();
  readonly #remote = new Map<string, RemoteQuestion>();
  #cancels: Promise<Subscription> | undefined;
  #inboxOpen: Promise<Subscription> | undefined;

  /** @param system a name no other system on the bus has: one token. */
  constructor(bus: Bus, clock: Clock, system: string, find: (address: string) => Cell | undefined) {
    this.#bus = bus;
    this.#clock = clock;
    this.#inbox = `${INBOX}.${system}`;
    this.#find = find;
  }

  /** Lets the bus reach an actor; resolves when it does. */
  async listen(cell: Cell): Promise<void> {
    await this.#listenForCancels();
    const subscription = await this.#bus.subscribe(cell.address, (delivery) => this.#deliver(cell, delivery), {
      group: GROUP,
      maxPending: cell.options.capacity ?? CAPACITY,
    });
    if (cell.state === "stopped") subscription.close();
    else this.#subscriptions.set(cell, subscription);
  }

  /** Takes nothing more for an actor from the bus; resolves when it has been offered what had arrived. */
  async drain(cell: Cell): Promise<void> {
    await this.#subscriptions.get(cell)?.drain();
  }

  /** The actor is gone: senders find nobody at once. */
  forget(cell: Cell): void {
    this.#subscriptions.get(cell)?.close();
    this.#subscriptions.delete(cell);
  }

  /** Ends what the link itself listens on. */
  async close(): Promise<void> {
    for (const opening of [this.#cancels, this.#inboxOpen]) (await opening)?.close();
  }

  /** Asks an actor elsewhere. A question that is given up is withdrawn there too. */
  async ask(address: string, body: unknown, envelope: Envelope, options: AskOptions): Promise<WireValue> {
    const { deadline, signal } = options;
    try {
      return await this.#bus.request(address, body as WireValue, {
        id: envelope.id,
        headers: writeEnvelope(envelope, true),
        deadline,
        ...(signal && { signal }),
      });
    } catch (error) {
      if (signal?.aborted && this.#bus.status.kind === "connected") this.#bus.publish(CANCEL_SUBJECT, envelope.id);
      throw error;
    }
  }

  /** Tells an actor elsewhere; resolves when its mailbox has taken the message. */
  async tell(address: string, body: unknown, envelope: Envelope): Promise<void> {
    const replyTo = envelope.replyTo === undefined ? undefined : await this.#outsideAddress(envelope.replyTo);
    const patience = this.#clock.now() + TELL_PATIENCE;
    await this.#bus.request(address, body as WireValue, {
      id: envelope.id,
      headers: writeEnvelope({ ...envelope, replyTo }, false),
      deadline: Math.min(envelope.deadline ?? patience, patience),
    });
  }

  /** What an address of this system is called by others. */
  async #outsideAddress(address: string): Promise<string> {
    if (this.#find(address)?.options.reach !== "local") return address;
    this.#inboxOpen ??= this.#bus.subscribe(`${this.#inbox}.>`, (delivery) => this.#deliverToInbox(delivery), {
      maxInFlight: Number.POSITIVE_INFINITY,
    });
    await this.#inboxOpen;
    return `${this.#inbox}.${address}`;
  }

  async #listenForCancels(): Promise<void> {
    this.#cancels ??= this.#bus.subscribe(CANCEL_SUBJECT, (delivery) => {
      const question = this.#remote.get(String(delivery.body));
      question?.cell.withdraw(question.work, question.asker, "cancelled");
    });
    await this.#cancels;
  }

  #deliverToInbox(delivery: Delivery): void | Promise<void> {
    const cell = this.#find(delivery.subject.slice(this.#inbox.length + 1));
    if (cell) return this.#deliver(cell, delivery);
    delivery.responder?.refuse({ code: "no_receiver", message: "The receiver is gone." });
  }

  /** Offers a message from the bus to an actor; the promise holds the subscription back while a mailbox blocks. */
  async #deliver(cell: Cell, delivery: Delivery): Promise<void> {
    const { responder } = delivery;
    try {
      const { envelope, ask } = this.#read(cell, delivery);
      if (ask && responder) {
        await cell.offer(this.#remoteQuestion(cell, envelope, delivery));
      } else {
        await cell.offer(new Work(envelope, delivery.body, true));
        responder?.answer(null);
      }
    } catch (error) {
      const coded = FacewireError.from(error);
      this.#remote.delete(delivery.id);
      responder?.refuse(coded.toPublic());
    }
  }

  #read(cell: Cell, delivery: Delivery): ReadEnvelope {
    try {
      return readEnvelope(delivery.id, delivery.headers);
    } catch {
      throw cell.refuseMalformed(new Work(readEnvelope(delivery.id, NO_HEADERS).envelope, delivery.body, true));
    }
  }

  #remoteQuestion(cell: Cell, envelope: Envelope, delivery: Delivery): Work {
    const asker: Asker = (settled) => {
      this.#remote.delete(envelope.id);
      if (!settled.ok) {
        delivery.responder?.refuse(settled.error.toPublic());
        return;
      }
      try {
        delivery.responder?.answer((settled.reply ?? null) as WireValue);
      } catch {
        // A reply that cannot be carried: the bus has told the asker so, and the work itself was done.
      }
    };
    const work = new Work(envelope, delivery.body, true, asker);
    this.#remote.set(envelope.id, { cell, work, asker });
    return work;
  }
}
