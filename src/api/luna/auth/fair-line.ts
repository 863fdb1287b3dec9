/** A line in front of scarce work where everybody's own line gets its turn: one who sends a thousand delays only themselves. */
import { FacewireError } from "../../../errors.ts";

/** Most that wait. */
interface Room {
  readonly inAll: number;
  readonly ofOne: number;
}

/** See the file's head. */
export class FairLine {
  readonly #atOnce: number;
  readonly #room: Room;
  /** Whose turn is next comes first; each served one goes to the end. */
  readonly #lines = new Map<string, Set<() => void>>();
  #waiting = 0;
  #running = 0;

  /** `atOnce`: how many run at once. */
  constructor(atOnce: number, room: Room) {
    this.#atOnce = atOnce;
    this.#room = room;
  }

  /**
   * Runs the work when it is its turn. `who`: whose line it stands in. Rejects with `overloaded` when there is no room to wait,
   * and with the signal's reason when it is aborted before its turn.
   */
  async run<T>(who: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#turn(who, signal);
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  /** Resolves as one of those that run. */
  #turn(who: string, signal: AbortSignal | undefined): Promise<void> {
    const line = this.#lines.get(who) ?? new Set();
    if (this.#waiting >= this.#room.inAll || line.size >= this.#room.ofOne) {
      const message = "Too many logins are being checked; try again.";
      return Promise.reject(new FacewireError("overloaded", message, { details: { retry_after_s: 1 } }));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#lines.set(who, line);
    this.#waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.delete(go);
        if (line.size === 0) this.#lines.delete(who);
        this.#waiting--;
      };
      const aborted = () => {
        leave();
        reject(signal?.reason);
      };
      const go = () => {
        signal?.removeEventListener("abort", aborted);
        leave();
        this.#running++;
        resolve();
      };
      line.add(go);
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  #next(): void {
    if (this.#running >= this.#atOnce) return;
    const [found] = this.#lines;
    if (!found) return;
    const [who, line] = found;
    const [go] = line;
    go?.();
    if (line.size === 0) return;
    this.#lines.delete(who);
    this.#lines.set(who, line);
  }
}
