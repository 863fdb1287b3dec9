/** Request ids: the caller's own when it is sane, else a new one. */
import { ulid } from "ulid";

/** Header a request id is taken from and given back in. */
export const REQUEST_ID_HEADER = "x-request-id";

/** Visible words without quotes, blanks or control characters: safe in logs, headers and file names. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** How a listener names requests. */
export interface RequestIds {
  /** Header that carries them, both ways. */
  readonly header: string;
  /** The caller's own id when it has the right form, else a new one. */
  idOf(headers: Headers): string;
}

/** The id in `X-Request-Id` when it has 1 to 128 of `A-Z a-z 0-9 . _ : -` and begins with a letter or digit, else a ULID. */
export function requestId(headers: Headers): string {
  const given = headers.get(REQUEST_ID_HEADER);
  return given !== null && SANE_ID.test(given) ? given : ulid();
}

/** Ids of the native API. */
export const REQUEST_IDS: RequestIds = { header: REQUEST_ID_HEADER, idOf: requestId };
