/** A set of actors over one bus: spawns them, carries messages between them, and ends them in good order. */
import type { Bus } from "../bus/bus.ts";
import { type Clock, systemClock } from "../bus/clock.ts";
import { IdMaker } from "../bus/ids.ts";
import { checkSubject } from "../bus/subject.ts";
import { FacewireError } from "../errors.ts";
import type { ActorOptions, ActorRef, AskOptions, DropReason, Messenger, TellOptions } from "./actor.ts";
import type { ActorFactory, ActorObserver, Actors, Finish, OneShotActor, OneShotOptions } from "./actors.ts";
import { BusLink } from "./bus-link.ts";
import { Cell, type CellHost } from "./cell.ts";
import { type ActorCounters, createCounters } from "./counters.ts";
import { type DeadLetter, type DeadLetterSink, MemoryDeadLetters } from "./dead-letters.ts";
import { carriableError, type Envelope, type Outcome } from "./envelope.ts";
import type { AnyActorOptions } from "./ledger.ts";
import { runOneShot } from "./one-shot.ts";
import { checkWanted, deadlineExceeded, Question, shuttingDown } from "./question.ts";
import { type Settled, Work } from "./work.ts";

/** What a system is made of. */
export interface ActorSystemOptions {
  readonly bus: Bus;
  /** In memory by default. */
  readonly deadLetters?: DeadLetterSink;
  readonly observer?: ActorObserver;
  readonly clock?: Clock;
  /** Chance for the jitter of back-offs, 0..1. */
  readonly random?: () => number;
}

/** See {@link Actors}. */
export class ActorSystem implements Actors {
  readonly #clock: Clock;
  readonly #sink: DeadLetterSink;
  readonly #observer: ActorObserver;
  readonly #ids = new IdMaker();
  readonly #link: BusLink;
  readonly #host: CellHost;
  /** By address; an actor that stops leaves at once, though its last handler may still run. */
  readonly #cells = new Map<string, Cell>();
  /** Actors whose end is still awaited. */
  readonly #alive = new Set<Cell>();
  readonly #counters = new Map<string, ActorCounters>();
  /** Letters on their way to the sink. */
  readonly #letters = new Set<Promise<void>>();
  /** Accepted messages that have not ended, and one-shots that have not finished. */
  #open = 0;
  #onQuiet: (() => void) | undefined;
  #drained: Promise<void> | undefined;

  constructor(options: ActorSystemOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#sink = options.deadLetters ?? new MemoryDeadLetters();
    this.#observer = options.observer ?? {};
    this.#link = new BusLink(options.bus, this.#clock, this.#ids.prefix, (address) => this.#cells.get(address));
    this.#host = this.#createHost(options.random ?? Math.random);
  }

  now(): number {
    return this.#clock.now();
  }

  spawn<Body, Reply>(address: string, factory: ActorFactory<Body, Reply>, options: ActorOptions<Body> = {}): ActorRef {
    const cell = this.#spawn(address, factory, options, options.overflow === "drop-oldest");
    if (options.reach !== "local") cell.reachedThrough(this.#link.listen(cell));
    return cell;
  }

  async runOnce<Result, Body = unknown>(
    address: string,
    create: (finish: Finish<Result>) => OneShotActor<Result, Body>,
    options: OneShotOptions<Body>,
  ): Promise<Result> {
    this.#checkTaking();
    this.#open++;
    try {
      return await runOneShot(this.#clock, create, options, (actor, kept) =>
        this.#spawn(address, () => actor, kept, true),
      );
    } finally {
      this.#close();
    }
  }

  async ask<Reply = unknown>(address: string, body: unknown, options: AskOptions): Promise<Reply> {
    this.#checkTaking();
    return (await this.#ask(address, body, options)) as Reply;
  }

  async tell(address: string, body: unknown, options: TellOptions = {}): Promise<void> {
    this.#checkTaking();
    await this.#tell(address, body, options);
  }

  find(address: string): ActorRef | undefined {
    return this.#cells.get(address);
  }

  counters(): ReadonlyMap<string, Readonly<ActorCounters>> {
    for (const counters of this.#counters.values()) counters.waiting = 0;
    for (const cell of this.#cells.values()) cell.counters.waiting += cell.waiting;
    return this.#counters;
  }

  drain(deadline: number): Promise<void> {
    this.#drained ??= this.#drain(deadline);
    return this.#drained;
  }

  async #drain(deadline: number): Promise<void> {
    const cutOff = Promise.withResolvers<void>();
    const cancel = this.#clock.after(deadline - this.#clock.now(), cutOff.resolve);
    const offered = Promise.all([...this.#cells.values()].map((cell) => this.#link.drain(cell)));
    await Promise.race([offered.then(() => this.#quiet()), cutOff.promise]);
    await Promise.all([...this.#alive].map((cell) => cell.drain(deadline)));
    await Promise.race([Promise.all(this.#letters), cutOff.promise]);
    cancel();
    await this.#link.close();
  }

  #spawn(address: string, factory: ActorFactory<never, unknown>, options: AnyActorOptions, lossy: boolean): Cell {
    this.#checkTaking();
    checkSubject(address);
    if (this.#cells.has(address)) {
      throw new FacewireError("internal", "There is an actor with this address already.", { details: { address } });
    }
    const kind = options.kind ?? (address.split(".", 1)[0] as string);
    let counters = this.#counters.get(kind);
    if (!counters) {
      counters = createCounters();
      this.#counters.set(kind, counters);
    }
    const cell = new Cell({ address, kind, factory, options, lossy, counters }, this.#host);
    this.#cells.set(address, cell);
    this.#alive.add(cell);
    void cell.stopped.then(() => this.#alive.delete(cell));
    return cell;
  }

  async #ask(address: string, body: unknown, options: AskOptions): Promise<unknown> {
    const { deadline, signal } = options;
    checkWanted(this.#clock, deadline, signal);
    const envelope = this.#envelope(options);
    const cell = this.#direct(address);
    if (!cell) return this.#link.ask(address, body, envelope, options);
    const question = new Question(this.#clock, deadline, signal);
    const work = new Work(envelope, body, options.id !== undefined, question.settle);
    question.onWithdrawn = (reason) => cell.withdraw(work, question.settle, reason);
    const turnedAway = (error: unknown): void => question.settle({ ok: false, error: FacewireError.from(error) });
    try {
      cell.offer(work)?.catch(turnedAway);
    } catch (error) {
      turnedAway(error);
    }
    return question.promise;
  }

  async #tell(address: string, body: unknown, options: TellOptions): Promise<void> {
    const { deadline } = options;
    if (deadline !== undefined && this.#clock.now() >= deadline) throw deadlineExceeded();
    const envelope = this.#envelope(options);
    const cell = this.#direct(address);
    if (!cell) return this.#link.tell(address, body, envelope);
    const work = new Work(envelope, body, options.id !== undefined);
    const taken = cell.offer(work);
    if (!taken || deadline === undefined) return taken;
    const giveUp = (): void => cell.withdraw(work, undefined, "deadline");
    const cancel = this.#clock.after(deadline - this.#clock.now(), giveUp);
    await taken.finally(cancel);
  }

  /** The actor of this system that messages to the address go to without the bus. */
  #direct(address: string): Cell | undefined {
    const cell = this.#cells.get(address);
    return cell?.options.reach === "shared" ? undefined : cell;
  }

  #envelope(options: TellOptions): Envelope {
    const { id = this.#ids.next(), requestId, sequence, deadline, traceparent, replyTo } = options;
    return { id, requestId, sequence, deadline, traceparent, replyTo };
  }

  #sendOutcome(work: Work, settled: Settled): void {
    const replyTo = work.replyTo as string;
    const options: TellOptions = {
      id: `${work.id}.outcome`,
      ...(work.requestId !== undefined && { requestId: work.requestId }),
      ...(work.sequence !== undefined && { sequence: work.sequence }),
      ...(work.traceparent !== undefined && { traceparent: work.traceparent }),
    };
    const failed = (error: FacewireError): Outcome => {
      return { of: work.id, ok: false, error: carriableError(error.toPublic()) };
    };
    const outcome: Outcome = settled.ok ? { of: work.id, ok: true, reply: settled.reply } : failed(settled.error);
    this.#tell(replyTo, outcome, options)
      .catch((error: unknown) => {
        const coded = FacewireError.from(error);
        const uncarriable = coded.code === "message_too_large" || coded.code === "message_invalid";
        if (!settled.ok || !uncarriable) throw coded;
        // Whoever waits must not wait for a reply that no bus carries.
        return this.#tell(replyTo, failed(coded), options);
      })
      .catch((error: unknown) => this.#observer.outcomeLost?.(replyTo, work.id, error));
  }

  #deadLetter(letter: DeadLetter, counters: ActorCounters): void {
    this.#observer.deadLettered?.(letter);
    const recording = (async () => this.#sink.record(letter))()
      .catch((error: unknown) => {
        counters.lostLetters++;
        this.#observer.letterLost?.(letter, error);
      })
      .finally(() => this.#letters.delete(recording));
    this.#letters.add(recording);
  }

  #checkTaking(): void {
    if (this.#drained) throw shuttingDown();
  }

  #close(): void {
    this.#open--;
    if (this.#open === 0) this.#onQuiet?.();
  }

  #quiet(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onQuiet = resolve;
    return promise;
  }

  #createHost(random: () => number): CellHost {
    const messenger: Messenger = {
      ask: async <Reply>(address: string, body: unknown, options: AskOptions) =>
        (await this.#ask(address, body, options)) as Reply,
      tell: (address, body, options = {}) => this.#tell(address, body, options),
    };
    return {
      clock: this.#clock,
      random,
      observer: this.#observer,
      messenger,
      workAccepted: () => {
        this.#open++;
      },
      workEnded: () => this.#close(),
      sendOutcome: (work, settled) => this.#sendOutcome(work, settled),
      deadLetter: (letter, counters) => this.#deadLetter(letter, counters),
      dropped: (address, id, reason: DropReason) => this.#observer.dropped?.(address, id, reason),
      draining: (cell) => void this.#link.drain(cell),
      gone: (cell) => {
        if (this.#cells.get(cell.address) === cell) this.#cells.delete(cell.address);
        this.#link.forget(cell);
      },
    };
  }
}
