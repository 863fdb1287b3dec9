/** What the server says of a delivery of stored work, in the subject it is acknowledged on. */

/** A delivery. */
export interface StoredDelivery {
  /** 1 at the first. */
  readonly attempt: number;
  /** The piece's number in its stream: the same at every delivery. */
  readonly sequence: number;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.…`, which newer servers write with `<domain>.<account>` before
 * the stream. Nothing for subjects of any other form.
 */
export function readDelivery(reply: string | undefined): StoredDelivery | undefined {
  const tokens = reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 4 : 6;
  const attempt = Number(tokens[at]);
  const sequence = Number(tokens[at + 1]);
  return Number.isSafeInteger(attempt) && Number.isSafeInteger(sequence) ? { attempt, sequence } : undefined;
}
