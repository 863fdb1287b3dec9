/** One actor as the system holds it: what is offered to it, and its end. */
import { FacewireError } from "../errors.ts";
import type { ActorContext, ActorRef, ActorState, Messenger, StopReason } from "./actor.ts";
import type { ActorFactory, ActorObserver } from "./actors.ts";
import type { ActorCounters } from "./counters.ts";
import { type AnyActorOptions, Ledger, type LedgerHost, type LedgerOwner } from "./ledger.ts";
import { Mailbox } from "./mailbox.ts";
import { deadlineExceeded, requestCancelled, shuttingDown } from "./question.ts";
import { Supervisor } from "./supervisor.ts";
import type { Asker, Work } from "./work.ts";

/** Default of `ActorOptions.capacity`. */
export const CAPACITY = 256;

/** Default of `ActorRef.stop`'s patience, in milliseconds. */
const PATIENCE = 5000;

/** What a cell needs of its system. */
export interface CellHost extends LedgerHost {
  readonly random: () => number;
  readonly observer: ActorObserver;
  readonly messenger: Messenger;
  workAccepted(): void;
  /** The actor takes no more messages, but may be sent some: its address is still its own. */
  draining(cell: Cell): void;
  /** The actor takes no more messages: its address is free. */
  gone(cell: Cell): void;
}

/** What a cell is made with. */
export interface CellSpec {
  readonly address: string;
  readonly kind: string;
  readonly factory: ActorFactory<never, unknown>;
  readonly options: AnyActorOptions;
  readonly lossy: boolean;
  readonly counters: ActorCounters;
}

/** See the file's head. */
export class Cell implements ActorRef, LedgerOwner {
  readonly address: string;
  readonly kind: string;
  readonly counters: ActorCounters;
  readonly options: AnyActorOptions;
  readonly lossy: boolean;
  readonly #host: CellHost;
  readonly #ledger: Ledger;
  readonly #mailbox: Mailbox<Work>;
  readonly #supervisor: Supervisor;
  readonly #life = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<StopReason>();
  #reachable: Promise<void> = Promise.resolve();
  #ending: "no" | "draining" | "stopping" | "over" = "no";

  constructor(spec: CellSpec, host: CellHost) {
    const { options } = spec;
    this.address = spec.address;
    this.kind = spec.kind;
    this.counters = spec.counters;
    this.options = options;
    this.lossy = spec.lossy;
    this.#host = host;
    this.#ledger = new Ledger(this, host);
    this.#mailbox = new Mailbox<Work>(options.capacity ?? CAPACITY, options.overflow ?? "refuse", {
      isOver: (work) => work.expired(host.clock.now()),
      evicted: (work) => this.#evicted(work),
      admitted: (work) => this.#admitted(work),
    });
    this.#supervisor = new Supervisor({
      factory: spec.factory,
      options,
      context: this.#context(),
      mailbox: this.#mailbox,
      ledger: this.#ledger,
      counters: spec.counters,
      clock: host.clock,
      random: host.random,
      observer: host.observer,
      started: this.#started.resolve,
    });
    // Not everybody waits for it; whoever does still sees the rejection.
    this.#started.promise.catch(() => {});
    spec.counters.actors++;
    void this.#live();
  }

  get state(): ActorState {
    if (this.#ending === "over" || this.#ending === "stopping") return "stopped";
    return this.#ending === "draining" ? "draining" : this.#supervisor.phase;
  }

  get waiting(): number {
    return this.#mailbox.length;
  }

  get ready(): Promise<void> {
    return Promise.all([this.#started.promise, this.#reachable]).then(() => {});
  }

  get stopped(): Promise<StopReason> {
    return this.#stopped.promise;
  }

  /** What the last failure threw. */
  get failure(): unknown {
    return this.#supervisor.failure;
  }

  /**
   * Offers a message. Returns when the mailbox has taken it; the promise waits for room.
   *
   * @throws FacewireError when it is not taken; its askers are then not told.
   */
  offer(work: Work): void | Promise<void> {
    this.counters.received++;
    if (this.#ending !== "no") return this.#reject(shuttingDown());
    if (this.options.accepts?.(work.body) === false) throw this.#ledger.malformed(work);
    if (this.#ledger.isRepeated(work)) return;
    this.#ledger.begin(work);
    const taken = this.#mailbox.offer(work);
    if (taken === true) return;
    if (taken === false) {
      this.#ledger.turnedAway(work);
      return this.#reject(mailboxFull());
    }
    return taken.then((admitted) => {
      if (admitted) return;
      if (work.withdrawn) throw work.withdrawn;
      this.#ledger.turnedAway(work);
      this.#reject(shuttingDown());
    });
  }

  /** Counts and keeps a message that cannot even be offered; returns what its sender is told. */
  refuseMalformed(work: Work): FacewireError {
    this.counters.received++;
    return this.#ledger.malformed(work);
  }

  /** An asker, or a sender that waits for room, does not want the message any more. */
  withdraw(work: Work, asker: Asker | undefined, reason: "deadline" | "cancelled"): void {
    const principal = work.principal;
    if (asker && !principal.leave(asker)) return;
    const error = reason === "deadline" ? deadlineExceeded() : requestCancelled();
    principal.withdrawn = error;
    if (this.#supervisor.willRetry(principal)) this.#supervisor.releaseAgain();
    else if (!this.#mailbox.remove(principal)) {
      this.#supervisor.interrupt(error, principal);
      return;
    }
    this.#ledger.dropped(principal, reason, error);
  }

  stop(patience = PATIENCE): Promise<void> {
    this.beginStop();
    this.#supervisor.interrupt(shuttingDown());
    return this.#gone(patience, () => this.#finish("stopped"));
  }

  drain(deadline: number): Promise<void> {
    if (this.#ending === "no") {
      this.#ending = "draining";
      this.#host.draining(this);
      this.#supervisor.drain();
    }
    return this.#gone(deadline - this.#host.clock.now(), () => void this.stop(0));
  }

  /** The actor is ready when this has resolved too; when it rejects, nobody can reach the actor and it is stopped. */
  reachedThrough(listening: Promise<void>): void {
    this.#reachable = listening;
    listening.catch(() => this.stop());
  }

  /** Ends after the message in hand, without interrupting it; nothing else is handled. */
  beginStop(): void {
    if (this.#ending === "stopping" || this.#ending === "over") return;
    this.#close("stopping", shuttingDown());
    this.#supervisor.stop();
  }

  async #live(): Promise<void> {
    // The actor must not run before its maker has it in hand.
    await Promise.resolve();
    this.#finish(await this.#supervisor.run());
  }

  /** Resolves when the actor is gone, which `cutOff` brings about after `patience` milliseconds. */
  async #gone(patience: number, cutOff: () => void): Promise<void> {
    if (this.#ending === "over") return;
    const cancel = this.#host.clock.after(patience, cutOff);
    await this.stopped;
    cancel();
  }

  #finish(reason: StopReason): void {
    if (this.#ending === "over") return;
    const cause = this.#supervisor.failure;
    const error = reason === "given-up" ? actorFailed(cause) : shuttingDown();
    this.#close("over", error);
    const abandoned = this.#supervisor.abandon();
    if (abandoned) this.#ledger.dropped(abandoned, "stopped", error);
    this.counters.actors--;
    this.#started.reject(error);
    this.#stopped.resolve(reason);
  }

  /** Frees the address and lets everything go that waits. */
  #close(ending: "stopping" | "over", error: FacewireError): void {
    this.#ending = ending;
    this.#host.gone(this);
    this.#life.abort(error);
    const again = this.#supervisor.releaseAgain();
    const left = this.#mailbox.clear();
    for (const work of again ? [again, ...left] : left) this.#ledger.dropped(work, "stopped", error);
  }

  #admitted(work: Work): void {
    work.accepted = true;
    work.acceptedAt = this.#host.clock.now();
    this.#host.workAccepted();
    this.#supervisor.wake();
  }

  #evicted(work: Work): void {
    if (work.expired(this.#host.clock.now())) this.#ledger.dropped(work, "deadline", deadlineExceeded());
    else this.#ledger.dropped(work, "overflow", mailboxFull());
  }

  #reject(error: FacewireError): never {
    this.counters.rejected++;
    throw error;
  }

  #context(): ActorContext {
    const { address } = this;
    const life = this.#life.signal;
    const { messenger, clock } = this.#host;
    return {
      address,
      life,
      now: () => clock.now(),
      ask: (to, body, options) => messenger.ask(to, body, options),
      tell: (to, body, options) => messenger.tell(to, body, options),
      stop: () => this.beginStop(),
    };
  }
}

function mailboxFull(): FacewireError {
  return new FacewireError("mailbox_full", "The receiver's mailbox is full.");
}

function actorFailed(cause: unknown): FacewireError {
  return new FacewireError("actor_failed", "The receiver failed too often in a row and was given up.", { cause });
}
