/** Directions to search among: many, fast, the same each time. */

/** Makes them one after the other. */
export class Directions {
  readonly #values: number;
  #state: number;

  constructor(values: number, seed: number) {
    this.#values = values;
    this.#state = seed;
  }

  /** A random one: sums of three even numbers are near enough to the normal distribution. */
  random(): Float32Array {
    const vector = new Float32Array(this.#values);
    for (let i = 0; i < vector.length; i++) vector[i] = this.#next() + this.#next() + this.#next() - 1.5;
    return atLengthOne(vector);
  }

  /** One near another: cosine about 1 / sqrt(1 + noise²). */
  near(centre: Float32Array, noise: number): Float32Array {
    const vector = this.random();
    for (let i = 0; i < vector.length; i++) vector[i] = centre[i]! + noise * vector[i]!;
    return atLengthOne(vector);
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }
}

function atLengthOne(vector: Float32Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!;
  const factor = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! * factor;
  return vector;
}
