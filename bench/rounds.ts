/** Measuring things against each other on a machine that others use too. */

/** What two things gave in one round. */
export interface Round<T> {
  readonly first: T;
  readonly second: T;
}

/**
 * Measures two things in turns, each round with the other one first, so that what changes on the machine meanwhile falls on
 * both. One round before the first one warms up and does not count.
 */
export async function alternate<T>(
  rounds: number,
  measureFirst: () => Promise<T>,
  measureSecond: () => Promise<T>,
): Promise<Round<T>[]> {
  const all = await inTurns(rounds, [measureFirst, measureSecond]);
  return all.map(([first, second]) => ({ first: first as T, second: second as T }));
}

/** As {@link alternate} for any number of things: each round begins with the next one. Their results in the given order. */
export async function inTurns<T>(rounds: number, measures: readonly (() => Promise<T>)[]): Promise<T[][]> {
  const all: T[][] = [];
  for (let round = 0; round <= rounds; round++) {
    const results: T[] = [];
    for (let turn = 0; turn < measures.length; turn++) {
      const at = (round + turn) % measures.length;
      results[at] = await measures[at]!();
    }
    if (round > 0) all.push(results);
  }
  return all;
}
