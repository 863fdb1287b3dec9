/** What the scan is set against: a loop over floats, and reading memory. */

/** Rows of one length, one behind the other. */
export interface Rows {
  readonly floats: Float32Array;
  readonly values: number;
}

/** Numbers of the `limit` rows with the largest products with the probe, best first: what a program without a gallery would do. */
export function floatLoop({ floats, values }: Rows, rows: number, probe: Float32Array, limit: number): number[] {
  const best: number[] = [];
  const products: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows; row++) {
    let product = 0;
    const from = row * values;
    for (let i = 0; i < values; i++) product += floats[from + i]! * probe[i]!;
    if (product <= least) continue;
    let place = products.length;
    while (place > 0 && product > products[place - 1]!) place--;
    products.splice(place, 0, product);
    best.splice(place, 0, row);
    if (best.length > limit) {
      best.pop();
      products.pop();
    }
    if (best.length === limit) least = products.at(-1)!;
  }
  return best;
}

/** Reads every byte once and does as little with it as can be. */
export function readAll(words: Int32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i + 4 <= words.length; i += 4) {
    a = (a + words[i]!) | 0;
    b = (b + words[i + 1]!) | 0;
    c = (c + words[i + 2]!) | 0;
    d = (d + words[i + 3]!) | 0;
  }
  return a ^ b ^ c ^ d;
}
