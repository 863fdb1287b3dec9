/** From a similarity back to the cosine that it takes. */
import { calibrated, type SimilarityCard } from "../inference/similarity.ts";

/** Rounding of a calibrated similarity: `exp` and a division are off by a few units in the last place. */
const ROUNDING = 1e-13;
/** First step away from the cosine that the formula gives, doubled until the similarity is really below. */
const FIRST_STEP = 1e-9;
/** No cosine is as low. */
export const LOWEST = -2;

type Calibration = NonNullable<SimilarityCard["similarity"]>;

/** What is known of the vectors that are compared. */
export interface Lengths {
  readonly probe: number;
  readonly shortest: number;
  readonly longest: number;
}

/**
 * A cosine below which the similarity is surely below `least`, also as it is computed with its roundings. Distances are turned into
 * cosines by the lengths: `distance² = p² + r² - 2 p r cosine`.
 */
export function leastCosine(calibration: Calibration, least: number, lengths: Lengths): number {
  const { metric, slope, midpoint } = calibration;
  const isCosine = metric === "cosine";
  // A curve that runs the wrong way tells nothing; everything is compared then.
  if (!(least > 0) || (isCosine ? !(slope > 0) : !(slope < 0))) return LOWEST;
  const below = least * (1 - ROUNDING);
  const height = 1 + Math.exp(-slope * ((isCosine ? 1 : 0) - midpoint));
  const value = midpoint - Math.log(height / Math.min(1, least) - 1) / slope;
  if (Number.isNaN(value)) return LOWEST;
  const direction = isCosine ? -1 : 1;
  for (let step = FIRST_STEP; step < 1e9; step *= 2) {
    const away = value + direction * step;
    if (calibrated(calibration, away) < below) return isCosine ? Math.max(LOWEST, away) : ofDistance(away, lengths);
  }
  return LOWEST;
}

/** The least cosine that two vectors within the lengths can have that are this far apart. */
function ofDistance(distance: number, { probe, shortest, longest }: Lengths): number {
  if (!(distance > 0) || probe === 0 || shortest === 0) return LOWEST;
  const at = (length: number) => (probe ** 2 + length ** 2 - distance ** 2) / (2 * probe * length);
  // Convex in the length: least at its turning point, or at an end.
  const turn = Math.sqrt(Math.max(0, probe ** 2 - distance ** 2));
  const cosine = at(Math.min(longest, Math.max(shortest, turn)));
  const size = (probe ** 2 + longest ** 2 + distance ** 2) / (2 * probe * shortest);
  return Math.max(LOWEST, cosine - 1e-9 - 1e-12 * size);
}
