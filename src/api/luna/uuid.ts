/** Ids as this API writes them: UUIDs of version 4. Any letter case is taken; inside they are lower-case. */

/** The text of a pattern that matches one. */
export const UUID4 = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}";

const WHOLE = new RegExp(`^${UUID4}$`);

/** The id in lower case, or undefined when the text is none. */
export function uuidOf(text: string): string | undefined {
  return WHOLE.test(text) ? text.toLowerCase() : undefined;
}
