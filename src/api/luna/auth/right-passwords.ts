/**
 * Which passwords were found right a short while ago, so that a client that sends its login with each request costs one
 * slow hash now and then. Neither passwords nor anything they could be guessed from without the key of this process is kept.
 */
import { createHmac, randomBytes } from "node:crypto";

/** Milliseconds a password is known without being used. */
const KNOWN_FOR = 10 * 60_000;
/** Most that are known; the ones unused for longest go first. */
const MOST = 10_000;

/** See the file's head. */
export class RightPasswords {
  readonly #key = randomBytes(32);
  /** Until when each is known; the last used ones are at the end. */
  readonly #known = new Map<string, number>();

  /** Whether this password was right for this hash, the account's present one. */
  knows(login: string, password: string, hash: string): boolean {
    const name = this.#name(login, password, hash);
    const until = this.#known.get(name);
    if (until === undefined) return false;
    this.#known.delete(name);
    if (performance.now() > until) return false;
    this.#keep(name);
    return true;
  }

  remember(login: string, password: string, hash: string): void {
    this.#keep(this.#name(login, password, hash));
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
  }

  #keep(name: string): void {
    this.#known.set(name, performance.now() + KNOWN_FOR);
  }

  /** With the hash in it: once that is another one, nothing is known of it. */
  #name(login: string, password: string, hash: string): string {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([login.toLowerCase(), password, hash]))
      .digest("base64");
  }
}
