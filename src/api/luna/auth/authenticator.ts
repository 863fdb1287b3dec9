/**
 * Whose account a request is for. Each request looks the account up, so a suspended or deleted account and a deleted token
 * are refused from the next request on, in every process. What is remembered for a while is only that a password was right
 * for the hash that the account still has.
 */
import type { GalleryStore } from "../../../store/gallery/gallery-store.ts";
import type { Account } from "../../../store/gallery/records.ts";
import { LunaError } from "../errors.ts";
import type { AccountOperation, LunaCall, LunaCaller } from "../operation.ts";
import { type Credentials, credentialsOf } from "./credentials.ts";
import type { FailedLogins } from "./failed-logins.ts";
import { Ongoing } from "./ongoing.ts";
import type { Passwords } from "./passwords.ts";
import { RightPasswords } from "./right-passwords.ts";
import { senderOf } from "./sender.ts";

/** Milliseconds: at the deadline the request is answered as too late; only then its check is given up. */
const BEHIND_DEADLINE = 100;

/** What it works with. */
export interface AuthenticatorParts {
  readonly store: Pick<GalleryStore, "accounts" | "accountTokens">;
  readonly passwords: Passwords;
  readonly failures: FailedLogins;
}

/** See the file's head. */
export class Authenticator {
  readonly #parts: AuthenticatorParts;
  readonly #right = new RightPasswords();
  /** A client that sends many requests at once has its password checked once, not once for each. */
  readonly #checks = new Ongoing<boolean>();

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  /** The caller. Throws `LunaError` 12010, 36002, 12001, 11002, 11004 (401) and 11002 with 429 after too many wrong logins. */
  async caller(call: LunaCall, access: AccountOperation["access"]): Promise<LunaCaller> {
    const credentials = credentialsOf(call.request, call.url, access);
    return credentials.kind === "token" ? this.#byToken(credentials.secret) : this.#byLogin(call, credentials);
  }

  async #byToken(secret: string): Promise<LunaCaller> {
    const found = await this.#parts.store.accountTokens.verify(secret);
    if (!found) throw refused();
    checkSuspended(found.account);
    const authorization = { token_id: found.token.id, token_data: found.token.data };
    return { account: found.account.id, authorization };
  }

  async #byLogin(call: LunaCall, credentials: Credentials & { readonly kind: "basic" }): Promise<LunaCaller> {
    const { login, password } = credentials;
    const { store } = this.#parts;
    // No account has a longer one; a database need not be asked for it.
    const account = login.length <= 64 && !login.includes("\0") ? await store.accounts.byEmail(login) : undefined;
    if (!account || !this.#right.knows(login, password, account.passwordHash)) {
      const from = senderOf(call.exchange.peer);
      const right = await this.#checks.once(JSON.stringify([from, login, password, account?.passwordHash]), () =>
        this.#check({ from, login, password, hash: account?.passwordHash, deadline: call.deadline }),
      );
      if (!right || !account) throw refused();
    }
    checkSuspended(account);
    return { account: account.id, authorization: "basic" };
  }

  /** Whether the password is right, after the wait that wrong ones before it brought about. */
  async #check({ from, login, password, hash, deadline }: PasswordCheck): Promise<boolean> {
    const { passwords, failures } = this.#parts;
    const signal = AbortSignal.timeout(Math.max(0, deadline - Date.now()) + BEHIND_DEADLINE);
    return failures.look(from, login, signal, async () => {
      const right = await passwords.verify(password, hash, from, signal);
      if (right && hash !== undefined) this.#right.remember(login, password, hash);
      return right;
    });
  }
}

/** A password that has to be checked. */
interface PasswordCheck {
  readonly from: string;
  readonly login: string;
  readonly password: string;
  /** Undefined for an unknown login, whose check takes as long. */
  readonly hash: string | undefined;
  /** Epoch milliseconds. */
  readonly deadline: number;
}

/** The same for an unknown login, a wrong password and an unknown token. */
function refused(): LunaError {
  return new LunaError(11002, "Account corresponding login/password not found");
}

function checkSuspended(account: Account): void {
  if (account.suspended) throw new LunaError(11004, "Account is suspended");
}
