/** What databases cannot keep in a text. */

/**
 * A parameter as both databases keep it: PostgreSQL has no NUL character in texts, and SQLite ends some at it. It becomes
 * U+FFFD, as what is no character does wherever text is encoded; so a text is found again by what it was stored as.
 */
export function storable<T>(parameter: T): T | string {
  return typeof parameter === "string" && parameter.includes("\0") ? parameter.replaceAll("\0", "\uFFFD") : parameter;
}
