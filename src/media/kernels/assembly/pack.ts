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

/** Rounds three planes of `count` floats, `plane` bytes apart, to interleaved RGB bytes at `target`. */
export function packPixels(source: usize, plane: usize, count: i32, target: usize): void {
  for (let at: usize = 0; at < <usize>count; at++) {
    const from = source + (at << 2);
    const to = target + at * 3;
    store<u8>(to, <u8>(<i32>(load<f32>(from) + 0.5)));
    store<u8>(to, <u8>(<i32>(load<f32>(from + plane) + 0.5)), 1);
    store<u8>(to, <u8>(<i32>(load<f32>(from + 2 * plane) + 0.5)), 2);
  }
}
