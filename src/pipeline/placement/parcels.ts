/**
 * Bodies larger than the bus carries: the sender keeps them and sends a slip, and the receiver fetches them piece by piece.
 * Who fetches decides what it takes, so that nobody can fill its memory.
 */
import { type Static, Type } from "@sinclair/typebox";
import type { Bus, Delivery, Subscription } from "../../bus/bus.ts";
import { checkPacked } from "../../bus/nats/check-packed.ts";
import { pack, unpack } from "../../bus/nats/packed.ts";
import { MAX_DEPTH, measureMessage, NO_HEADERS, type WireValue } from "../../bus/wire.ts";
import { FacewireError } from "../../errors.ts";
import { checkerOf } from "./schemas.ts";

/** Bytes of a message that are left for its subject and for what else stands in it. */
const ROOM = 2048;
/** Longest wait for one piece, in milliseconds. */
const PIECE_PATIENCE = 5_000;
/** Small numbers weigh more than their bytes; lists of them up to this much more than the bytes that are taken. */
const WEIGHT = 2;

const Id = Type.String({ pattern: "^[0-9A-Za-z-]{1,80}$" });
const Slip = Type.Object({ at: Id, parcel: Id, bytes: Type.Integer({ minimum: 1 }) });
const Body = Type.Union([Type.Object({ content: Type.Unknown() }), Type.Object({ slip: Slip })]);
const Piece = Type.Object({
  parcel: Id,
  from: Type.Integer({ minimum: 0 }),
  length: Type.Integer({ minimum: 1 }),
});
const checkBody = checkerOf(Body);
const checkPiece = checkerOf(Piece);

/** A body as it is sent. */
export interface Wrapped {
  readonly body: WireValue;
  /** Nobody will fetch it any more. */
  forget(): void;
}

/** What is taken of others. */
export interface UnwrapOptions {
  /** Most bytes; more are refused with `message_too_large`. */
  readonly limit: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
}

/** See the file's head. One for each process. */
export class Parcels {
  readonly #bus: Bus;
  readonly #id: string;
  readonly #kept = new Map<string, Uint8Array>();
  #subscription: Subscription | undefined;
  #next = 0;

  private constructor(bus: Bus, id: string) {
    this.#bus = bus;
    this.#id = id;
  }

  /** @param id of this process, which no other has. @throws FacewireError `bus_unavailable` */
  static async open(bus: Bus, id: string): Promise<Parcels> {
    const parcels = new Parcels(bus, id);
    const options = { maxInFlight: Number.POSITIVE_INFINITY };
    parcels.#subscription = await bus.subscribe(subjectOf(id), (delivery) => parcels.#serve(delivery), options);
    return parcels;
  }

  /** Bytes that are kept for others now. */
  get keptBytes(): number {
    return [...this.#kept.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** A value as a body: itself, or a slip for it. Throws `message_too_large` over `limit` bytes. */
  wrap(content: WireValue, limit: number): Wrapped {
    const size = measureMessage("", NO_HEADERS, content);
    if (size > limit * WEIGHT) throw tooLarge(size, limit);
    if (size + ROOM <= this.#bus.maxMessageBytes) return { body: { content }, forget() {} };
    const bytes = pack(content);
    if (bytes.byteLength > limit) throw tooLarge(bytes.byteLength, limit);
    const parcel = `${++this.#next}`;
    this.#kept.set(parcel, bytes);
    return {
      body: { slip: { at: this.#id, parcel, bytes: bytes.byteLength } },
      forget: () => this.#kept.delete(parcel),
    };
  }

  /** Bytes that unwrapping a body takes beyond those it came in. Throws `message_invalid`. */
  static bytesToFetch(body: unknown): number {
    const checked = checkBody(body);
    return "slip" in checked ? checked.slip.bytes : 0;
  }

  /** The value that was wrapped, where it stands in the body; undefined where it is to be fetched. Throws `message_invalid`. */
  static inline(body: unknown): WireValue | undefined {
    const checked = checkBody(body);
    return "content" in checked ? (checked.content as WireValue) : undefined;
  }

  /**
   * The value that was wrapped. Rejects with `message_invalid`, `message_too_large`, `no_receiver` when its sender is gone
   * or has forgotten it, or as `Bus.request` does.
   */
  async unwrap(body: unknown, options: UnwrapOptions): Promise<WireValue> {
    const checked = checkBody(body);
    if ("content" in checked) return checked.content as WireValue;
    const bytes = await this.#fetch(checked.slip, options);
    checkPacked(bytes, { depth: MAX_DEPTH, size: options.limit * WEIGHT });
    return unpack(bytes);
  }

  close(): void {
    this.#subscription?.close();
    this.#kept.clear();
  }

  async #fetch({ at, parcel, bytes }: Static<typeof Slip>, options: UnwrapOptions): Promise<Uint8Array> {
    const { limit, deadline, signal } = options;
    if (bytes > limit) throw tooLarge(bytes, limit);
    const whole = new Uint8Array(bytes);
    const most = this.#bus.maxMessageBytes - ROOM;
    for (let from = 0; from < bytes; ) {
      const length = Math.min(most, bytes - from);
      const piece = await this.#bus.request(
        subjectOf(at),
        { parcel, from, length },
        {
          deadline: Math.min(deadline, Date.now() + PIECE_PATIENCE),
          ...(signal && { signal }),
        },
      );
      if (!(piece instanceof Uint8Array) || piece.byteLength !== length) {
        throw new FacewireError("message_invalid", "A piece of a large message is not as long as it should be.");
      }
      whole.set(piece, from);
      from += length;
    }
    return whole;
  }

  #serve({ body, responder }: Delivery): void {
    const { parcel, from, length } = checkPiece(body);
    const bytes = this.#kept.get(parcel);
    if (!bytes) throw new FacewireError("no_receiver", "What was to be fetched is no longer kept.");
    responder?.answer(bytes.subarray(from, from + length));
  }
}

function subjectOf(id: string): string {
  return `inference.parcels.${id}`;
}

function tooLarge(bytes: number, limit: number): FacewireError {
  return new FacewireError("message_too_large", "A picture with what was found on it is larger than is sent on.", {
    details: { bytes, limit },
  });
}
