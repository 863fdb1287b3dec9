/** How this API tells a failure: the one place where Facewire's own codes become its words. */
import type { ErrorCode, FacewireError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";
import { LUNA_ERRORS, LunaError, type LunaErrorCode } from "./errors.ts";
import { json } from "./operation.ts";

/** Body of every answer that is not a success. */
export interface LunaErrorBody {
  readonly error_code: LunaErrorCode;
  readonly desc: string;
  readonly detail: string | Readonly<Record<string, unknown>>;
}

/** A failure in the dialect's words. */
interface Told {
  readonly code: LunaErrorCode;
  readonly status: number;
  readonly detail: LunaErrorBody["detail"];
}

/** What the dialect has a code of its own for. The others are told by their status. */
const KNOWN: Partial<Record<ErrorCode, LunaErrorCode>> = {
  deadline_exceeded: 9,
  store_unavailable: 10015,
  media_type_unsupported: 12017,
};

/** Details that are the same wherever the code is told for a failure of ours. */
const DETAILS: Partial<Record<LunaErrorCode, string>> = {
  1: "internal server error",
  9: "Request timeout",
  12017: "Bad content type",
};

/** Seconds a refused client waits when the failure does not say how long. */
const DEFAULT_RETRY_SECONDS = 1;

/** The answer for a failure, with the headers its status calls for. */
export function lunaErrorAnswer(error: FacewireError, exchange: Exchange): Response {
  const { code, status, detail } = told(error);
  const { desc } = LUNA_ERRORS[code];
  const body: LunaErrorBody = {
    error_code: code,
    // Without the query: credentials may stand in it.
    desc: code === 9 ? `${desc} on ${exchange.path}, method ${exchange.method}` : desc,
    detail,
  };
  return json(body, status, headersOf(error, status));
}

/** The dialect's code of a failure, for counters. */
export function lunaCodeOf(error: FacewireError): LunaErrorCode {
  return told(error).code;
}

function told(error: FacewireError): Told {
  if (error instanceof LunaError) return { code: error.lunaCode, status: error.lunaStatus, detail: error.detail };
  const known = KNOWN[error.code];
  if (known !== undefined) {
    return { code: known, status: LUNA_ERRORS[known].status, detail: DETAILS[known] ?? error.message };
  }
  // Load and parts that are away: it is worth while to try again, so the status stays.
  if (error.status === 503) return { code: 1, status: 503, detail: error.message };
  if (error.status >= 500) return { code: 1, status: 500, detail: DETAILS[1] as string };
  return { code: 12046, status: error.status, detail: error.message };
}

function headersOf(error: FacewireError, status: number): Record<string, string> {
  if (status === 503 || status === 429) {
    const seconds = Number(error.details?.retry_after_s);
    return { "retry-after": String(seconds > 0 ? Math.ceil(seconds) : DEFAULT_RETRY_SECONDS) };
  }
  return error.details?.allow === undefined ? {} : { allow: String(error.details.allow) };
}
