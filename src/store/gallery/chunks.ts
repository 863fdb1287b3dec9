/** Many ids in several statements: databases limit the values a statement may carry. */

/** Ids in one statement. */
export const IDS = 1_000;

/**
 * Ids in one statement that writes: SQLite holds the thread that answers requests for the whole of it, and each id may touch
 * pages of several indexes that nothing else of the statement does.
 */
export const WRITTEN_IDS = 200;

/** The items in their order, at most `size` at a time. */
export function* chunksOf<T>(items: readonly T[], size: number = IDS): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
