/**
 * Who may use a listener: open on loopback, tokens everywhere else. Roles are checked against what an address asks for.
 */
import { FacewireError } from "../errors.ts";
import { roleCovers, type TokenRole, type Tokens } from "../store/tokens.ts";
import { checkBrowserOrigin } from "./browser-origin.ts";
import { isLoopback } from "./loopback.ts";

/** Where tokens are kept. */
export type TokenBook = Pick<Tokens, "verify" | "count">;

/** What an address asks of its caller: a role (or a stronger one), or nothing at all. */
export type Requirement = TokenRole | "none";

/** Who calls. `open`: nobody was asked for a token. */
export type Caller =
  | { readonly kind: "open" }
  /** `name`: the id of a token without one. */
  | { readonly kind: "token"; readonly name: string; readonly role: TokenRole };

/**
 * Whether a listener on this address may be used without a token: always on loopback, elsewhere only when the settings
 * say so. Throws `listen_unsafe` when it would listen beyond loopback with neither a token nor that setting.
 */
export async function decideOpenness(
  hostname: string,
  access: { readonly open: boolean },
  tokens: TokenBook,
): Promise<boolean> {
  if (access.open || isLoopback(hostname)) return true;
  if ((await tokens.count()) > 0) return false;
  throw new FacewireError(
    "listen_unsafe",
    `Listening on ${hostname} would let everybody who reaches this machine in: no token exists.`,
    { details: { address: hostname, create_token: "facewire tokens create --role run", or_setting: "access.open" } },
  );
}

/** Checks callers of one listener. */
export class AccessGuard {
  readonly #hostname: string;
  readonly #open: boolean;
  readonly #tokens: TokenBook;

  /** `hostname`: what the listener is bound to. `open`: as {@link decideOpenness} says. */
  constructor(hostname: string, open: boolean, tokens: TokenBook) {
    this.#hostname = hostname;
    this.#open = open;
    this.#tokens = tokens;
  }

  /**
   * Who sent the request. Throws `unauthorized` (token missing or wrong; a wrong one is refused on an open listener
   * too), `forbidden` (the role does not reach) and `origin_refused` (a browser acting for somebody else's page).
   */
  async check(request: Request, requirement: Requirement): Promise<Caller> {
    if (requirement === "none") return { kind: "open" };
    const authorization = request.headers.get("authorization");
    if (authorization === null) {
      if (!this.#open) throw new FacewireError("unauthorized", "Send Authorization: Bearer <token>.");
      checkBrowserOrigin(request, isLoopback(this.#hostname));
      return { kind: "open" };
    }
    // With a token no page can act for a browser's user unnoticed: browsers never add one by themselves.
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    const known = token === undefined ? undefined : await this.#tokens.verify(token);
    if (!known) throw new FacewireError("unauthorized", "The token is not known here.");
    if (!roleCovers(known.role, requirement)) {
      const message = `This needs a token of role ${requirement}; the one sent has role ${known.role}.`;
      throw new FacewireError("forbidden", message, { details: { needed: requirement, role: known.role } });
    }
    // A token need not have a name, but logs must tell one from another.
    return { kind: "token", name: known.name || known.id, role: known.role };
  }
}
