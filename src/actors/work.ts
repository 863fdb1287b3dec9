/** A message inside the system: what the actor sees of it, and who waits for it. */
import type { FacewireError } from "../errors.ts";
import type { ActorMessage } from "./actor.ts";
import type { Envelope } from "./envelope.ts";

/** How a message ended, as its askers are told. */
export type Settled =
  | { readonly ok: true; readonly reply: unknown }
  | { readonly ok: false; readonly error: FacewireError };

/** Who waits for a message's end. */
export type Asker = (settled: Settled) => void;

/** A message with its askers. Several wait when the same message came more than once. */
export class Work implements ActorMessage {
  readonly id: string;
  readonly requestId: string | undefined;
  readonly sequence: number | undefined;
  readonly deadline: number | undefined;
  readonly traceparent: string | undefined;
  readonly replyTo: string | undefined;
  readonly body: unknown;
  /** Whether the id may come again: the sender chose it, or a bus brought it. */
  readonly repeatable: boolean;
  attempt = 0;
  acceptedAt = 0;
  /** Whether a mailbox has taken it. */
  accepted = false;
  /** Set when it was taken back before its end. */
  withdrawn: FacewireError | undefined;
  #askers: Asker[];
  /** Whether it was told: then it is wanted although nobody waits. */
  #told: boolean;
  /** The message this one repeats. */
  #first: Work | undefined;

  constructor(envelope: Envelope, body: unknown, repeatable: boolean, asker?: Asker) {
    this.id = envelope.id;
    this.requestId = envelope.requestId;
    this.sequence = envelope.sequence;
    this.deadline = envelope.deadline;
    this.traceparent = envelope.traceparent;
    this.replyTo = envelope.replyTo;
    this.body = body;
    this.repeatable = repeatable;
    this.#askers = asker ? [asker] : [];
    this.#told = asker === undefined;
  }

  /** Whether somebody will be told how it ends. */
  get asked(): boolean {
    return this.#askers.length > 0 || this.replyTo !== undefined;
  }

  /** The message that stands for this one: itself, or the one it repeats. */
  get principal(): Work {
    return this.#first ?? this;
  }

  /** Lets those who wait for this message wait for the one it repeats. */
  joinTo(first: Work): void {
    this.#first = first;
    first.#askers.push(...this.#askers);
    first.#told ||= this.#told;
  }

  /** Takes an asker off. Returns whether nobody wants the message any more. */
  leave(asker: Asker): boolean {
    this.#askers = this.#askers.filter((one) => one !== asker);
    return this.#askers.length === 0 && !this.#told;
  }

  /** Tells every asker. */
  settle(settled: Settled): void {
    const askers = this.#askers;
    this.#askers = [];
    for (const asker of askers) asker(settled);
  }

  /** Whether its deadline has passed. */
  expired(now: number): boolean {
    return this.deadline !== undefined && now >= this.deadline;
  }
}
