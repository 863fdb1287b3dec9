/** How alike two descriptors are, as their model's card calibrates it. */
import { FacewireError } from "../errors.ts";
import type { ModelCard } from "./card.ts";

/** What a comparison needs of a card. */
export type SimilarityCard = Pick<ModelCard, "name" | "similarity">;

type Calibration = NonNullable<ModelCard["similarity"]>;

/**
 * Similarity 0..1 of two descriptors of the card's model: {@link calibrated} of their cosine or Euclidean distance. Symmetric
 * to the last bit; that of a descriptor with itself is 1. Throws `card_invalid` when the card has no `similarity`,
 * `request_invalid` when the descriptors differ in length.
 */
export function similarity(card: SimilarityCard, a: Float32Array, b: Float32Array): number {
  const calibration = card.similarity;
  if (calibration === undefined) {
    throw new FacewireError("card_invalid", `The card ${card.name} does not say how its descriptors are compared.`, {
      details: { model: card.name },
    });
  }
  if (a.length !== b.length) {
    throw new FacewireError("request_invalid", `Descriptors of ${a.length} and ${b.length} values cannot be compared.`);
  }
  return calibrated(calibration, calibration.metric === "cosine" ? cosine(a, b) : euclidean(a, b));
}

/**
 * The similarity that a cosine or distance means: the logistic curve `1 / (1 + exp(-slope x (value - midpoint)))` (a distance
 * has a negative slope) divided by its own height where descriptors are identical. The curve alone stays below 1 there.
 * Rises with the cosine, falls with the distance.
 */
export function calibrated(calibration: Calibration, value: number): number {
  const { slope, midpoint } = calibration;
  const identical = calibration.metric === "cosine" ? 1 : 0;
  const share = (1 + Math.exp(-slope * (identical - midpoint))) / (1 + Math.exp(-slope * (value - midpoint)));
  // Rounding can carry a cosine, and so the share, a hair above 1.
  return Math.min(1, share);
}

/** Cosine of the angle between two vectors of one length, -1..1; 0 where one has no length. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squaresA += a[i]! * a[i]!;
    squaresB += b[i]! * b[i]!;
  }
  const lengths = Math.sqrt(squaresA * squaresB);
  return lengths === 0 ? 0 : dot / lengths;
}

/** Distance between two vectors of one length, 0 or more. */
export function euclidean(a: Float32Array, b: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(squares);
}
