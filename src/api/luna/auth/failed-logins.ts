/**
 * Slows those who guess passwords. Wrong logins are counted by address and by login; beyond an allowance each further try
 * waits for its turn, at a pace at which nothing can be guessed. Nobody is locked out, and who is waited for is told neither
 * more nor less than others. Tokens and passwords that were right a short while ago never come here, so clients that work
 * go on working, also when they share an address (a proxy's) with one who guesses.
 */
import { LunaError } from "../errors.ts";

/** How much is let through. */
interface Rule {
  /** Wrong logins until tries wait. */
  readonly allowance: number;
  /** Milliseconds until one of them is forgiven. */
  readonly forgiven: number;
}

const MINUTE = 60_000;
/** Most tries of one counter that wait; more are refused at once. */
const WAITING = 8;
/** Counters that are kept; the ones that changed last stay. */
const MOST = 20_000;

interface Counter {
  readonly rule: Rule;
  /** Wrong logins not yet forgiven, as of `at`. */
  wrong: number;
  /** `performance.now()`. */
  at: number;
  waiting: number;
}

/** See the file's head. */
export class FailedLogins {
  readonly #counters = new Map<string, Counter>();
  /** Address and login of those that worked. */
  readonly #trusted = new Set<string>();
  readonly #byAddress: Rule;
  /** Also of a login that worked from an address before: it is not counted with what else comes from there. */
  readonly #byLogin: Rule;

  /** `aMinute`: wrong logins a minute from one address; half as many for one login. */
  constructor(aMinute: number) {
    this.#byAddress = { allowance: aMinute, forgiven: MINUTE / aMinute };
    const ofLogin = Math.ceil(aMinute / 2);
    this.#byLogin = { allowance: ofLogin, forgiven: MINUTE / ofLogin };
  }

  /**
   * Resolves when a try may be looked at. Rejects with `LunaError` 11002 of status 429 when too many wait already, and with the
   * signal's reason.
   */
  async turn(address: string, login: string, signal: AbortSignal): Promise<void> {
    for (const [name, rule] of this.#rules(address, login)) {
      const counter = this.#counter(name, rule);
      // A part of one is forgiven each moment; only a whole one makes room for another try.
      if (counter.wrong <= rule.allowance - 1) continue;
      if (counter.waiting >= WAITING) throw tooMany(rule.forgiven * (counter.waiting + 1));
      counter.waiting++;
      try {
        await sleep(rule.forgiven * counter.waiting, signal);
      } finally {
        counter.waiting--;
      }
    }
  }

  /** The try was wrong. */
  failed(address: string, login: string): void {
    for (const [name, rule] of this.#rules(address, login)) {
      const counter = this.#counter(name, rule);
      counter.wrong = Math.min(counter.wrong + 1, rule.allowance + WAITING);
      this.#counters.delete(name);
      this.#counters.set(name, counter);
      if (this.#counters.size > MOST) this.#forget();
    }
  }

  /** The try was right: this login from this address is somebody who is at home here. */
  succeeded(address: string, login: string): void {
    this.#trusted.add(both(address, login));
    const [oldest] = this.#trusted;
    if (this.#trusted.size > MOST && oldest !== undefined) this.#trusted.delete(oldest);
  }

  #rules(address: string, login: string): readonly (readonly [string, Rule])[] {
    const pair = both(address, login);
    if (this.#trusted.has(pair)) return [[pair, this.#byLogin]];
    return [
      [`address ${address}`, this.#byAddress],
      [`login ${login.toLowerCase().slice(0, 64)}`, this.#byLogin],
    ];
  }

  /** The counter as of now; one that is all forgiven is as good as none. */
  #counter(name: string, rule: Rule): Counter {
    const now = performance.now();
    const counter = this.#counters.get(name) ?? { rule, wrong: 0, at: now, waiting: 0 };
    counter.wrong = Math.max(0, counter.wrong - (now - counter.at) / rule.forgiven);
    counter.at = now;
    return counter;
  }

  #forget(): void {
    for (const [name, { waiting }] of this.#counters) {
      if (waiting > 0) continue;
      this.#counters.delete(name);
      return;
    }
  }
}

function both(address: string, login: string): string {
  return `both ${address} ${login.toLowerCase().slice(0, 64)}`;
}

function tooMany(ms: number): LunaError {
  return new LunaError(11002, "Too many wrong logins; try again later", {
    status: 429,
    details: { retry_after_s: Math.ceil(ms / 1000) },
  });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
