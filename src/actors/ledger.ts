/** How messages of one actor end: every accepted message ends here exactly once, is counted, and its askers are told. */
import type { Clock } from "../bus/clock.ts";
import { FacewireError } from "../errors.ts";
import type { ActorMessage, ActorOptions, DropReason } from "./actor.ts";
import type { ActorCounters } from "./counters.ts";
import { type DeadLetter, internalText, summarise } from "./dead-letters.ts";
import { RecentMessages } from "./recent.ts";
import type { Settled, Work } from "./work.ts";

/** Default of `ActorOptions.remember`. */
const REMEMBER = 1000;

/** What a ledger needs of its system. */
export interface LedgerHost {
  readonly clock: Clock;
  /** An accepted message has ended. */
  workEnded(): void;
  /** Sends the outcome to the message's `replyTo`. */
  sendOutcome(work: Work, settled: Settled): void;
  /** Hands a letter to the sink. */
  deadLetter(letter: DeadLetter, counters: ActorCounters): void;
  dropped(address: string, messageId: string, reason: DropReason): void;
}

/** Options of an actor, whatever its messages are. */
export type AnyActorOptions = Omit<ActorOptions, "accepts" | "onDropped"> & {
  readonly accepts?: (body: unknown) => boolean;
  readonly onDropped?: (message: ActorMessage<never>, reason: DropReason) => void;
};

/** What a ledger writes down about its actor. */
export interface LedgerOwner {
  readonly address: string;
  readonly kind: string;
  readonly counters: ActorCounters;
  readonly options: AnyActorOptions;
  /** Whether messages nobody asked for may vanish with the actor: counted, but without a dead letter. */
  readonly lossy: boolean;
}

/** See the file's head. */
export class Ledger {
  readonly #owner: LedgerOwner;
  readonly #host: LedgerHost;
  readonly #recent: RecentMessages;

  constructor(owner: LedgerOwner, host: LedgerHost) {
    this.#owner = owner;
    this.#host = host;
    this.#recent = new RecentMessages(owner.options.remember ?? REMEMBER);
  }

  /** Whether the message has come before; its askers are then told what the first one's are, or were. */
  isRepeated(work: Work): boolean {
    const before = work.repeatable ? this.#recent.find(work.id) : undefined;
    if (!before) return false;
    if ("work" in before) work.joinTo(before.work);
    else {
      work.settle(before.settled);
      // The first outcome may have been lost on its way; its own id makes a second one harmless.
      if (work.replyTo !== undefined) this.#host.sendOutcome(work, before.settled);
    }
    this.#countDrop(work, "duplicate");
    return true;
  }

  /** The message is about to be taken. */
  begin(work: Work): void {
    if (work.repeatable) this.#recent.begin(work);
  }

  /** The message was not taken after all. */
  turnedAway(work: Work): void {
    if (work.repeatable) this.#recent.forget(work.id);
  }

  handled(work: Work, reply: unknown): void {
    this.#owner.counters.handled++;
    this.#end(work, { ok: true, reply });
  }

  /** The message's own fault: the error is its answer. */
  refused(work: Work, error: FacewireError): void {
    this.#owner.counters.refused++;
    if (!work.asked) this.#letter(work, error, error);
    this.#end(work, { ok: false, error });
  }

  /** The actor failed on it too often. */
  givenUp(work: Work, thrown: unknown): void {
    this.#owner.counters.givenUp++;
    const code = this.#owner.options.failureCode ?? "internal";
    const error = FacewireError.from(thrown, code, "The work failed, also when it was tried again.");
    this.#letter(work, error, thrown);
    this.#end(work, { ok: false, error });
  }

  /** The message does not have the form the actor takes; it was never accepted. */
  malformed(work: Work): FacewireError {
    const error = new FacewireError("message_invalid", "The receiver does not take messages of this form.", {
      details: { address: this.#owner.address },
    });
    this.#owner.counters.rejected++;
    this.#letter(work, error, error);
    return error;
  }

  /** The message, taken or waiting for room, will not be handled (or not to its end). */
  dropped(work: Work, reason: DropReason, error: FacewireError): void {
    this.#countDrop(work, reason);
    if (reason === "stopped" && !work.asked && !this.#owner.lossy) this.#letter(work, error, error);
    if (work.repeatable) this.#recent.forget(work.id);
    this.#tell(work, { ok: false, error });
  }

  #countDrop(work: Work, reason: DropReason): void {
    this.#owner.counters.dropped[reason]++;
    this.#host.dropped(this.#owner.address, work.id, reason);
    // The options were given for the same body type as the messages that pass `accepts`.
    if (reason !== "duplicate") this.#owner.options.onDropped?.(work as never, reason);
  }

  #end(work: Work, settled: Settled): void {
    if (work.repeatable) {
      const kept: Settled = settled.ok && !work.asked ? { ok: true, reply: undefined } : settled;
      this.#recent.end(work.id, kept);
    }
    this.#tell(work, settled);
  }

  #tell(work: Work, settled: Settled): void {
    work.settle(settled);
    if (work.replyTo !== undefined && work.accepted) this.#host.sendOutcome(work, settled);
    if (work.accepted) this.#host.workEnded();
  }

  #letter(work: Work, error: FacewireError, thrown: unknown): void {
    const { address, kind, counters } = this.#owner;
    counters.deadLetters++;
    const letter: DeadLetter = {
      address,
      kind,
      cause: error.toPublic(),
      internal: internalText(thrown),
      attempts: work.attempt,
      messageId: work.id,
      requestId: work.requestId,
      sequence: work.sequence,
      traceparent: work.traceparent,
      time: this.#host.clock.now(),
      summary: summarise(work.body),
      body: work.body,
    };
    this.#host.deadLetter(letter, counters);
  }
}
