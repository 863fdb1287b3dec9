/** Names for messages that were given none. */
import { randomBytes } from "node:crypto";

/** Random bytes in a maker's prefix: two makers share one with a chance of 2^-72 each pair. */
const PREFIX_BYTES = 9;

/** Makes ids that no other maker makes: a random prefix of its own, then a count. Each may be a token of a subject. */
export class IdMaker {
  readonly prefix = randomBytes(PREFIX_BYTES).toString("base64url");
  #count = 0;

  next(): string {
    return `${this.prefix}-${(this.#count++).toString(36)}`;
  }
}
