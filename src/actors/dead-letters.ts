/** Where messages end that could not be handled, so that nothing accepted is lost silently. */
import type { PublicError } from "../errors.ts";

/** A message that was given up, with all that is needed to understand it. */
export interface DeadLetter {
  /** Address of the actor (for a stage actor: the stage). */
  readonly address: string;
  readonly kind: string;
  /** What the asker was told. */
  readonly cause: PublicError;
  /** The cause and its causes with their stacks, for operators only. */
  readonly internal: string;
  readonly attempts: number;
  readonly messageId: string;
  readonly requestId: string | undefined;
  readonly sequence: number | undefined;
  readonly traceparent: string | undefined;
  /** Epoch milliseconds. */
  readonly time: number;
  /** The shape of the body without its content: see {@link summarise}. */
  readonly summary: string;
  /** The body itself, for sinks that are allowed to keep it. */
  readonly body: unknown;
}

/** Keeps dead letters. A rejection is reported and counted; the letter is then lost. */
export interface DeadLetterSink {
  record(letter: DeadLetter): void | Promise<void>;
}

/** Keeps the newest letters in memory, without their bodies. */
export class MemoryDeadLetters implements DeadLetterSink {
  readonly #letters: DeadLetter[] = [];
  readonly #capacity: number;

  /** @param capacity letters kept; older ones give way. */
  constructor(capacity = 1000) {
    this.#capacity = capacity;
  }

  /** Oldest first. */
  get letters(): readonly DeadLetter[] {
    return this.#letters;
  }

  record(letter: DeadLetter): void {
    this.#letters.push({ ...letter, body: undefined });
    if (this.#letters.length > this.#capacity) this.#letters.shift();
  }
}

/** Longest summary in characters. */
const MAX_SUMMARY = 400;
const MAX_SUMMARY_DEPTH = 3;
const MAX_SUMMARY_ENTRIES = 12;

/**
 * The shape of a body: keys, types, numbers and sizes. Texts and bytes are only measured: they may be secrets or faces.
 *
 * @example summarise({ name: "a.jpg", bytes, index: 2 }) // "{name: text(5), bytes: bytes(48211), index: 2}"
 */
export function summarise(body: unknown): string {
  const text = describe(body, 0);
  return text.length > MAX_SUMMARY ? `${text.slice(0, MAX_SUMMARY - 1)}…` : text;
}

function describe(value: unknown, depth: number): string {
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return `text(${value.length})`;
  if (typeof value !== "object") return typeof value;
  if (ArrayBuffer.isView(value)) return `bytes(${value.byteLength})`;
  if (Array.isArray(value)) {
    if (depth >= MAX_SUMMARY_DEPTH || value.length === 0) return `list(${value.length})`;
    return `list(${value.length}) of ${describe(value[0], depth + 1)}`;
  }
  if (depth >= MAX_SUMMARY_DEPTH) return "{…}";
  const entries = Object.entries(value);
  const shown = entries.slice(0, MAX_SUMMARY_ENTRIES).map(([key, entry]) => `${key}: ${describe(entry, depth + 1)}`);
  return `{${shown.join(", ")}${entries.length > MAX_SUMMARY_ENTRIES ? ", …" : ""}}`;
}

/** An error and its chain of causes as text for operators. */
export function internalText(thrown: unknown): string {
  const parts: string[] = [];
  for (let error = thrown, depth = 0; error !== undefined && depth < 5; depth++) {
    parts.push(error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error));
    error = error instanceof Error ? error.cause : undefined;
  }
  return parts.join("\ncaused by: ");
}
