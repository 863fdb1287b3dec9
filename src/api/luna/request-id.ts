/** `Luna-Request-Id`: ten digits of Unix seconds, a comma, a UUID of version 4. */
import type { RequestIds } from "../request-id.ts";

/** Header a request id is taken from and given back in. */
export const LUNA_REQUEST_ID = "luna-request-id";

const FORM = /^[0-9]{10},[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/;

/** The caller's id is kept when it has the form; any other is replaced by a new one, never refused. */
export const LUNA_REQUEST_IDS: RequestIds = {
  header: LUNA_REQUEST_ID,
  idOf(headers) {
    const given = headers.get(LUNA_REQUEST_ID);
    return given !== null && FORM.test(given) ? given : `${Math.floor(Date.now() / 1000)},${crypto.randomUUID()}`;
  },
};
