/** Error codes of the LUNA dialect with their status and description, and what Facewire's own codes become here. */
import { type ErrorCode, type ErrorDetails, FacewireError } from "../../errors.ts";

/** What a code is answered with. */
interface LunaErrorEntry {
  readonly status: number;
  /** The same for every error of this code (member `desc`). */
  readonly desc: string;
  /** Facewire's own word for it, for logs and metrics. */
  readonly code: ErrorCode;
}

const BAD_DATA = "Bad/incomplete input data";
const NOT_FOUND = "Object not found";
const entry = (status: number, desc: string, code: ErrorCode): LunaErrorEntry => ({ status, desc, code });
const bad = (status = 400): LunaErrorEntry => entry(status, BAD_DATA, "request_invalid");

/** All codes that are sent. Statuses are those of most uses; a few codes have another one in some places. */
export const LUNA_ERRORS = {
  1: entry(500, "Internal server error", "internal"),
  9: entry(504, "Request timeout", "deadline_exceeded"),
  3001: entry(400, "Failed to decode image data", "picture_damaged"),
  4003: entry(500, "No faces found", "request_invalid"),
  10015: entry(500, "SQL error", "store_unavailable"),
  10017: entry(502, "Database error", "store_unavailable"),
  11002: entry(401, "Authorization failed", "unauthorized"),
  11004: entry(401, "Account is suspended", "unauthorized"),
  11011: entry(400, "Unique constraint error", "request_invalid"),
  11012: entry(400, "Extract policy error", "request_invalid"),
  11018: entry(404, NOT_FOUND, "not_found"),
  11020: entry(400, NOT_FOUND, "not_found"),
  11022: entry(404, NOT_FOUND, "not_found"),
  11027: entry(400, "External request failed", "request_invalid"),
  11028: bad(),
  11029: bad(),
  11043: bad(),
  11049: bad(),
  11054: entry(403, "Forbidden", "forbidden"),
  11070: entry(403, "Forbidden", "forbidden"),
  11071: entry(403, "Forbidden", "forbidden"),
  12001: entry(401, BAD_DATA, "unauthorized"),
  12010: entry(401, BAD_DATA, "unauthorized"),
  12012: bad(),
  12013: entry(404, "Page not found", "not_found"),
  12014: bad(),
  12016: bad(),
  12017: bad(),
  12021: entry(405, "Method not allowed", "method_not_allowed"),
  12022: bad(),
  12024: entry(415, "Unsupported media type", "media_type_unsupported"),
  12033: entry(403, "Forbidden", "forbidden"),
  12034: bad(),
  12035: bad(),
  12037: bad(),
  12038: bad(),
  12046: entry(400, "Bad HTTP request", "request_invalid"),
  12049: entry(403, "Forbidden", "forbidden"),
  13003: entry(404, NOT_FOUND, "not_found"),
  18001: bad(),
  22003: entry(404, NOT_FOUND, "not_found"),
  22007: entry(404, NOT_FOUND, "not_found"),
  22008: entry(409, "Unique constraint error", "request_invalid"),
  31001: entry(400, "Version mismatch", "request_invalid"),
  34001: entry(400, "Forbidden", "request_invalid"),
  36001: bad(),
  36002: entry(401, BAD_DATA, "unauthorized"),
  36003: entry(400, "Face does not satisfy thresholds limits", "request_invalid"),
  36004: bad(),
  36005: entry(403, "Forbidden", "forbidden"),
  36012: bad(),
  100033: entry(400, "Unsupported image type", "picture_unknown_format"),
} as const satisfies Record<number, LunaErrorEntry>;

/** A code of the dialect. */
export type LunaErrorCode = keyof typeof LUNA_ERRORS;

/** A failure in the dialect's own words. */
export class LunaError extends FacewireError {
  readonly lunaCode: LunaErrorCode;
  readonly lunaStatus: number;
  /** Member `detail`: text, or an object where the description says so. */
  readonly detail: string | Readonly<Record<string, unknown>>;

  constructor(
    lunaCode: LunaErrorCode,
    detail: string | Readonly<Record<string, unknown>>,
    options: {
      readonly status?: number;
      /** Facewire's own code, for logs and counters, where that of the dialect's code says something else. */
      readonly code?: ErrorCode;
      readonly cause?: unknown;
      /** Further facts: `allow` and `retry_after_s` become headers. */
      readonly details?: ErrorDetails;
    } = {},
  ) {
    const { status, desc, code } = LUNA_ERRORS[lunaCode];
    super(options.code ?? code, typeof detail === "string" ? detail : desc, {
      details: { luna: lunaCode, ...options.details },
      cause: options.cause,
    });
    this.lunaCode = lunaCode;
    this.lunaStatus = options.status ?? status;
    this.detail = detail;
  }
}

/** 12012: a parameter's value is none it takes. */
export function badParameter(name: string): LunaError {
  return new LunaError(12012, `Bad query parameters '${name}'`);
}

/** 12014: a parameter must be there. */
export function missingParameter(name: string): LunaError {
  return new LunaError(12014, `Required parameters '${name}' not found`);
}

/** 12022: a JSON body does not have its form. `path` is empty for the whole body, else such as `tokens[1]`. */
export function badJson(path: string, message: string): LunaError {
  return new LunaError(12022, `Failed to validate input json. Path: '${path}', message: '${message}'`);
}

/** 22007. `status`: 404 where the person is named by the path, 400 where by a parameter. */
export function personNotFound(id: string, status: 404 | 400): LunaError {
  return new LunaError(22007, `Person with id '${id}' not found.`, { status });
}

/** 11018, likewise. */
export function descriptorNotFound(id: string, status: 404 | 400): LunaError {
  return new LunaError(11018, `Descriptor with id '${id}' not found.`, { status });
}

/** 22003, likewise. */
export function listNotFound(id: string, status: 404 | 400): LunaError {
  return new LunaError(22003, `List with id '${id}' not found`, { status });
}

/** 36001: the list holds the other kind of members. */
export function wrongListType(id: string, expected: "persons" | "descriptors"): LunaError {
  const found = expected === "persons" ? "descriptors" : "persons";
  return new LunaError(36001, `Expected list of ${expected}. Got list of ${found}. List id '${id}'`);
}
