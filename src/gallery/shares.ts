/** Which thread keeps a descriptor: ids are random, so their first digits spread them evenly. */

/** Digits that decide. */
const DIGITS = 8;

/** Place 0..threads-1 of the thread that keeps it. */
export function shareOf(id: string, threads: number): number {
  return threads === 1 ? 0 : Number.parseInt(id.slice(0, DIGITS), 16) % threads;
}
