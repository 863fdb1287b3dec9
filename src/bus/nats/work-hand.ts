/** The pieces of work a consumer has in hand: handled, kept alive, and settled with the server. */
import { FacewireError } from "../../errors.ts";
import { backoffDelay, DEFAULT_BACKOFF } from "../backoff.ts";
import type { ConsumeOptions, WorkMessage } from "../bus.ts";
import type { CancelTimer, Clock } from "../clock.ts";
import { isNobody } from "./jetstream-errors.ts";
import type { NatsLink } from "./link.ts";

/** Default of `ConsumeOptions.maxDeliver`. */
const MAX_DELIVER = 5;

/** Longest wait for the server's word that it has an acknowledgement, in milliseconds, and the wait before asking again. */
const ACK_PATIENCE = 2000;
const ACK_RETRY = 250;

/** Acknowledgements that may find nobody, as while a cluster chooses a leader; then the queue is gone. */
const ACK_NOBODY = 20;

/** Work as it was delivered. */
export interface Piece {
  /** Its number in the stream. */
  readonly sequence: number;
  readonly lane: string;
  readonly work: WorkMessage;
  /** Where the server hears of it: of its latest delivery, should it come again while it is in hand. */
  reply: string;
  /** The connection over which the server last showed that it has this piece under this number: see `NatsLink`. */
  connection: number;
}

/** What a hand waits by. */
export interface HandTiming {
  readonly clock: Clock;
  /** Chance for jitter, 0..1. */
  readonly random: () => number;
  /** Milliseconds after which the server gives silent work to another. */
  readonly ackWait: number;
}

/** What a hand tells its consumer. */
export interface HandHost {
  acknowledged(): void;
  redelivered(): void;
  deadLettered(): void;
  deadLetterFailed(work: WorkMessage, error: unknown): void;
  /** A piece has left the hand; its lane has work again, if any, after `delay` milliseconds. */
  left(lane: string, delay: number): void;
  /** Whether the server still has this very piece under its number. Rejects when it cannot be asked. */
  isStored(piece: Piece): Promise<boolean>;
}

/** See the file's head. Everything a handler says of a piece that has left the hand is without effect. */
export class WorkHand {
  readonly #link: NatsLink;
  readonly #handler: (work: WorkMessage) => Promise<void>;
  readonly #options: ConsumeOptions;
  readonly #timing: HandTiming;
  readonly #host: HandHost;
  readonly #pieces = new Map<number, Piece>();
  #cancelKeepAlive: CancelTimer;

  constructor(
    link: NatsLink,
    handler: (work: WorkMessage) => Promise<void>,
    options: ConsumeOptions,
    timing: HandTiming,
    host: HandHost,
  ) {
    this.#link = link;
    this.#handler = handler;
    this.#options = options;
    this.#timing = timing;
    this.#host = host;
    this.#cancelKeepAlive = this.#keepAliveLater();
  }

  get size(): number {
    return this.#pieces.size;
  }

  /** Whether a piece of the lane is in hand. */
  holdsLane(lane: string): boolean {
    for (const piece of this.#pieces.values()) if (piece.lane === lane) return true;
    return false;
  }

  /**
   * Whether this piece is in hand already; the server is then answered through its newest delivery. Another piece under the
   * same number is one of a stream that was begun anew: what was in hand of the old one is no longer.
   */
  renew(sequence: number, id: string, reply: string): boolean {
    const piece = this.#pieces.get(sequence);
    if (piece?.work.id !== id) return false;
    piece.reply = reply;
    piece.connection = this.#link.connections;
    return true;
  }

  /** Takes a piece and works on it. */
  take(piece: Piece): void {
    this.#pieces.set(piece.sequence, piece);
    const { maxDeliver = MAX_DELIVER } = this.#options;
    if (piece.work.attempt <= maxDeliver) void this.#handle(piece);
    else void this.#giveUp(piece, piece.work.attempt - 1, neverFinished(), 1);
  }

  /** Takes a piece that cannot be read; `report` resolves when it is kept elsewhere. */
  takeUnreadable(piece: Piece, report: () => void | Promise<void>): void {
    this.#pieces.set(piece.sequence, piece);
    void this.#bury(piece, report);
  }

  /** Tells the server that everything in hand is worked on. */
  keepAlive(): void {
    if (!this.#link.connected) return;
    for (const { reply } of this.#pieces.values()) this.#link.use().publish(reply, "+WPI");
  }

  /** Lets go of everything; others get it at once, or after the server's patience while there is no connection. */
  release(): void {
    this.#cancelKeepAlive();
    const pieces = [...this.#pieces.values()];
    this.#pieces.clear();
    for (const piece of pieces) this.#giveBack(piece, 0);
  }

  /** Ends the hand, which must be empty. */
  close(): void {
    this.#cancelKeepAlive();
  }

  async #handle(piece: Piece): Promise<void> {
    try {
      await this.#handler(piece.work);
    } catch (error) {
      if (this.#holds(piece)) this.#failed(piece, error);
      return;
    }
    if (await this.#settle(piece)) this.#host.acknowledged();
  }

  #failed(piece: Piece, error: unknown): void {
    const { maxDeliver = MAX_DELIVER, retry } = this.#options;
    const { attempt } = piece.work;
    if (attempt >= maxDeliver || retry?.(error) === false) {
      void this.#giveUp(piece, attempt, error, 1);
      return;
    }
    this.#host.redelivered();
    this.#pieces.delete(piece.sequence);
    this.#giveBack(piece, this.#backoff(attempt));
  }

  async #giveUp(piece: Piece, attempts: number, error: unknown, tries: number): Promise<void> {
    try {
      await this.#options.onDeadLetter(piece.work, { attempts, error });
    } catch (failure) {
      if (!this.#holds(piece)) return;
      this.#host.deadLetterFailed(piece.work, failure);
      this.#timing.clock.after(this.#backoff(tries), () => {
        if (this.#holds(piece)) void this.#giveUp(piece, attempts, error, tries + 1);
      });
      return;
    }
    if (await this.#settle(piece)) this.#host.deadLettered();
  }

  async #bury(piece: Piece, report: () => void | Promise<void>): Promise<void> {
    try {
      await report();
    } catch {
      if (!this.#holds(piece)) return;
      this.#pieces.delete(piece.sequence);
      this.#giveBack(piece, this.#backoff(piece.work.attempt));
      return;
    }
    await this.#settle(piece);
  }

  /** Acknowledges until the server has said that it knows; resolves with whether the piece was in hand until then. */
  async #settle(piece: Piece): Promise<boolean> {
    let nobody = 0;
    while (this.#holds(piece)) {
      try {
        if (!(await this.#isOurs(piece))) return false;
        const request = this.#link.use().request(piece.reply, "+ACK", { timeout: ACK_PATIENCE });
        await this.#link.guard(request);
        break;
      } catch (error) {
        if (isNobody(error) && ++nobody > ACK_NOBODY) {
          this.#leave(piece);
          return false;
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#timing.clock.after(ACK_RETRY, resolve);
        await promise;
      }
    }
    if (!this.#holds(piece)) return false;
    this.#leave(piece);
    return true;
  }

  /**
   * A server that crashed may have begun its stream anew, and an acknowledgement names no more than a number: it would remove
   * another piece. So after an outage the server is asked first.
   */
  async #isOurs(piece: Piece): Promise<boolean> {
    const { connections } = this.#link;
    if (piece.connection === connections) return true;
    if (await this.#host.isStored(piece)) {
      piece.connection = connections;
      return true;
    }
    if (this.#holds(piece)) this.#leave(piece);
    return false;
  }

  #leave(piece: Piece): void {
    this.#pieces.delete(piece.sequence);
    this.#host.left(piece.lane, 0);
  }

  #giveBack(piece: Piece, delay: number): void {
    if (this.#link.connected && piece.connection === this.#link.connections) {
      // The server takes whole nanoseconds.
      const words = delay > 0 ? `-NAK {"delay":${Math.round(delay * 1_000_000)}}` : "-NAK";
      this.#link.use().publish(piece.reply, words);
    }
    this.#host.left(piece.lane, delay);
  }

  #holds(piece: Piece): boolean {
    return this.#pieces.get(piece.sequence) === piece;
  }

  #backoff(failures: number): number {
    return backoffDelay(this.#options.backoff ?? DEFAULT_BACKOFF, failures, this.#timing.random);
  }

  #keepAliveLater(): CancelTimer {
    return this.#timing.clock.after(this.#timing.ackWait / 3, () => {
      this.keepAlive();
      this.#cancelKeepAlive = this.#keepAliveLater();
    });
  }
}

function neverFinished(): FacewireError {
  return new FacewireError("worker_failed", "The work was handed out again and again, and no handler ever ended.");
}
