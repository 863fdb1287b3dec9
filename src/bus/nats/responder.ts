/** The way back to an asker in another process. */
import type { Msg } from "nats";
import { FacewireError, type PublicError } from "../../errors.ts";
import type { Responder } from "../bus.ts";
import type { WireValue } from "../wire.ts";
import { writeAnswer, writeRefusal } from "./envelope.ts";

/** What a responder needs of its bus. */
export interface ResponderHost {
  /** Throws when an answer cannot be carried. */
  check(body: WireValue): void;
  /** Sends, or does not while the server is away: the asker has been told by then, or will be at its deadline. */
  respond(message: Msg, bytes: Uint8Array): void;
}

/** Characters of a refusal's details; more are left out. */
const MAX_DETAILS = 64 * 1024;

/** See `Responder`. */
export class NatsResponder implements Responder {
  readonly #message: Msg;
  readonly #host: ResponderHost;
  #open = true;

  constructor(message: Msg, host: ResponderHost) {
    this.#message = message;
    this.#host = host;
  }

  answer(body: WireValue): void {
    if (!this.#open) return;
    try {
      this.#host.check(body);
    } catch (error) {
      this.refuse(FacewireError.from(error).toPublic());
      throw error;
    }
    this.#send(writeAnswer(body));
  }

  refuse(error: PublicError): void {
    if (this.#open) this.#send(writeRefusal(error, MAX_DETAILS));
  }

  #send(bytes: Uint8Array): void {
    this.#open = false;
    this.#host.respond(this.#message, bytes);
  }
}
