/** Turns what PostgreSQL and the way to it report into coded errors. */
import { DatabaseError } from "pg";
import { FacewireError } from "../errors.ts";

/** What is told. */
export type Known = readonly [reason: string, message: string];

const CANNOT_CONNECT: Known = ["cannot_connect", "The database cannot be reached."];
const TOO_SLOW: Known = ["too_slow", "The database takes too long."];
const BUSY: Known = ["busy", "All connections to the database are in use."];
const CONFLICT: Known = ["conflict", "Others wrote to the same rows of the database at once."];

/** Also of a standby server, which says it only where somebody writes. */
export const READ_ONLY: Known = ["read_only", "The database cannot be written to."];

/** By SQLSTATE, or by its class (the first two characters). */
const STATES: Readonly<Record<string, Known>> = {
  "08": CANNOT_CONNECT,
  "25006": READ_ONLY,
  "25P03": CANNOT_CONNECT,
  "28": ["refused", "The database does not let this user in."],
  "3D000": ["unknown_database", "There is no such database on the server."],
  "40001": CONFLICT,
  "40P01": CONFLICT,
  "42501": ["not_allowed", "The database's user may not do what is needed."],
  "53": ["short_of_resources", "The database server is short of something."],
  "53100": ["disk_full", "The disk of the database is full."],
  "53200": ["memory", "There is no memory left for the database."],
  "53300": ["too_many_connections", "The database server takes no more connections."],
  "55P03": ["locked", "The database's rows are locked by another process."],
  "57014": TOO_SLOW,
  "57": CANNOT_CONNECT,
  "58": ["disk_failed", "The disk of the database failed."],
  XX001: ["damaged", "The database is damaged."],
  XX002: ["damaged", "The database is damaged."],
};

/** What the driver itself says has no code. */
const BY_TEXT: readonly (readonly [RegExp, Known])[] = [
  [/^timeout exceeded when trying to connect$/, BUSY],
  [/\b(connection (was )?terminated|connection timeout|timeout expired|not queryable|closed)/i, CANNOT_CONNECT],
  [/does not support SSL/i, ["no_tls", "The database server does not speak TLS."]],
];

/** Of sockets and of names that are looked up. */
const OF_NETWORK = /^(E[A-Z]+|ERR_(STREAM|SOCKET)\w*)$/;
const OF_CERTIFICATES = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;
const NOT_TRUSTED: Known = ["not_trusted", "The database server's certificate does not fit."];

/**
 * `store_unavailable` with `details.reason` (`cannot_connect`, `too_slow`, `busy`, `disk_full`, `read_only`, `locked`,
 * `conflict`, `refused` and others of the table above) for a database that cannot be used now; anything else, such as a
 * broken constraint, as it was thrown. Nothing in it names the server, its user or the password.
 */
export function postgresError(thrown: unknown): unknown {
  const reason = reasonOf(thrown);
  return reason ? unavailable(reason, causeOf(thrown)) : thrown;
}

/** The error of a reason. */
export function unavailable([reason, message]: Known, cause?: Error): FacewireError {
  return new FacewireError("store_unavailable", message, { details: { reason }, ...(cause ? { cause } : {}) });
}

/** Whether the failure is that of two transactions in each other's way, so that the same once more helps. */
export function isConflict(thrown: unknown): boolean {
  return thrown instanceof FacewireError && thrown.details?.reason === CONFLICT[0];
}

/** Whether what was thrown says that the server cannot be reached. */
export function isAway(thrown: unknown): boolean {
  return reasonOf(thrown) === CANNOT_CONNECT;
}

/** Whether a connection is of no use any more after this. */
export function endsConnection(thrown: unknown): boolean {
  if (!(thrown instanceof DatabaseError)) return true;
  return thrown.severity === "FATAL" || thrown.severity === "PANIC" || known(thrown.code) === CANNOT_CONNECT;
}

function reasonOf(thrown: unknown): Known | undefined {
  if (thrown instanceof DatabaseError) return known(thrown.code);
  // Several addresses of one name, none of which answers.
  if (thrown instanceof AggregateError) return CANNOT_CONNECT;
  if (!(thrown instanceof Error)) return undefined;
  const { code } = thrown as { readonly code?: unknown };
  if (typeof code === "string" && OF_CERTIFICATES.test(code)) return NOT_TRUSTED;
  if (typeof code === "string" && OF_NETWORK.test(code)) return CANNOT_CONNECT;
  return BY_TEXT.find(([text]) => text.test(thrown.message))?.[1];
}

function known(state: string | undefined): Known | undefined {
  return state === undefined ? undefined : (STATES[state] ?? STATES[state.slice(0, 2)]);
}

/** What the logs may have: the driver's own errors can carry the client they happened to, and that its password. */
function causeOf(thrown: unknown): Error {
  const { message, code } = thrown as Error & { readonly code?: string };
  return new Error(code === undefined ? message : `${code}: ${message}`);
}
