/** Work queues as JetStream keeps them: a stream a queue, a consumer of the server a lane. */
import { createHash } from "node:crypto";
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
  nanos,
  type PubAck,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
} from "nats";
import { FacewireError } from "../../errors.ts";
import { apiCode, isNobody, JETSTREAM_CODES, jetstreamFailure } from "./jetstream-errors.ts";
import type { NatsLink } from "./link.ts";
import { FREE_LANE, LANES, type NatsNames } from "./names.ts";

/** How queues are kept. */
export interface QueueStoreOptions {
  /** Servers that keep a copy. */
  readonly replicas: number;
  /** Pieces a queue stores. */
  readonly maxStored: number;
  /** Milliseconds for which the id of accepted work is recognised. */
  readonly dedupeWindow: number;
  /** Milliseconds without a word after which work in somebody's hand is given to another. */
  readonly ackWait: number;
}

/** The header that carries a piece's id on the server. */
const MESSAGE_ID = "Nats-Msg-Id";

/** Answers that something is not there. */
const NOT_THERE: ReadonlySet<number> = new Set([
  JETSTREAM_CODES.streamNotFound,
  JETSTREAM_CODES.consumerNotFound,
  JETSTREAM_CODES.messageNotFound,
]);

/** Longest wait for an answer of JetStream's, in milliseconds: a frozen server is noticed sooner by the link. */
const API_PATIENCE = 5000;

/** Longest wait of a pull that finds no work it may have, in milliseconds. */
const PULL_WAIT = 20;

/** Ids the server can take as they are, in a header; of others it gets the hash. */
const PLAIN_ID = /^[!-~]{1,128}$/;

/** Makes streams and consumers when they are first needed, and again when the server has lost them. */
export class QueueStore {
  readonly #connection: NatsConnection;
  readonly #link: NatsLink;
  readonly #names: NatsNames;
  readonly #options: QueueStoreOptions;
  readonly #jetstream: JetStreamClient;
  readonly #ready = new Map<string, Promise<void>>();
  #manager: JetStreamManager | undefined;

  constructor(connection: NatsConnection, link: NatsLink, names: NatsNames, options: QueueStoreOptions) {
    this.#connection = connection;
    this.#link = link;
    this.#names = names;
    this.#options = options;
    this.#jetstream = connection.jetstream({ timeout: API_PATIENCE });
  }

  /**
   * Stores a piece; resolves with whether its id was there before.
   *
   * @throws FacewireError `overloaded`, `bus_unavailable`
   */
  async put(queue: string, lane: string, id: string, bytes: Uint8Array): Promise<{ readonly duplicate: boolean }> {
    const publish = async (): Promise<PubAck> => {
      await this.#ensureStream(queue);
      return this.#guarded(this.#jetstream.publish(this.#names.work(queue, lane), bytes, { msgID: dedupeId(id) }));
    };
    try {
      try {
        return await publish();
      } catch (error) {
        if (!isNobody(error)) throw error;
        // The server came back without its store, or somebody deleted the stream.
        this.#forget(queue);
        return await publish();
      }
    } catch (error) {
      throw jetstreamFailure(error, queue);
    }
  }

  /** The lanes that hold work, in hand or not. @throws FacewireError `bus_unavailable` */
  async lanes(queue: string): Promise<readonly string[]> {
    try {
      await this.#ensureStream(queue);
      const manager = await this.#api();
      const filter = this.#names.work(queue, "*");
      const { state } = await this.#guarded(
        manager.streams.info(this.#names.stream(queue), { subjects_filter: filter }),
      );
      const start = filter.length - 1;
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(start));
    } catch (error) {
      if (apiCode(error) === JETSTREAM_CODES.streamNotFound) this.#forget(queue);
      throw jetstreamFailure(error, queue);
    }
  }

  /** Makes the consumer of a lane. @throws FacewireError `bus_unavailable` */
  async ensureLane(queue: string, lane: string): Promise<void> {
    try {
      await this.#ensureStream(queue);
      await this.#once(`${queue} ${lane}`, () => this.#addConsumer(queue, lane));
    } catch (error) {
      throw jetstreamFailure(error, queue);
    }
  }

  /** Whether a stream has the piece of this id under this number. @throws FacewireError `bus_unavailable` */
  async has(queue: string, sequence: number, id: string): Promise<boolean> {
    try {
      const { streams } = await this.#api();
      const stored = await this.#guarded(streams.getMessage(this.#names.stream(queue), { seq: sequence }));
      return stored?.header.get(MESSAGE_ID) === dedupeId(id);
    } catch (error) {
      if (NOT_THERE.has(apiCode(error) ?? 0)) return false;
      throw jetstreamFailure(error, queue);
    }
  }

  /**
   * Removes the consumers that are ahead of their stream. A stream that was empty when its server crashed begins its numbers
   * anew (issue 6881 of nats-server, seen with 2.9.10), while its consumers go on at the old ones and would not deliver what has
   * lower numbers. To be called when the server is back. @throws FacewireError `bus_unavailable`
   */
  async removeLanesAhead(queue: string): Promise<void> {
    try {
      const { streams, consumers } = await this.#api();
      const stream = this.#names.stream(queue);
      const infos = await this.#guarded(Array.fromAsync(consumers.list(stream)));
      const { state } = await this.#guarded(streams.info(stream));
      for (const { name, delivered } of infos) {
        // Looked at once more before it is removed: another process may have made it anew already.
        if (delivered.stream_seq > state.last_seq && (await this.#isAhead(stream, name))) {
          await this.removeLane(queue, name);
        }
      }
    } catch (error) {
      if (!NOT_THERE.has(apiCode(error) ?? 0)) throw jetstreamFailure(error, queue);
    }
  }

  /**
   * The number of the oldest piece of a lane when its consumer takes it for delivered and done; nothing when all is well. For
   * streams that began anew and have grown past their consumers since. A piece may be seen so for a moment while it is being
   * removed: one that is seen twice is stuck.
   */
  async passedOver(queue: string, lane: string): Promise<number | undefined> {
    try {
      const { streams, consumers } = await this.#api();
      const stream = this.#names.stream(queue);
      // In this order: a piece that is done in between is then not mistaken.
      const { ack_floor, delivered, num_ack_pending } = await this.#guarded(consumers.info(stream, lane));
      const query = { seq: 1, next_by_subj: this.#names.work(queue, lane) };
      const { seq } = await this.#guarded(streams.getMessage(stream, query));
      const done = num_ack_pending === 0 ? delivered.stream_seq : ack_floor.stream_seq;
      return seq <= done ? seq : undefined;
    } catch (error) {
      if (NOT_THERE.has(apiCode(error) ?? 0)) return undefined;
      throw jetstreamFailure(error, queue);
    }
  }

  /** Removes the consumer of a lane, to be made anew from the lane's oldest piece on. @throws FacewireError `bus_unavailable` */
  async removeLane(queue: string, lane: string): Promise<void> {
    try {
      const { consumers } = await this.#api();
      await this.#guarded(consumers.delete(this.#names.stream(queue), lane));
    } catch (error) {
      if (!NOT_THERE.has(apiCode(error) ?? 0)) throw jetstreamFailure(error, queue);
    } finally {
      this.forgetLane(queue, lane);
    }
  }

  /** The consumer of a lane did not answer: it is made anew before the next pull. */
  forgetLane(queue: string, lane: string): void {
    this.#ready.delete(`${queue} ${lane}`);
  }

  /** Asks for one piece of a lane, which must have been ensured, to be delivered to `reply`: a piece, or word that there is none. */
  pull(queue: string, lane: string, reply: string): void {
    // Without an end a pull on a lane whose piece is out would wait until that is done, and hold a free hand back. Work
    // without keys is never held back, so there the server says at once that there is none.
    const ask = lane === FREE_LANE ? { batch: 1, no_wait: true } : { batch: 1, expires: nanos(PULL_WAIT) };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#names.stream(queue)}.${lane}`;
    this.#link.use().publish(subject, JSON.stringify(ask), { reply });
  }

  async #isAhead(stream: string, lane: string): Promise<boolean> {
    const { streams, consumers } = await this.#api();
    // In this order: a stream only grows, so a consumer that is ahead now is one of an earlier stream.
    const { delivered } = await this.#guarded(consumers.info(stream, lane));
    const { state } = await this.#guarded(streams.info(stream));
    return delivered.stream_seq > state.last_seq;
  }

  async #ensureStream(queue: string): Promise<void> {
    // Known from the server's greeting, so that nobody waits for an answer that cannot come.
    if (this.#link.use().info?.jetstream !== true) {
      throw new FacewireError(
        "bus_unavailable",
        "The NATS server runs without JetStream, which work queues need: start it with -js or a jetstream block.",
        { details: { queue } },
      );
    }
    await this.#once(queue, () => this.#addStream(queue));
  }

  /** Runs `make` unless it has been done or is under way; a failure is not remembered. */
  #once(what: string, make: () => Promise<void>): Promise<void> {
    const there = this.#ready.get(what);
    if (there) return there;
    const making = make();
    this.#ready.set(what, making);
    making.catch(() => this.#ready.delete(what));
    return making;
  }

  #forget(queue: string): void {
    for (const what of [...this.#ready.keys()]) {
      if (what === queue || what.startsWith(`${queue} `)) this.#ready.delete(what);
    }
  }

  async #addStream(queue: string): Promise<void> {
    const { streams } = await this.#api();
    const name = this.#names.stream(queue);
    const changeable = {
      // Every lane by name: what strangers send to others would be stored and never read.
      subjects: LANES.map((lane) => this.#names.work(queue, lane)),
      max_msgs: this.#options.maxStored,
      duplicate_window: nanos(this.#options.dedupeWindow),
      num_replicas: this.#options.replicas,
    };
    const fixed = { retention: RetentionPolicy.Workqueue, storage: StorageType.File, discard: DiscardPolicy.New };
    try {
      await this.#guarded(streams.add({ name, ...fixed, ...changeable }));
    } catch (error) {
      if (apiCode(error) !== JETSTREAM_CODES.streamExistsOtherwise) throw error;
      await this.#guarded(streams.update(name, changeable));
    }
  }

  async #addConsumer(queue: string, lane: string): Promise<void> {
    const { consumers } = await this.#api();
    const config = {
      durable_name: lane,
      filter_subject: this.#names.work(queue, lane),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      ack_wait: nanos(this.#options.ackWait),
      // The bus gives work up itself, with its dead letters; the server would only stop to deliver it.
      max_deliver: -1,
      max_ack_pending: lane === FREE_LANE ? -1 : 1,
    };
    const stream = this.#names.stream(queue);
    try {
      await this.#guarded(consumers.add(stream, config));
    } catch (error) {
      // There with another wait, of a process with other settings: the last one counts.
      if (apiCode(error) === undefined) throw error;
      await this.#guarded(consumers.update(stream, lane, { ack_wait: config.ack_wait }));
    }
  }

  async #api(): Promise<JetStreamManager> {
    this.#manager ??= await this.#connection.jetstreamManager({ timeout: API_PATIENCE, checkAPI: false });
    return this.#manager;
  }

  #guarded<T>(work: Promise<T>): Promise<T> {
    return this.#link.guard(work);
  }
}

/** The id by which the server recognises work it has stored. */
function dedupeId(id: string): string {
  return PLAIN_ID.test(id) ? id : `sha256-${createHash("sha256").update(id).digest("base64url")}`;
}
