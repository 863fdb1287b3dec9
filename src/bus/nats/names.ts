/** What things of one installation are called on a NATS server. All names begin with the installation's prefix. */
import { crc32 } from "node:zlib";

/**
 * Lanes of a queue for work with keys: each is a consumer of the server that has one piece out at a time. More lanes let
 * more keys go on beside one that is slow; each lane in use costs the server a consumer (in a cluster, a Raft group).
 */
const KEYED_LANES = 16;

/** The lane of work without a key, whose pieces do not wait for each other. */
export const FREE_LANE = "free";

/** All lanes of a queue. */
export const LANES: readonly string[] = [
  FREE_LANE,
  ...Array.from({ length: KEYED_LANES }, (_, index) => laneName(index)),
];

function laneName(index: number): string {
  return `k${index.toString().padStart(2, "0")}`;
}

/** The lane of a key: the same in every process and version, or the order of a key's work would be lost. */
export function laneOf(key: string | undefined): string {
  return key === undefined ? FREE_LANE : laneName(crc32(key) % KEYED_LANES);
}

/** See the file's head. Subjects, queues and patterns that are handed in have been checked. */
export class NatsNames {
  readonly #messages: string;
  readonly #prefix: string;

  /** @param prefix one token without `_` and `.`, so that the names of streams cannot meet. */
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#messages = `${prefix}.m.`;
  }

  /** The server's subject for a subject or pattern of the bus. */
  message(subject: string): string {
    return this.#messages + subject;
  }

  /** The subject of the bus for a server's. */
  subjectOf(natsSubject: string): string {
    return natsSubject.slice(this.#messages.length);
  }

  /** Where answers to one bus arrive; a token is added for each question. */
  answers(bus: string): string {
    return `${this.#prefix}.a.${bus}`;
  }

  /** Where the server delivers work that one consumer pulled. */
  pulled(consumer: string, lane: string): string {
    return `${this.#prefix}.p.${consumer}.${lane}`;
  }

  /** Where consumers of a queue are told that a lane may have work. */
  hints(queue: string): string {
    return `${this.#prefix}.h.${queue}`;
  }

  /** Where work is stored. */
  work(queue: string, lane: string): string {
    return `${this.#prefix}.w.${queue}.${lane}`;
  }

  /** The stream that stores a queue. */
  stream(queue: string): string {
    return `${this.#prefix}_${queue}`;
  }
}
