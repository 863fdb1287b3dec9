/** What a request proves its account with. Malformed credentials are refused here, before anything is looked up. */
import { LunaError } from "../errors.ts";
import type { AccountOperation } from "../operation.ts";
import { uuidOf } from "../uuid.ts";

/** Credentials in the right form. */
export type Credentials =
  | { readonly kind: "token"; readonly secret: string }
  | { readonly kind: "basic"; readonly login: string; readonly password: string };

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i;
/** Bytes of the longest header that is looked into. */
const LONGEST = 1024;

/**
 * Headers go before the query, and a token before a login. Throws `LunaError` 12010 without any, 12001 for a token and 36002
 * for a login of another form.
 */
export function credentialsOf(request: Request, url: URL, access: AccountOperation["access"]): Credentials {
  const token = access === "basic" ? null : request.headers.get("x-auth-token");
  if (token !== null) return tokenOf(token);
  const basic = request.headers.get("authorization");
  if (basic !== null) return loginOf(basic);
  if (access === "query") {
    const queryToken = url.searchParams.get("auth_token");
    if (queryToken !== null) return tokenOf(queryToken);
    const queryBasic = url.searchParams.get("basic");
    if (queryBasic !== null) return loginOf(queryBasic);
  }
  throw new LunaError(12010, 'This resource needs "Authorization" authorization headers');
}

function tokenOf(text: string): Credentials {
  const secret = uuidOf(text.trim());
  if (secret !== undefined) return { kind: "token", secret };
  throw new LunaError(12001, "Token is not UUID4, format: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

function loginOf(text: string): Credentials {
  const encoded = text.length <= LONGEST ? BASIC.exec(text)?.[1] : undefined;
  const pair = encoded === undefined ? undefined : decoded(encoded);
  // The first colon ends the login; passwords may hold more of them.
  const colon = pair?.indexOf(":") ?? -1;
  if (pair === undefined || colon < 0) {
    throw new LunaError(36002, "Bad format basic authorization header, format: Basic base64(login:password)");
  }
  return { kind: "basic", login: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function decoded(base64: string): string | undefined {
  // Four characters carry three bytes; what is left over never is a single one.
  if (base64.replace(/=+$/, "").length % 4 === 1) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64"));
  } catch {
    return undefined;
  }
}
