/**
 * The tables as kysely sees them. Only types that SQLite and PostgreSQL both have: text and integer. Times are ISO 8601
 * in UTC with milliseconds, which sort as text; ids are ULIDs, which sort by the time they were made.
 */

/** Work that was given up; see `dead-letters.ts`. */
export interface DeadLettersTable {
  id: string;
  time: string;
  address: string;
  kind: string;
  code: string;
  message: string;
  /** JSON, or null. */
  details: string | null;
  internal: string;
  attempts: number;
  message_id: string;
  request_id: string | null;
  sequence: number | null;
  traceparent: string | null;
  summary: string;
}

/** Access tokens; see `tokens.ts`. */
export interface TokensTable {
  id: string;
  name: string;
  role: string;
  /** sha256 of the secret, in hex. */
  hash: string;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

/** All tables. */
export interface Schema {
  dead_letters: DeadLettersTable;
  tokens: TokensTable;
}
