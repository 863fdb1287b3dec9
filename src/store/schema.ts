/**
 * The tables as kysely sees them. Only types that SQLite and PostgreSQL both have: text, integer and bytes. Times are ISO 8601
 * in UTC with milliseconds, which sort as text; ids are ULIDs, which sort by the time they were made.
 */
import type { GallerySchema } from "./gallery/schema.ts";

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
  pipeline: string | null;
  retried_at: string | null;
  /** Whose retry it is in; means nothing after `claimed_until`. */
  claim: string | null;
  claimed_until: string | null;
}

/** What dead letters are about; goes with its letter. */
export interface DeadLetterInputsTable {
  letter_id: string;
  /** Bytes of the content. */
  size: number;
  name: string;
  /** JSON. */
  wishes: string;
  content: Uint8Array;
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

/** What happened; see `events.ts`. */
export interface EventsTable {
  id: number;
  key: string | null;
  time: string;
  type: string;
  pipeline: string | null;
  request: string | null;
  job: string | null;
  item: number | null;
  /** JSON, or null. */
  frame: string | null;
  verdict: string | null;
  /** JSON. */
  data: string;
  /** Whose event it is; null for those of the server. */
  account: string | null;
}

/** One row: the id of the newest event there ever was. */
export interface EventPositionTable {
  last: number;
}

/** Long work; see `jobs.ts`. `bigint` columns may come back as texts from some databases. */
export interface JobsTable {
  id: string;
  state: string;
  pipeline: string;
  /** JSON. */
  options: string;
  /** JSON: an array of texts. */
  versions: string;
  idempotency_key: string | null;
  fingerprint: string;
  files: number;
  bytes: number;
  /** Position of the first file that is not done. */
  next_file: number;
  /** Results by status. */
  ok: number;
  no_face: number;
  rejected: number;
  failed: number;
  total: number | null;
  /** Results in 1,000 seconds. */
  rate: number | null;
  active_ms: number;
  /** JSON, or null. */
  waiting_for: string | null;
  /** JSON, or null. */
  error: string | null;
  /** JSON, or null. */
  aggregate: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  owner: string | null;
  lease_until: string | null;
  announced: number;
  /** The data folder that has its files; null where all processes have the same. */
  place: string | null;
}

/** The files of jobs; see `job-content.ts`. */
export interface JobFilesTable {
  job_id: string;
  position: number;
  name: string;
  bytes: number;
  kind: string;
  /** JSON of the video's summary, or null before it is done. */
  video: string | null;
  /** JSON of the best frame so far, or null. */
  best: string | null;
}

/** The results of jobs; see `job-content.ts`. */
export interface JobResultsTable {
  job_id: string;
  position: number;
  /** Position of the file it came from. */
  file: number;
  /** JSON as it is shown. */
  item: string;
  /** The primary face for the aggregate, packed. */
  face: Uint8Array | null;
}

/** All tables. */
export interface Schema extends GallerySchema {
  jobs: JobsTable;
  job_files: JobFilesTable;
  job_results: JobResultsTable;
  dead_letters: DeadLettersTable;
  events: EventsTable;
  event_position: EventPositionTable;
  dead_letter_inputs: DeadLetterInputsTable;
  tokens: TokensTable;
}
