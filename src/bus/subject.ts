/** Subjects: what messages are addressed to, and the patterns that receivers listen on. Same rules as NATS. */
import { FacewireError } from "../errors.ts";

/** Longest subject in characters; NATS has no stated limit, but long ones are slow and hard to read in its tools. */
const MAX_SUBJECT_LENGTH = 255;

// Printable ASCII but for the dot and the wildcards. A leading `$` or `_` belongs to the broker's own subjects.
const TOKEN = "[!-)+-\\-/-=?-~]+";
const FIRST_TOKEN = "(?![$_])[!-)+-\\-/-=?-~]+";
const SUBJECT = new RegExp(`^${FIRST_TOKEN}(?:\\.${TOKEN})*$`);
const PATTERN = new RegExp(`^(?:>|(?:\\*|${FIRST_TOKEN})(?:\\.(?:\\*|${TOKEN}))*(?:\\.>)?)$`);
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * Checks a subject that messages are sent to: tokens of printable ASCII joined by dots, no wildcards, at most 255
 * characters, the first token not beginning with `$` or `_`.
 *
 * @throws FacewireError `message_invalid`
 */
export function checkSubject(subject: string): void {
  if (subject.length > MAX_SUBJECT_LENGTH || !SUBJECT.test(subject)) {
    throw new FacewireError("message_invalid", "A subject does not have the form token.token.token.", {
      details: { subject: subject.slice(0, MAX_SUBJECT_LENGTH) },
    });
  }
}

/**
 * Checks a pattern to listen on: a subject in which `*` stands for one token and a last `>` for one or more.
 *
 * @throws FacewireError `message_invalid`
 */
export function checkPattern(pattern: string): void {
  if (pattern.length > MAX_SUBJECT_LENGTH || !PATTERN.test(pattern)) {
    throw new FacewireError("message_invalid", "A subject pattern does not have the form token.*.token.>.", {
      details: { pattern: pattern.slice(0, MAX_SUBJECT_LENGTH) },
    });
  }
}

/**
 * Checks the name of a work queue or a queue group: 1 to 64 letters, digits, `-` and `_`, beginning with a letter or digit.
 *
 * @throws FacewireError `message_invalid`
 */
export function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw new FacewireError("message_invalid", "A queue or group name is not made of letters, digits, - and _.", {
      details: { name: name.slice(0, MAX_SUBJECT_LENGTH) },
    });
  }
}

/** Whether a valid pattern has wildcards. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes("*") || pattern.endsWith(">");
}

/** Whether the tokens of a subject fall under the tokens of a pattern. */
export function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const token = pattern[i];
    if (token === ">") return subject.length > i;
    if (i >= subject.length || (token !== "*" && token !== subject[i])) return false;
  }
  return pattern.length === subject.length;
}
