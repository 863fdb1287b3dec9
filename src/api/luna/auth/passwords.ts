/**
 * Hashes and checks passwords: argon2id, on threads of its own, so that requests go on meanwhile. Only a few at once: each
 * takes 19 MiB and tens of milliseconds of a core. Whoever asks often waits behind those who ask seldom.
 */
import { availableParallelism } from "node:os";
import { FairLine } from "./fair-line.ts";

/** The least that OWASP names for argon2id; one lane is what the runtime has. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Passwords worked on at once: half the cores, the others go on with everything else. */
const AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2));
/** Most that wait in all, and of one address. */
const WAITING = { inAll: 512, ofOne: 64 };
/** Longest password there can be, in UTF-8 bytes; a longer one is wrong without a look. */
const LONGEST = 32 * 4;

/** Of a password nobody knows, with the same costs: checking an unknown login takes as long as checking a known one. */
const NOBODY =
  "$argon2id$v=19$m=19456,t=2,p=1$ueU0Ul6yQcOdBUVqPIlkzZ9Ff/CChJCArUHhDaKExlk$2JJhMyg6/EPRtqddsYQHdmjffEi4vipoDBe934EgMzg";

/** See the file's head. */
export class Passwords {
  readonly #line = new FairLine(AT_ONCE, WAITING);

  /** The hash of a new password. `from`: who asks, such as an address. Rejects with `overloaded`. */
  hash(password: string, from: string): Promise<string> {
    return this.#line.run(from, () => Bun.password.hash(password, ARGON2ID));
  }

  /**
   * Whether the password is the hash's; without a hash never, and that takes as long. Rejects with `overloaded`, and with the
   * signal's reason when it is aborted before its turn.
   */
  async verify(password: string, hash: string | undefined, from: string, signal: AbortSignal): Promise<boolean> {
    if (Buffer.byteLength(password) > LONGEST) return false;
    const same = await this.#line.run(from, () => Bun.password.verify(password, hash ?? NOBODY), signal);
    return same && hash !== undefined;
  }
}
