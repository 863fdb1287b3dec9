/** The questions of one bus that wait for answers from other processes. */
import type { Msg, NatsConnection, Subscription as ServerSubscription } from "nats";
import { FacewireError } from "../../errors.ts";
import type { RequestOptions } from "../bus.ts";
import type { Clock } from "../clock.ts";
import { LocalRequest, type RequestEnd } from "../local-request.ts";
import { readOutcome } from "./envelope.ts";

/** What the server answers for a subject on which nobody listens. */
const NO_RESPONDERS = 503;

/** What the open requests need of their bus. */
export interface OpenRequestsHost {
  /** Largest answer as `measureMessage` counts it, in bytes. */
  readonly limit: () => number;
  ended(end: RequestEnd): void;
  /** An answer could not be read. */
  malformed(error: FacewireError, payload: Uint8Array): void;
}

/** See the file's head. One subscription takes all answers; a token of their subject says whose they are. */
export class OpenRequests {
  readonly #clock: Clock;
  readonly #host: OpenRequestsHost;
  readonly #prefix: string;
  readonly #answers: ServerSubscription;
  readonly #open = new Map<string, LocalRequest>();
  #count = 0;
  #onQuiet: (() => void) | undefined;

  /** @param inbox a subject that no other bus has; tokens are added to it. */
  constructor(connection: NatsConnection, inbox: string, clock: Clock, host: OpenRequestsHost) {
    this.#clock = clock;
    this.#host = host;
    this.#prefix = `${inbox}.`;
    this.#answers = connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        if (!error) this.#answered(message);
      },
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** Opens a request. `send` gets the subject to answer to; it is not called for one that is over before it began. */
  begin(options: RequestOptions, send: (reply: string) => void): LocalRequest {
    const token = (this.#count++).toString(36);
    const ended = (_: LocalRequest, end: RequestEnd): void => this.#ended(token, end);
    const request = new LocalRequest({ check: () => {}, ended }, this.#clock, options.deadline, options.signal);
    if (!request.open) return request;
    this.#open.set(token, request);
    try {
      send(this.#prefix + token);
    } catch (error) {
      request.fail(FacewireError.from(error), "closed");
    }
    return request;
  }

  /** Ends all that are open. */
  failAll(error: FacewireError, end: RequestEnd): void {
    for (const request of [...this.#open.values()]) request.fail(error, end);
  }

  /** Resolves when none is open. */
  quiet(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onQuiet = resolve;
    return promise;
  }

  /** Takes no more answers. */
  close(): void {
    this.#answers.unsubscribe();
  }

  #answered(message: Msg): void {
    const request = this.#open.get(message.subject.slice(this.#prefix.length));
    if (!request) return;
    if (message.headers?.code === NO_RESPONDERS) {
      request.fail(new FacewireError("no_receiver", "Nobody listens on this address."), "noReceiver");
      return;
    }
    try {
      const outcome = readOutcome(message.data, this.#host.limit());
      if ("body" in outcome) request.answer(outcome.body);
      else request.refuse(outcome.refusal);
    } catch (error) {
      const coded = FacewireError.from(error);
      this.#host.malformed(coded, message.data);
      request.fail(coded, "refusals");
    }
  }

  #ended(token: string, end: RequestEnd): void {
    this.#open.delete(token);
    this.#host.ended(end);
    if (this.#open.size === 0) this.#onQuiet?.();
  }
}
