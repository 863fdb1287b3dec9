/** From a network's raw scores to probabilities. */

/** exp(x_i) / sum of exp(x_j), with the greatest score taken off first so that nothing overflows. */
export function softmax(scores: Float32Array): Float32Array {
  const greatest = scores.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  // In double precision until the division, so that the probabilities sum to 1 as closely as float32 allows.
  const weights = Array.from(scores, (score) => Math.exp(score - greatest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}
