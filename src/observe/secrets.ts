/** Keeps secrets out of what is written down. */

/** Keys whose values are never written, at the depths logs use. */
const SECRET_KEYS = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "token",
  "secret",
  "password",
  "x-api-key",
];
const DEPTHS = ["", "*.", "*.*."];

/** Paths for pino's `redact`. */
export const SECRET_PATHS: readonly string[] = SECRET_KEYS.flatMap((key) => DEPTHS.map((depth) => pathTo(depth, key)));

function pathTo(depth: string, key: string): string {
  return key.includes("-") ? `${depth.replace(/\.$/, "")}["${key}"]` : `${depth}${key}`;
}

/** Tokens of ours wherever they stand, and what follows `Bearer` or `Basic` in a header that became text. */
const SECRET_TEXT = /\bfw_[A-Za-z0-9_-]{43}|\b(Bearer|Basic)(\s+|%20)[^\s"'\\,;]+/gi;

/** Replaces every secret that can be told by its form. */
export function hideSecretText(text: string): string {
  return text.replace(SECRET_TEXT, (_match, scheme?: string) => (scheme ? `${scheme} (hidden)` : "(hidden)"));
}
