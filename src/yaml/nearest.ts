/** Finds the name a user most likely meant. */
import { distance } from "fastest-levenshtein";

/** Longer words are no typing mistakes of a name; comparing them would only cost time. */
const LONGEST_WORD = 100;

/**
 * The candidate nearest to `word` by Levenshtein distance, ignoring case, or undefined when none is near: at most two
 * fifths of the longer word may differ, and never all of it. Among equally near ones the first wins.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const longer = Math.max(word.length, candidate.length);
    const limit = Math.min(longer - 1, Math.max(1, Math.floor(0.4 * longer)));
    const apart = distance(wanted, candidate.toLowerCase());
    if (apart <= limit && apart < bestDistance) {
      best = candidate;
      bestDistance = apart;
    }
  }
  return best;
}
