/**
 * Halving: a 2x2 box filter over interleaved 8-bit RGB, rounded as `(sum + 2) >> 2`.
 *
 * Reads up to 4 bytes and writes up to 4 bytes past what it needs: levels are laid out with padding for that.
 */

/** The left pixels of two pairs, of 4 RGB pixels, as 16-bit lanes 0..5. */
@inline
function leftOfPairs(pixels: v128): v128 {
  return i8x16.swizzle(pixels, i8x16(0, -1, 1, -1, 2, -1, 6, -1, 7, -1, 8, -1, -1, -1, -1, -1));
}

/** The right ones. */
@inline
function rightOfPairs(pixels: v128): v128 {
  return i8x16.swizzle(pixels, i8x16(3, -1, 4, -1, 5, -1, 9, -1, 10, -1, 11, -1, -1, -1, -1, -1));
}

/**
 * Two means of 2x2 pixels as 16-bit lanes 0..5, from the 4 upper and 4 lower pixels at the addresses. Widening by swizzles
 * and plain additions takes half the time of a pairwise addition (`extadd_pairwise`) in Bun.
 */
@inline
function meanOfQuads(upperAddress: usize, lowerAddress: usize): v128 {
  const upper = v128.load(upperAddress);
  const lower = v128.load(lowerAddress);
  const sum = i16x8.add(
    i16x8.add(leftOfPairs(upper), rightOfPairs(upper)),
    i16x8.add(leftOfPairs(lower), rightOfPairs(lower)),
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
