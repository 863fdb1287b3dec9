/**
 * Where the kernels find what. `../../scan-memory.ts` lays it out, `../../quantize.ts` says what the numbers mean.
 *
 * A number 0..63 of a row is kept in two planes: its upper four bits, two to a byte, and its lower two, four to a byte. A group of 1024
 * rows is: upper bits (16 bytes for 32 values: value `j` of them in the lower half of byte `j`, value `16 + j` in its
 * upper half), lower bits (16 bytes for 64 values: value `16 g + j` in bits `2 g` and `2 g + 1` of byte `j`), then per row a step, the
 * length of what the upper bits miss, the length of what all six miss (f32).
 */

/** Rows of a group. */
export const GROUP_SHIFT: u32 = 10;
export const GROUP_MASK: u32 = (1 << GROUP_SHIFT) - 1;

/** Where things are in a probe's head; its values (i8) follow. */
export const SUM: usize = 0;
export const SCALE: usize = 4;
export const SPREAD: usize = 8;
export const BAR: usize = 12;
export const FOUND: usize = 16;
export const OUT: usize = 20;
export const TOUCHED: usize = 24;
export const VALUES: usize = 32;

/** Address of a slot's group. `table`: addresses of the groups. */
@inline
export function groupOf(table: usize, slot: u32): usize {
  return <usize>load<u32>(table + (<usize>(slot >> GROUP_SHIFT) << 2));
}

/** Row of a slot in its group. */
@inline
export function rowOf(slot: u32): usize {
  return <usize>(slot & GROUP_MASK);
}

/** Bytes of a row's upper bits. */
@inline
export function upperStride(pieces: u32): usize {
  return <usize>pieces << 4;
}

/** Bytes of a row's lower bits. */
@inline
export function lowerStride(pieces: u32): usize {
  return <usize>((pieces + 1) >> 1) << 4;
}

/** Where the numbers of a group's rows begin. */
@inline
export function numbersAt(pieces: u32): usize {
  return (upperStride(pieces) + lowerStride(pieces)) << GROUP_SHIFT;
}

/**
 * Adds the products of small unsigned bytes and signed bytes to 8 sums. The relaxed instruction multiplies and adds neighbours
 * at once; its result is defined, because the unsigned ones have their upper bit clear and sums fit in 16 bits.
 */
@inline
export function multiplyAdd(sums: v128, small: v128, values: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(values, small));
  } else {
    return i16x8.add(sums, i16x8.add(i16x8.extmul_low_i8x16_s(values, small), i16x8.extmul_high_i8x16_s(values, small)));
  }
}

/** Sum of eight 16-bit sums. */
@inline
export function total(sums: v128): i32 {
  const quads = i32x4.extadd_pairwise_i16x8_s(sums);
  const pairs = i32x4.add(quads, i64x2.shr_u(quads, 32));
  return <i32>i64x2.extract_lane(pairs, 0) + <i32>i64x2.extract_lane(pairs, 1);
}
