/** Planar floats 0..255 back to rounded 8-bit values. */

/** Four floats as rounded 32-bit integers. */
@inline
function rounded(address: usize): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.add(v128.load(address), f32x4.splat(0.5)));
}

/** Rounds `count` floats at `source` to bytes at `target`; both have room for a multiple of 16. */
export function packPlane(source: usize, count: i32, target: usize): void {
  for (let at: usize = 0; at < <usize>count; at += 16) {
    const from = source + (at << 2);
    v128.store(
      target + at,
      i8x16.narrow_i16x8_u(
        i16x8.narrow_i32x4_s(rounded(from), rounded(from + 16)),
        i16x8.narrow_i32x4_s(rounded(from + 32), rounded(from + 48)),
      ),
    );
  }
}

/**
 * Rounds three planes of `count` floats, `plane` bytes apart, to interleaved RGB bytes at `target`. Writes up to 13 bytes past
 * the last pixel.
 */
export function packPixels(source: usize, plane: usize, count: i32, target: usize): void {
  let from = source;
  let to = target;
  for (const end = source + (<usize>count << 2); from < end; from += 16) {
    const redGreen = i16x8.narrow_i32x4_s(rounded(from), rounded(from + plane));
    const blue = i16x8.narrow_i32x4_s(rounded(from + 2 * plane), i32x4.splat(0));
    const bytes = i8x16.narrow_i16x8_u(redGreen, blue);
    v128.store(to, i8x16.swizzle(bytes, i8x16(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1)));
    to += 12;
  }
}
