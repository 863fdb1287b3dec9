/** Measuring two things against each other on a machine that others use too. */

/** What two things gave in one round. */
export interface Round<T> {
  readonly first: T;
  readonly second: T;
}

/**
 * Measures both in turns, each round with the other one first, so that what changes on the machine meanwhile falls on both.
 * One round before the first one warms up and does not count.
 */
export async function alternate<T>(
  rounds: number,
  measureFirst: () => Promise<T>,
  measureSecond: () => Promise<T>,
): Promise<Round<T>[]> {
  const all: Round<T>[] = [];
  for (let round = 0; round <= rounds; round++) {
    let first: T;
    let second: T;
    if (round % 2 === 0) {
      first = await measureFirst();
      second = await measureSecond();
    } else {
      second = await measureSecond();
      first = await measureFirst();
    }
    if (round > 0) all.push({ first, second });
  }
  return all;
}
