/**
 * Scanning rows of rounded directions for those that may be alike enough. `../../quantize.ts` says what the numbers mean and
 * why nothing is missed; here only integers are added up, which is exact.
 */
import { groupOf, LANE, rowOf, slotAt, VECTOR_SHIFT } from "./layout";

export { gather, judge } from "./judge";

/** Bytes of a row whose products are added up in 16 bits: `../../quantize.ts` keeps the probe's values small enough for that. */
const SPAN: usize = 8 << 4;

/**
 * Adds the products of numbers up to 127 and signed bytes to 8 sums. The relaxed instruction multiplies and adds neighbours
 * at once; its result is defined, because the numbers have their upper bit clear and sums fit in 16 bits.
 */
@inline
function multiplyAdd(sums: v128, numbers: v128, values: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(values, numbers));
  } else {
    return i16x8.add(
      sums,
      i16x8.add(i16x8.extmul_low_i8x16_s(values, numbers), i16x8.extmul_high_i8x16_s(values, numbers)),
    );
  }
}

/** Adds 8 sums of 16 bits to 4 of 32. */
@inline
function widened(totals: v128, sums: v128): v128 {
  return i32x4.add(totals, i32x4.extadd_pairwise_i16x8_s(sums));
}

/** Sum of four 32-bit sums. */
@inline
function total(quads: v128): i32 {
  const pairs = i32x4.add(quads, i64x2.shr_u(quads, 32));
  return <i32>i64x2.extract_lane(pairs, 0) + <i32>i64x2.extract_lane(pairs, 1);
}

/** Address of the row at a place of the list of slots; of the last one behind the end. */
@inline
function rowAt(table: usize, slots: usize, at: u32, count: u32, stride: usize): usize {
  const slot = slotAt(slots, min(at, count - 1));
  return groupOf(table, slot) + rowOf(slot) * stride;
}

/**
 * Adds up the products of `count` rows and a probe's values. `table`: addresses of the groups; `slots`: numbers of the rows
 * (group x 1024 + row); `stride`: bytes of a row; `sums`: where the sums (i32) go, with room for whole fours of rows.
 */
export function sumOne(table: usize, slots: usize, count: u32, stride: usize, values: usize, sums: usize): void {
  // Four rows at a time: the probe's values are loaded once for them.
  for (let at: u32 = 0; at < count; at += 4) {
    const row0 = rowAt(table, slots, at, count, stride);
    const row1 = rowAt(table, slots, at + 1, count, stride);
    const row2 = rowAt(table, slots, at + 2, count, stride);
    const row3 = rowAt(table, slots, at + 3, count, stride);
    let total0 = i32x4.splat(0), total1 = i32x4.splat(0), total2 = i32x4.splat(0), total3 = i32x4.splat(0);
    for (let first: usize = 0; first < stride; first += SPAN) {
      const end = min(stride, first + SPAN);
      let sums0 = i16x8.splat(0), sums1 = i16x8.splat(0), sums2 = i16x8.splat(0), sums3 = i16x8.splat(0);
      for (let part = first; part < end; part += 16) {
        const those = v128.load(values + (part << (VECTOR_SHIFT - 4)));
        sums0 = multiplyAdd(sums0, v128.load(row0 + part), those);
        sums1 = multiplyAdd(sums1, v128.load(row1 + part), those);
        sums2 = multiplyAdd(sums2, v128.load(row2 + part), those);
        sums3 = multiplyAdd(sums3, v128.load(row3 + part), those);
      }
      total0 = widened(total0, sums0);
      total1 = widened(total1, sums1);
      total2 = widened(total2, sums2);
      total3 = widened(total3, sums3);
    }
    const to = sums + (<usize>at << 2);
    store<i32>(to, total(total0));
    store<i32>(to, total(total1), 4);
    store<i32>(to, total(total2), 8);
    store<i32>(to, total(total3), 12);
  }
}

/**
 * As {@link sumOne} with four probes, two rows at a time: what is loaded is used several times. The sums of each probe go `apart` bytes
 * behind those of the one before.
 */
export function sumFour(
  table: usize,
  slots: usize,
  count: u32,
  stride: usize,
  values: usize,
  sums: usize,
  apart: usize,
): void {
  for (let at: u32 = 0; at < count; at += 2) {
    const row0 = rowAt(table, slots, at, count, stride);
    const row1 = rowAt(table, slots, at + 1, count, stride);
    let totalA0 = i32x4.splat(0), totalA1 = i32x4.splat(0);
    let totalB0 = i32x4.splat(0), totalB1 = i32x4.splat(0);
    let totalC0 = i32x4.splat(0), totalC1 = i32x4.splat(0);
    let totalD0 = i32x4.splat(0), totalD1 = i32x4.splat(0);
    for (let first: usize = 0; first < stride; first += SPAN) {
      const end = min(stride, first + SPAN);
      let sumsA0 = i16x8.splat(0), sumsA1 = i16x8.splat(0);
      let sumsB0 = i16x8.splat(0), sumsB1 = i16x8.splat(0);
      let sumsC0 = i16x8.splat(0), sumsC1 = i16x8.splat(0);
      let sumsD0 = i16x8.splat(0), sumsD1 = i16x8.splat(0);
      for (let part = first; part < end; part += 16) {
        const numbers0 = v128.load(row0 + part);
        const numbers1 = v128.load(row1 + part);
        const from = values + (part << (VECTOR_SHIFT - 4));
        let those = v128.load(from);
        sumsA0 = multiplyAdd(sumsA0, numbers0, those);
        sumsA1 = multiplyAdd(sumsA1, numbers1, those);
        those = v128.load(from, LANE);
        sumsB0 = multiplyAdd(sumsB0, numbers0, those);
        sumsB1 = multiplyAdd(sumsB1, numbers1, those);
        those = v128.load(from, 2 * LANE);
        sumsC0 = multiplyAdd(sumsC0, numbers0, those);
        sumsC1 = multiplyAdd(sumsC1, numbers1, those);
        those = v128.load(from, 3 * LANE);
        sumsD0 = multiplyAdd(sumsD0, numbers0, those);
        sumsD1 = multiplyAdd(sumsD1, numbers1, those);
      }
      totalA0 = widened(totalA0, sumsA0);
      totalA1 = widened(totalA1, sumsA1);
      totalB0 = widened(totalB0, sumsB0);
      totalB1 = widened(totalB1, sumsB1);
      totalC0 = widened(totalC0, sumsC0);
      totalC1 = widened(totalC1, sumsC1);
      totalD0 = widened(totalD0, sumsD0);
      totalD1 = widened(totalD1, sumsD1);
    }
    let to = sums + (<usize>at << 2);
    store<i32>(to, total(totalA0));
    store<i32>(to, total(totalA1), 4);
    to += apart;
    store<i32>(to, total(totalB0));
    store<i32>(to, total(totalB1), 4);
    to += apart;
    store<i32>(to, total(totalC0));
    store<i32>(to, total(totalC1), 4);
    to += apart;
    store<i32>(to, total(totalD0));
    store<i32>(to, total(totalD1), 4);
  }
}
