/**
 * The WebSockets that are open: how many a token, a login and an account may have, and their end when a token is deleted or an
 * account suspended. What this process ends is seen at once, what another one does within {@link LOOK_EVERY}.
 */
import type { GalleryStore } from "../../store/gallery/gallery-store.ts";
import type { Revocations } from "./auth/revocations.ts";
import { LunaError } from "./errors.ts";
import type { LunaCaller } from "./operation.ts";

/** What it works with. */
export interface OpenSocketsParts {
  readonly store: Pick<GalleryStore, "accounts" | "accountTokens">;
  readonly revocations: Revocations;
  /** Most WebSockets at once of one token, and of one account's login. */
  readonly most: number;
  /** Most of one account, with whichever of its tokens: anybody may make as many tokens as he likes. */
  readonly mostOfAccount: number;
}

/** A place for one WebSocket. */
export interface SocketPlace {
  /** Calls `end` once the credentials are no longer valid, at once if they are not now. */
  onEnded(end: () => void): void;
  /** Gives the place back. May be called again. */
  release(): void;
}

interface Held {
  readonly caller: LunaCaller;
  ended: boolean;
  end: (() => void) | undefined;
}

/** Milliseconds. */
const LOOK_EVERY = 500;

/** See the file's head. */
export class OpenSockets {
  readonly #parts: OpenSocketsParts;
  /** By token or login. */
  readonly #held = new Map<string, Set<Held>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking = false;

  constructor(parts: OpenSocketsParts) {
    this.#parts = parts;
    parts.revocations.on(({ tokens }) => {
      for (const token of tokens) this.#end(token);
    });
  }

  /** A place. Throws `LunaError` 12033 (403) when the caller has as many as are allowed. */
  take(caller: LunaCaller): SocketPlace {
    const key = keyOf(caller);
    const others = this.#held.get(key) ?? new Set();
    if (others.size >= this.#parts.most) {
      throw new LunaError(12033, "These credentials have as many WebSocket subscriptions as are allowed");
    }
    if (this.#ofAccount(caller.account) >= this.#parts.mostOfAccount) {
      throw new LunaError(12033, "The account has as many WebSocket subscriptions as are allowed");
    }
    const held: Held = { caller, ended: false, end: undefined };
    this.#held.set(key, others.add(held));
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY);
    return {
      onEnded(end) {
        held.end = end;
        if (held.ended) end();
      },
      release: () => this.#release(key, held),
    };
  }

  #ofAccount(account: string): number {
    let count = 0;
    for (const held of this.#held.values()) for (const { caller } of held) if (caller.account === account) count++;
    return count;
  }

  #release(key: string, held: Held): void {
    const others = this.#held.get(key);
    if (!others?.delete(held) || others.size > 0) return;
    this.#held.delete(key);
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #end(key: string): void {
    for (const held of [...(this.#held.get(key) ?? [])]) {
      if (held.ended) continue;
      held.ended = true;
      held.end?.();
    }
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const callers = [...this.#held].flatMap(([key, [held]]) => (held ? [{ key, caller: held.caller }] : []));
      const { accounts, accountTokens } = this.#parts.store;
      const usable = new Set([
        ...(await accountTokens.usable(callers.flatMap(({ caller }) => tokenOf(caller) ?? []))),
        ...(await accounts.usable(callers.flatMap(({ caller }) => (tokenOf(caller) ? [] : caller.account)))),
      ]);
      for (const { key } of callers) if (!usable.has(key)) this.#end(key);
    } catch {
      // A database that is away ends no connection; the next look may find it again.
    } finally {
      this.#looking = false;
    }
  }
}

function tokenOf({ authorization }: LunaCaller): string | undefined {
  return authorization === "basic" ? undefined : authorization.token_id;
}

function keyOf(caller: LunaCaller): string {
  return tokenOf(caller) ?? caller.account;
}
