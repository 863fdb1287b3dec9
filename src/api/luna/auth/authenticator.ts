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
import type { Passwords } from "./passwords.ts";
import { RightPasswords } from "./right-passwords.ts";

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
    const { store, passwords, failures } = this.#parts;
    // No account has a longer one; a database need not be asked for it.
    const account = login.length <= 64 && !login.includes("\0") ? await store.accounts.byEmail(login) : undefined;
    if (!account || !this.#right.knows(login, password, account.passwordHash)) {
      const from = call.exchange.peer ?? "";
      await failures.turn(from, login, call.signal);
      if (!(await passwords.verify(password, account?.passwordHash, from, call.signal)) || !account) {
        failures.failed(from, login);
        throw refused();
      }
      this.#right.remember(login, password, account.passwordHash);
      failures.succeeded(from, login);
    }
    checkSuspended(account);
    return { account: account.id, authorization: "basic" };
  }
}

/** The same for an unknown login, a wrong password and an unknown token. */
function refused(): LunaError {
  return new LunaError(11002, "Account corresponding login/password not found");
}

function checkSuspended(account: Account): void {
  if (account.suspended) throw new LunaError(11004, "Account is suspended");
}
