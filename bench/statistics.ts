/** Numbers about numbers: what is left of many noisy measurements. */

/** Value below which `share` (0..1) of the values lie, linear between neighbours. NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The middle and the range that holds the middle eight tenths. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Median with the tenth and the ninetieth percentile. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: quantile(values, 0.1), high: quantile(values, 0.9) };
}
