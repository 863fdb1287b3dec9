/** A dead letter as the API and the command line show it. */
import type { PublicError } from "../errors.ts";
import type { InputFacts } from "../store/dead-letter-inputs.ts";
import type { StoredDeadLetter } from "../store/dead-letters.ts";

/** Times are ISO 8601 in UTC. */
export interface DeadLetterJson {
  readonly id: string;
  readonly time: string;
  readonly kind: string;
  readonly address: string;
  readonly pipeline?: string;
  readonly stage?: string;
  readonly error: PublicError;
  readonly attempts: number;
  readonly request?: string;
  readonly index?: number;
  readonly summary: string;
  readonly input: InputFacts | null;
  readonly retried_at?: string;
  readonly retrying_until?: string;
}

/** The letter without its `internal` text, which names files and lines of the server. */
export function deadLetterJson(letter: StoredDeadLetter): DeadLetterJson {
  const { pipeline, requestId, sequence, retriedAt, claimedUntil } = letter;
  const stage = letter.cause.details?.stage;
  return {
    id: letter.id,
    time: iso(letter.time),
    kind: letter.kind,
    address: letter.address,
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(typeof stage === "string" ? { stage } : {}),
    error: letter.cause,
    attempts: letter.attempts,
    ...(requestId === undefined ? {} : { request: requestId }),
    ...(sequence === undefined ? {} : { index: sequence }),
    summary: letter.summary,
    input: letter.input ?? null,
    ...(retriedAt === undefined ? {} : { retried_at: iso(retriedAt) }),
    ...(claimedUntil === undefined ? {} : { retrying_until: iso(claimedUntil) }),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
