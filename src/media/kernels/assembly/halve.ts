/**
 * Halving: a 2x2 box filter over interleaved 8-bit RGB, rounded as `(sum + 2) >> 2`.
 *
 * Reads up to 4 bytes and writes up to 4 bytes past what it needs: levels are laid out with padding for that.
 */

/** Reorders 4 RGB pixels so that horizontal neighbours of one channel are adjacent: r0 r1 g0 g1 b0 b1 r2 r3 g2 g3 b2 b3. */
@inline
function pairNeighbours(pixels: v128): v128 {
  return i8x16.swizzle(pixels, i8x16(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1));
}

/** Two means of 2x2 pixels as 16-bit lanes 0..5, from the 4 upper and 4 lower pixels at the addresses. */
@inline
function meanOfQuads(upper: usize, lower: usize): v128 {
  const sum = i16x8.add(
    i16x8.extadd_pairwise_i8x16_u(pairNeighbours(v128.load(upper))),
    i16x8.extadd_pairwise_i8x16_u(pairNeighbours(v128.load(lower))),
  );
  return i16x8.shr_u(i16x8.add(sum, i16x8.splat(2)), 2);
}

/** Halves `width` x `height` pixels at `source` into `floor(width / 2)` x `floor(height / 2)` pixels at `target`. */
export function halve(source: usize, width: i32, height: i32, target: usize): void {
  const halfWidth = width >> 1;
  const halfHeight = height >> 1;
  const stride = <usize>width * 3;
  for (let y = 0; y < halfHeight; y++) {
    let upper = source + <usize>(2 * y) * stride;
    let lower = upper + stride;
    let out = target + <usize>y * <usize>halfWidth * 3;
    let x = 0;
    for (; x + 4 <= halfWidth; x += 4) {
      const narrowed = i8x16.narrow_i16x8_u(meanOfQuads(upper, lower), meanOfQuads(upper + 12, lower + 12));
      v128.store(out, i8x16.swizzle(narrowed, i8x16(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1)));
      upper += 24;
      lower += 24;
      out += 12;
    }
    for (; x < halfWidth; x++) {
      for (let channel: usize = 0; channel < 3; channel++) {
        const sum =
          <u32>load<u8>(upper + channel) +
          <u32>load<u8>(upper + channel + 3) +
          <u32>load<u8>(lower + channel) +
          <u32>load<u8>(lower + channel + 3);
        store<u8>(out + channel, <u8>((sum + 2) >> 2));
      }
      upper += 6;
      lower += 6;
      out += 3;
    }
  }
}
