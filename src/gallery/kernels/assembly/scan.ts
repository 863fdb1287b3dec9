/**
 * Scanning rows of rounded directions for those that may be alike enough. `../../quantize.ts` says what the numbers mean and
 * why nothing is missed; here only integers are added up, which is exact.
 *
 * The upper bits alone give a first estimate for little memory traffic, and products so small that a whole row adds up in
 * 16 bits: `../../quantize.ts` keeps the probe's values small enough for that. Only where that estimate leaves room the
 * lower bits are read too.
 */
import { judge, refine } from "./judge";
import { groupOf, multiplyAdd, numbersAt, rowOf, total, upperStride, VALUES } from "./layout";

/** Pieces of 32 values whose sums stay within 16 bits. */
const SPAN: u32 = 16;

@inline
function lowerNibbles(packed: v128): v128 {
  return v128.and(packed, i8x16.splat(15));
}

@inline
function upperNibbles(packed: v128): v128 {
  return v128.and(i16x8.shr_u(packed, 4), i8x16.splat(15));
}

/** Number of the row at a place of the list of slots; that of the last one behind the end. */
@inline
function slotAt(slots: usize, at: u32, count: u32): u32 {
  return load<u32>(slots + (<usize>min(at, count - 1) << 2));
}

/**
 * Compares `count` rows with one probe. `table`: addresses of the groups; `slots`: numbers of the rows (group x 1024 + row). Rows that may reach the bar go to the probe's out area as pairs of slot and most (u32, f32);
 * FOUND counts them.
 */
export function scanOne(table: usize, slots: usize, count: u32, pieces: u32, probe: usize): void {
  const stride = upperStride(pieces);
  const numbers = numbersAt(pieces);
  const values = probe + VALUES;
  // Four rows at a time: the probe's values are loaded once for them.
  for (let at: u32 = 0; at < count; at += 4) {
    const slot0 = slotAt(slots, at, count);
    const slot1 = slotAt(slots, at + 1, count);
    const slot2 = slotAt(slots, at + 2, count);
    const slot3 = slotAt(slots, at + 3, count);
    const group0 = groupOf(table, slot0);
    const group1 = groupOf(table, slot1);
    const group2 = groupOf(table, slot2);
    const group3 = groupOf(table, slot3);
    const row0 = group0 + rowOf(slot0) * stride;
    const row1 = group1 + rowOf(slot1) * stride;
    const row2 = group2 + rowOf(slot2) * stride;
    const row3 = group3 + rowOf(slot3) * stride;
    let total0: i32 = 0, total1: i32 = 0, total2: i32 = 0, total3: i32 = 0;
    for (let piece: u32 = 0; piece < pieces; piece += SPAN) {
      const end = <usize>min(pieces, piece + SPAN) << 4;
      let sums0 = i16x8.splat(0), sums1 = i16x8.splat(0), sums2 = i16x8.splat(0), sums3 = i16x8.splat(0);
      for (let part = <usize>piece << 4; part < end; part += 16) {
        const low = v128.load(values + part + part);
        const high = v128.load(values + part + part, 16);
        const packed0 = v128.load(row0 + part);
        sums0 = multiplyAdd(sums0, lowerNibbles(packed0), low);
        sums0 = multiplyAdd(sums0, upperNibbles(packed0), high);
        const packed1 = v128.load(row1 + part);
        sums1 = multiplyAdd(sums1, lowerNibbles(packed1), low);
        sums1 = multiplyAdd(sums1, upperNibbles(packed1), high);
        const packed2 = v128.load(row2 + part);
        sums2 = multiplyAdd(sums2, lowerNibbles(packed2), low);
        sums2 = multiplyAdd(sums2, upperNibbles(packed2), high);
        const packed3 = v128.load(row3 + part);
        sums3 = multiplyAdd(sums3, lowerNibbles(packed3), low);
        sums3 = multiplyAdd(sums3, upperNibbles(packed3), high);
      }
      total0 += total(sums0);
      total1 += total(sums1);
      total2 += total(sums2);
      total3 += total(sums3);
    }
    judge(slot0, total0, probe, group0 + numbers + (rowOf(slot0) << 2));
    if (at + 1 < count) judge(slot1, total1, probe, group1 + numbers + (rowOf(slot1) << 2));
    if (at + 2 < count) judge(slot2, total2, probe, group2 + numbers + (rowOf(slot2) << 2));
    if (at + 3 < count) judge(slot3, total3, probe, group3 + numbers + (rowOf(slot3) << 2));
  }
  refine(table, pieces, probe);
}

/** As {@link scanOne} with two probes, two rows at a time. */
export function scanTwo(table: usize, slots: usize, count: u32, pieces: u32, a: usize, b: usize): void {
  const stride = upperStride(pieces);
  const numbers = numbersAt(pieces);
  for (let at: u32 = 0; at < count; at += 2) {
    const slot0 = slotAt(slots, at, count);
    const slot1 = slotAt(slots, at + 1, count);
    const group0 = groupOf(table, slot0);
    const group1 = groupOf(table, slot1);
    const row0 = group0 + rowOf(slot0) * stride;
    const row1 = group1 + rowOf(slot1) * stride;
    let a0: i32 = 0, a1: i32 = 0, b0: i32 = 0, b1: i32 = 0;
    for (let piece: u32 = 0; piece < pieces; piece += SPAN) {
      const end = <usize>min(pieces, piece + SPAN) << 4;
      let sumsA0 = i16x8.splat(0), sumsA1 = i16x8.splat(0), sumsB0 = i16x8.splat(0), sumsB1 = i16x8.splat(0);
      for (let part = <usize>piece << 4; part < end; part += 16) {
        const packed0 = v128.load(row0 + part);
        const packed1 = v128.load(row1 + part);
        const low0 = lowerNibbles(packed0);
        const low1 = lowerNibbles(packed1);
        const high0 = upperNibbles(packed0);
        const high1 = upperNibbles(packed1);
        const from = VALUES + part + part;
        let values = v128.load(a + from);
        sumsA0 = multiplyAdd(sumsA0, low0, values);
        sumsA1 = multiplyAdd(sumsA1, low1, values);
        values = v128.load(a + from, 16);
        sumsA0 = multiplyAdd(sumsA0, high0, values);
        sumsA1 = multiplyAdd(sumsA1, high1, values);
        values = v128.load(b + from);
        sumsB0 = multiplyAdd(sumsB0, low0, values);
        sumsB1 = multiplyAdd(sumsB1, low1, values);
        values = v128.load(b + from, 16);
        sumsB0 = multiplyAdd(sumsB0, high0, values);
        sumsB1 = multiplyAdd(sumsB1, high1, values);
      }
      a0 += total(sumsA0);
      a1 += total(sumsA1);
      b0 += total(sumsB0);
      b1 += total(sumsB1);
    }
    const numbers0 = group0 + numbers + (rowOf(slot0) << 2);
    judge(slot0, a0, a, numbers0);
    judge(slot0, b0, b, numbers0);
    if (at + 1 == count) break;
    const numbers1 = group1 + numbers + (rowOf(slot1) << 2);
    judge(slot1, a1, a, numbers1);
    judge(slot1, b1, b, numbers1);
  }
  refine(table, pieces, a);
  refine(table, pieces, b);
}

/** As {@link scanOne} with four probes, two rows at a time: what is loaded is used several times. */
export function scanFour(
  table: usize,
  slots: usize,
  count: u32,
  pieces: u32,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
): void {
  const stride = upperStride(pieces);
  const numbers = numbersAt(pieces);
  for (let at: u32 = 0; at < count; at += 2) {
    const slot0 = slotAt(slots, at, count);
    const slot1 = slotAt(slots, at + 1, count);
    const group0 = groupOf(table, slot0);
    const group1 = groupOf(table, slot1);
    const row0 = group0 + rowOf(slot0) * stride;
    const row1 = group1 + rowOf(slot1) * stride;
    let a0: i32 = 0, a1: i32 = 0, b0: i32 = 0, b1: i32 = 0, c0: i32 = 0, c1: i32 = 0, d0: i32 = 0, d1: i32 = 0;
    for (let piece: u32 = 0; piece < pieces; piece += SPAN) {
      const end = <usize>min(pieces, piece + SPAN) << 4;
      let sumsA0 = i16x8.splat(0), sumsA1 = i16x8.splat(0), sumsB0 = i16x8.splat(0), sumsB1 = i16x8.splat(0);
      let sumsC0 = i16x8.splat(0), sumsC1 = i16x8.splat(0), sumsD0 = i16x8.splat(0), sumsD1 = i16x8.splat(0);
      for (let part = <usize>piece << 4; part < end; part += 16) {
        const packed0 = v128.load(row0 + part);
        const packed1 = v128.load(row1 + part);
        const from = VALUES + part + part;
        const low0 = lowerNibbles(packed0);
        const low1 = lowerNibbles(packed1);
        let values = v128.load(a + from);
        sumsA0 = multiplyAdd(sumsA0, low0, values);
        sumsA1 = multiplyAdd(sumsA1, low1, values);
        values = v128.load(b + from);
        sumsB0 = multiplyAdd(sumsB0, low0, values);
        sumsB1 = multiplyAdd(sumsB1, low1, values);
        values = v128.load(c + from);
        sumsC0 = multiplyAdd(sumsC0, low0, values);
        sumsC1 = multiplyAdd(sumsC1, low1, values);
        values = v128.load(d + from);
        sumsD0 = multiplyAdd(sumsD0, low0, values);
        sumsD1 = multiplyAdd(sumsD1, low1, values);
        const high0 = upperNibbles(packed0);
        const high1 = upperNibbles(packed1);
        values = v128.load(a + from, 16);
        sumsA0 = multiplyAdd(sumsA0, high0, values);
        sumsA1 = multiplyAdd(sumsA1, high1, values);
        values = v128.load(b + from, 16);
        sumsB0 = multiplyAdd(sumsB0, high0, values);
        sumsB1 = multiplyAdd(sumsB1, high1, values);
        values = v128.load(c + from, 16);
        sumsC0 = multiplyAdd(sumsC0, high0, values);
        sumsC1 = multiplyAdd(sumsC1, high1, values);
        values = v128.load(d + from, 16);
        sumsD0 = multiplyAdd(sumsD0, high0, values);
        sumsD1 = multiplyAdd(sumsD1, high1, values);
      }
      a0 += total(sumsA0);
      a1 += total(sumsA1);
      b0 += total(sumsB0);
      b1 += total(sumsB1);
      c0 += total(sumsC0);
      c1 += total(sumsC1);
      d0 += total(sumsD0);
      d1 += total(sumsD1);
    }
    const numbers0 = group0 + numbers + (rowOf(slot0) << 2);
    judge(slot0, a0, a, numbers0);
    judge(slot0, b0, b, numbers0);
    judge(slot0, c0, c, numbers0);
    judge(slot0, d0, d, numbers0);
    if (at + 1 == count) break;
    const numbers1 = group1 + numbers + (rowOf(slot1) << 2);
    judge(slot1, a1, a, numbers1);
    judge(slot1, b1, b, numbers1);
    judge(slot1, c1, c, numbers1);
    judge(slot1, d1, d, numbers1);
  }
  refine(table, pieces, a);
  refine(table, pieces, b);
  refine(table, pieces, c);
  refine(table, pieces, d);
}
