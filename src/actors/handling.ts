/** What an actor is given beside a message. The signal costs nothing until it is looked at. */
import type { CancelTimer, Clock } from "../bus/clock.ts";
import { FacewireError } from "../errors.ts";
import type { ActorContext, AskOptions, DropReason, MessageContext, TellOptions } from "./actor.ts";
import { deadlineExceeded } from "./question.ts";
import type { Work } from "./work.ts";

/** Codes of errors that say the work was interrupted rather than that it failed, and what that is counted as. */
const INTERRUPTIONS: ReadonlyMap<string, DropReason> = new Map([
  ["deadline_exceeded", "deadline"],
  ["request_cancelled", "cancelled"],
  ["shutting_down", "stopped"],
]);

/** One handling of one message. */
export class Handling implements MessageContext {
  readonly #actor: ActorContext;
  readonly #clock: Clock;
  readonly #work: Work;
  #interruption: FacewireError | undefined;
  #controller: AbortController | undefined;
  #cancelTimer: CancelTimer | undefined;
  #ended = false;

  constructor(actor: ActorContext, clock: Clock, work: Work) {
    this.#actor = actor;
    this.#clock = clock;
    this.#work = work;
  }

  get address(): string {
    return this.#actor.address;
  }

  get life(): AbortSignal {
    return this.#actor.life;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      const reason = this.#interrupted();
      if (reason) this.#controller.abort(reason);
      else if (this.#work.deadline !== undefined && !this.#ended) {
        const left = this.#work.deadline - this.#clock.now();
        this.#cancelTimer = this.#clock.after(left, () => this.interrupt(deadlineExceeded()));
      }
    }
    return this.#controller.signal;
  }

  now(): number {
    return this.#clock.now();
  }

  checkpoint(): void {
    const reason = this.#interrupted();
    if (reason) throw reason;
  }

  stop(): void {
    this.#actor.stop();
  }

  async ask<Reply = unknown>(address: string, body: unknown, options: Partial<AskOptions> = {}): Promise<Reply> {
    const deadline = options.deadline ?? this.#work.deadline;
    if (deadline === undefined) {
      throw new FacewireError("message_invalid", "A question needs a deadline, and the message in hand has none.");
    }
    const signal = options.signal ? AbortSignal.any([options.signal, this.signal]) : this.signal;
    return await this.#actor.ask<Reply>(address, body, { ...this.#papers(), ...options, deadline, signal });
  }

  tell(address: string, body: unknown, options: TellOptions = {}): Promise<void> {
    return this.#actor.tell(address, body, { ...this.#papers(), ...options });
  }

  /** Fires the signal. */
  interrupt(reason: FacewireError): void {
    if (this.#ended || this.#interruption) return;
    this.#interruption = reason;
    this.#cancelTimer?.();
    this.#controller?.abort(reason);
  }

  /** Takes the timer back; the handler is done. */
  end(): void {
    this.#ended = true;
    this.#cancelTimer?.();
  }

  /** The interruption that made the handler throw this; undefined when the handler failed of itself. */
  interruptionBehind(thrown: unknown): { readonly reason: DropReason; readonly error: FacewireError } | undefined {
    const error = this.#interrupted();
    if (!error) return undefined;
    const coded = thrown instanceof FacewireError && INTERRUPTIONS.has(thrown.code);
    if (!coded && !(thrown instanceof Error && thrown.name === "AbortError")) return undefined;
    return { reason: INTERRUPTIONS.get(error.code) ?? "stopped", error };
  }

  #interrupted(): FacewireError | undefined {
    if (!this.#interruption && this.#work.expired(this.#clock.now())) this.#interruption = deadlineExceeded();
    return this.#interruption;
  }

  #papers(): TellOptions {
    const { requestId, deadline, traceparent } = this.#work;
    return {
      ...(requestId !== undefined && { requestId }),
      ...(deadline !== undefined && { deadline }),
      ...(traceparent !== undefined && { traceparent }),
    };
  }
}
