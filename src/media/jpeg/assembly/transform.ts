/**
 * The discrete cosine transform of a block of 8 x 8 and its quantisation. The transform is the one of Arai, Agui and Nakajima,
 * which leaves a scale on each coefficient; the factors that quantise take it off as well.
 */

/** Floats of the block that is worked on. */
const block = memory.data(256, 16);
/** Its quantised coefficients (i16), the vertical frequency first: what lies `8 u + v` has the horizontal frequency u. */
export const coefficients = memory.data(128, 16);

const COS_1_4: f32 = 0.70710678118;
const COS_3_8: f32 = 0.38268343236;
const DIFFERENCE: f32 = 0.54119610014;
const SUM: f32 = 1.30656296488;

/** Transforms four columns of the block in place; `at`: the first of them. */
@inline
function transformColumns(at: usize): void {
  const v0 = v128.load(at);
  const v1 = v128.load(at, 32);
  const v2 = v128.load(at, 64);
  const v3 = v128.load(at, 96);
  const v4 = v128.load(at, 128);
  const v5 = v128.load(at, 160);
  const v6 = v128.load(at, 192);
  const v7 = v128.load(at, 224);
  const sum07 = f32x4.add(v0, v7);
  const sum16 = f32x4.add(v1, v6);
  const sum25 = f32x4.add(v2, v5);
  const sum34 = f32x4.add(v3, v4);
  const outer = f32x4.add(sum07, sum34);
  const inner = f32x4.add(sum16, sum25);
  const outerLess = f32x4.sub(sum07, sum34);
  const turned = f32x4.mul(f32x4.add(f32x4.sub(sum16, sum25), outerLess), f32x4.splat(COS_1_4));
  v128.store(at, f32x4.add(outer, inner));
  v128.store(at, f32x4.sub(outer, inner), 128);
  v128.store(at, f32x4.add(outerLess, turned), 64);
  v128.store(at, f32x4.sub(outerLess, turned), 192);
  const less07 = f32x4.sub(v0, v7);
  const less16 = f32x4.sub(v1, v6);
  const less25 = f32x4.sub(v2, v5);
  const less34 = f32x4.sub(v3, v4);
  const low = f32x4.add(less34, less25);
  const mid = f32x4.mul(f32x4.add(less25, less16), f32x4.splat(COS_1_4));
  const high = f32x4.add(less16, less07);
  const shared = f32x4.mul(f32x4.sub(low, high), f32x4.splat(COS_3_8));
  const lowTurned = f32x4.add(f32x4.mul(low, f32x4.splat(DIFFERENCE)), shared);
  const highTurned = f32x4.add(f32x4.mul(high, f32x4.splat(SUM)), shared);
  const more = f32x4.add(less07, mid);
  const less = f32x4.sub(less07, mid);
  v128.store(at, f32x4.add(more, highTurned), 32);
  v128.store(at, f32x4.sub(less, lowTurned), 96);
  v128.store(at, f32x4.add(less, lowTurned), 160);
  v128.store(at, f32x4.sub(more, highTurned), 224);
}

/** Writes the 4 x 4 floats at `from` to `to` with rows as columns; rows are 32 bytes apart in `to`, `stride` in `from`. */
@inline
function transposed(a: v128, b: v128, c: v128, d: v128, to: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 96);
}

/** Turns rows of the block into columns, in place. */
@inline
function transpose(): void {
  const upper0 = v128.load(block, 16);
  const upper1 = v128.load(block, 48);
  const upper2 = v128.load(block, 80);
  const upper3 = v128.load(block, 112);
  transposed(v128.load(block), v128.load(block, 32), v128.load(block, 64), v128.load(block, 96), block);
  transposed(
    v128.load(block, 128), v128.load(block, 160), v128.load(block, 192), v128.load(block, 224), block + 16);
  transposed(
    v128.load(block, 144), v128.load(block, 176), v128.load(block, 208), v128.load(block, 240), block + 144);
  transposed(upper0, upper1, upper2, upper3, block + 128);
}

/** Four coefficients times their factors, rounded. */
@inline
function quantised(at: usize, factors: usize): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(block + at), v128.load(factors + at))));
}

/** Leaves the quantised coefficients of the 8 x 8 floats at `source`, rows `stride` bytes apart, in {@link coefficients}. */
export function transformBlock(source: usize, stride: usize, factors: usize): void {
  for (let row: usize = 0; row < 8; row++) {
    const from = source + row * stride;
    v128.store(block + row * 32, v128.load(from));
    v128.store(block + row * 32, v128.load(from, 16), 16);
  }
  transformColumns(block);
  transformColumns(block + 16);
  transpose();
  transformColumns(block);
  transformColumns(block + 16);
  for (let at: usize = 0; at < 256; at += 32) {
    v128.store(
      coefficients + (at >> 1),
      i16x8.narrow_i32x4_s(quantised(at, factors), quantised(at + 16, factors)),
    );
  }
}
