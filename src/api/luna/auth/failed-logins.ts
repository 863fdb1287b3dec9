/**
 * Slows those who guess passwords. Wrong logins are counted by address and by login; beyond an allowance each further try
 * waits for its turn, at a pace at which nothing can be guessed; who is waited for is told neither more nor less than others. A
 * right password waits and is refused like a guess while others guess from its address or at its login, unless it has worked
 * from there before. Tokens and passwords that were right a short while ago never come here, so clients that work go on working,
 * also when they share an address (a proxy's) with one who guesses.
 */
import { FacewireError } from "../../../errors.ts";
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
/** Most tries of one counter that wait for what others turn out to be. */
const UNDECIDED = 64;
/** Counters that are kept; the ones that were asked last stay. */
const MOST = 20_000;

interface Counter {
  readonly rule: Rule;
  /** Wrong logins not yet forgiven, as of `at`. */
  wrong: number;
  /** `performance.now()`. */
  at: number;
  /** Tries that wait at the pace of the rule. */
  waiting: number;
  /** Tries that are being looked at: each may turn out wrong. */
  checking: number;
  /** Tries whose turn depends on those: each is called when one of them is known. */
  readonly undecided: Set<() => void>;
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
   * Whether a try is right, which `check` tells once it may be looked at. Rejects with `LunaError` 11002 of status 429 when too
   * many wait already, with `overloaded`, with the signal's reason, and as `check` does.
   */
  async look(address: string, login: string, signal: AbortSignal, check: () => Promise<boolean>): Promise<boolean> {
    const counted: Counter[] = [];
    try {
      for (const [name, rule] of this.#rules(address, login)) {
        const counter = this.#counter(name, rule);
        await this.#turn(counter, signal);
        counted.push(counter);
      }
      const right = await check();
      if (right) this.#succeeded(address, login);
      else for (const counter of counted) wentWrong(counter);
      return right;
    } finally {
      for (const counter of counted) {
        counter.checking--;
        for (const decided of [...counter.undecided]) decided();
      }
    }
  }

  /** Resolves when a try may be looked at, as one of those that are. */
  async #turn(counter: Counter, signal: AbortSignal): Promise<void> {
    const { rule, undecided } = counter;
    // Guesses that are sent together must not all be looked at before the first of them counts as wrong.
    while (hasAllowance(counter) && counter.wrong + counter.checking > rule.allowance - 1 && counter.checking > 0) {
      if (undecided.size >= UNDECIDED) {
        const message = "Too many logins are being checked; try again.";
        throw new FacewireError("overloaded", message, { details: { retry_after_s: 1 } });
      }
      await decision(counter, signal);
    }
    if (!hasAllowance(counter)) {
      if (counter.waiting >= WAITING) throw tooMany(rule.forgiven * (counter.waiting + 1));
      counter.waiting++;
      try {
        await sleep(rule.forgiven * counter.waiting, signal);
      } finally {
        counter.waiting--;
      }
    }
    // At once: whoever asks next has to see it.
    counter.checking++;
  }

  /** The try was right: this login from this address is somebody who is at home here. */
  #succeeded(address: string, login: string): void {
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

  #counter(name: string, rule: Rule): Counter {
    const known = this.#counters.get(name);
    const counter = known ?? { rule, wrong: 0, at: performance.now(), waiting: 0, checking: 0, undecided: new Set() };
    this.#counters.delete(name);
    this.#counters.set(name, counter);
    if (this.#counters.size > MOST) this.#forget();
    return counter;
  }

  #forget(): void {
    for (const [name, { waiting, checking, undecided }] of this.#counters) {
      if (waiting + checking + undecided.size > 0) continue;
      this.#counters.delete(name);
      return;
    }
  }
}

/** Whether there is an allowance left for a try, as of now. A part of one is forgiven each moment; only a whole one counts. */
function hasAllowance(counter: Counter): boolean {
  const now = performance.now();
  counter.wrong = Math.max(0, counter.wrong - (now - counter.at) / counter.rule.forgiven);
  counter.at = now;
  return counter.wrong <= counter.rule.allowance - 1;
}

function wentWrong(counter: Counter): void {
  hasAllowance(counter);
  counter.wrong = Math.min(counter.wrong + 1, counter.rule.allowance + WAITING);
}

/** Resolves when one of those that are looked at is known to be right or wrong. */
function decision({ undecided }: Counter, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = () => {
      undecided.delete(decided);
      reject(signal.reason);
    };
    const decided = () => {
      undecided.delete(decided);
      signal.removeEventListener("abort", aborted);
      resolve();
    };
    undecided.add(decided);
    signal.addEventListener("abort", aborted, { once: true });
  });
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
