/** Probabilities and their logits. */

/** Keeps logits finite: a network that answers exactly 0 or 1 is not infinitely sure. */
const CLIP = 1e-6;

/** ln(p / (1 - p)) of a probability clipped to [1e-6, 1 - 1e-6]; -13.8 to 13.8. */
export function logit(probability: number): number {
  const clipped = Math.min(1 - CLIP, Math.max(CLIP, probability));
  return Math.log(clipped / (1 - clipped));
}

/** 1 / (1 + exp(-x)): the inverse of {@link logit}. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
