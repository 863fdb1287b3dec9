/** How the native API tells a failure: the one place where codes become answers. */
import { FacewireError, type PublicError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";

/** Body of every answer that is not a success. */
export interface ErrorBody {
  readonly error: PublicError;
  /** Id of the request, as in the header X-Request-Id. */
  readonly request: string;
}

/** Seconds a refused client waits when the failure does not say how long. */
const DEFAULT_RETRY_SECONDS = 1;

/** The answer for a failure, with the headers its status calls for. */
export function errorAnswer(error: FacewireError, exchange: Exchange): Response {
  const body: ErrorBody = { error: error.toPublic(), request: exchange.id };
  return Response.json(body, { status: error.status, headers: errorHeaders(error) });
}

/** `Retry-After` for 503, `Allow` for 405, `WWW-Authenticate` for 401, what to upgrade to for 426. */
export function errorHeaders(error: FacewireError): Record<string, string> {
  if (error.status === 503) {
    const seconds = Number(error.details?.retry_after_s);
    return { "retry-after": String(seconds > 0 ? Math.ceil(seconds) : DEFAULT_RETRY_SECONDS) };
  }
  if (error.code === "method_not_allowed") return { allow: String(error.details?.allowed).replaceAll(",", ", ") };
  if (error.code === "unauthorized") return { "www-authenticate": 'Bearer realm="facewire"' };
  if (error.code === "upgrade_required") return { upgrade: "websocket", "sec-websocket-version": "13" };
  return {};
}

/** Words of the web framework for requests it could not read; everything else it throws is a failure of ours. */
const UNREADABLE: ReadonlySet<unknown> = new Set([
  "VALIDATION",
  "PARSE",
  "INVALID_COOKIE_SIGNATURE",
  "INVALID_FILE_TYPE",
]);

/** A coded error for whatever the web framework caught. `code` is the framework's word for it. */
export function frameworkError(code: unknown, thrown: unknown): FacewireError {
  if (thrown instanceof FacewireError) return thrown;
  if (UNREADABLE.has(code)) {
    return new FacewireError("request_invalid", "The request does not have the documented form.", { cause: thrown });
  }
  return FacewireError.from(thrown);
}
