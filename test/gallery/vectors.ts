/** Vectors to search among, from a sequence that is the same each time. */

/** Numbers 0..1, always the same for a seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number of the normal distribution. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A vector of length 1 in a random direction. */
export function direction(random: () => number, values: number): Float32Array {
  return unit(Float32Array.from({ length: values }, () => normal(random)));
}

/** The vector at length 1. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** A vector near another: cosine about 1 / sqrt(1 + noise²). */
export function near(random: () => number, centre: Float32Array, noise: number): Float32Array {
  const other = direction(random, centre.length);
  return unit(centre.map((value, i) => value + noise * other[i]!));
}

/** A UUID of version 4 from the sequence. */
export function randomId(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(16 * random()).toString(16));
  hex[12] = "4";
  hex[16] = "89ab"[Math.floor(4 * random())]!;
  const text = hex.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
