/**
 * Scanning rows of 8-bit directions for those that may be alike enough. `../../quantize.ts` says what the numbers mean and
 * why nothing is missed; here only integers are added up, which is exact.
 *
 * A byte 0..255 of a row is kept as two nibbles in two planes. The upper nibbles alone give a first estimate for half of the
 * memory traffic, and products so small that a whole row adds up in 16 bits: `../../quantize.ts` keeps the probe's values small
 * enough for that. Only where the first estimate leaves room the lower nibbles are read too.
 *
 * Layout of a group of 1024 rows: upper nibbles, lower nibbles (16 bytes for 32 values each: value `j` of them in the lower half of
 * byte `j`, value `16 + j` in its upper half), then per row a step, the length of what the upper nibbles miss, the length of
 * what both miss (f32).
 */

/** Rows of a group. */
const GROUP_SHIFT: u32 = 10;
const GROUP_MASK: u32 = (1 << GROUP_SHIFT) - 1;
/** Pieces of 32 values whose sums stay within 16 bits. */
const SPAN: u32 = 16;

/** Where things are in a probe's head; its values (i8) follow. */
const SUM: usize = 0;
const SCALE: usize = 4;
const SPREAD: usize = 8;
const BAR: usize = 12;
const FOUND: usize = 16;
const OUT: usize = 20;
const TOUCHED: usize = 24;
const VALUES: usize = 32;

/**
 * Adds the products of unsigned nibbles and signed bytes to 8 sums. The relaxed instruction multiplies and adds neighbours
 * at once; its result is defined, because nibbles have their upper bit clear and sums fit in 16 bits.
 */
@inline
function multiplyAdd(sums: v128, nibbles: v128, values: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(values, nibbles));
  } else {
    return i16x8.add(
      sums,
      i16x8.add(i16x8.extmul_low_i8x16_s(values, nibbles), i16x8.extmul_high_i8x16_s(values, nibbles)),
    );
  }
}

@inline
function lowerNibbles(packed: v128): v128 {
  return v128.and(packed, i8x16.splat(15));
}

@inline
function upperNibbles(packed: v128): v128 {
  return v128.and(i16x8.shr_u(packed, 4), i8x16.splat(15));
}

/** Sum of eight 16-bit sums. */
@inline
function total(sums: v128): i32 {
  const quads = i32x4.extadd_pairwise_i16x8_s(sums);
  const pairs = i32x4.add(quads, i64x2.shr_u(quads, 32));
  return <i32>i64x2.extract_lane(pairs, 0) + <i32>i64x2.extract_lane(pairs, 1);
}

/** Sum of the products of a row's nibbles and a probe. */
function dot(row: usize, values: usize, pieces: u32): i32 {
  let sum: i32 = 0;
  for (let piece: u32 = 0; piece < pieces; piece += SPAN) {
    const end = min(pieces, piece + SPAN);
    let sums = i16x8.splat(0);
    for (let at = piece; at < end; at++) {
      const packed = v128.load(row + (<usize>at << 4));
      const from = values + (<usize>at << 5);
      sums = multiplyAdd(sums, lowerNibbles(packed), v128.load(from));
      sums = multiplyAdd(sums, upperNibbles(packed), v128.load(from, 16));
    }
    sum += total(sums);
  }
  return sum;
}

/** Whether the upper nibbles leave room for a row to reach the probe's bar. */
@inline
function mayReach(coarse: i32, probe: usize, step: f32, missed: f32): bool {
  const sum: i32 = 2 * coarse - 15 * load<i32>(probe, SUM);
  const factor: f32 = <f32>8 * step * load<f32>(probe, SCALE);
  const estimate: f32 = <f32>sum * factor;
  return estimate + missed * load<f32>(probe, SPREAD) >= load<f32>(probe, BAR);
}

/** Notes a row where the upper nibbles leave room. */
@inline
function judge(slot: u32, coarse: i32, probe: usize, step: f32, missed: f32): void {
  if (mayReach(coarse, probe, step, missed)) {
    const found = load<u32>(probe, FOUND);
    const out = <usize>load<u32>(probe, OUT) + (<usize>found << 3);
    store<u32>(out, slot);
    store<i32>(out, coarse, 4);
    store<u32>(probe, found + 1, FOUND);
  }
}

/** Address of a slot's group. */
@inline
function groupOf(table: usize, slot: u32): usize {
  return <usize>load<u32>(table + (<usize>(slot >> GROUP_SHIFT) << 2));
}

/** Judges a row by its numbers, which are at `numbersAt` of its group. */
@inline
function judgeRow(slot: u32, coarse: i32, group: usize, probe: usize, numbersAt: usize): void {
  const numbers = group + numbersAt + (<usize>(slot & GROUP_MASK) << 2);
  judge(slot, coarse, probe, load<f32>(numbers), load<f32>(numbers + (4 << GROUP_SHIFT)));
}

/**
 * Looks at the lower nibbles of the rows that were noted, and keeps those that may still reach the bar, each with the most it can
 * reach instead of its coarse sum.
 */
function refine(table: usize, pieces: u32, probe: usize): void {
  const noted = load<u32>(probe, FOUND);
  const out = <usize>load<u32>(probe, OUT);
  const stride = <usize>pieces << 4;
  const plane = stride << GROUP_SHIFT;
  // These rows are anywhere: all are asked for before the first is needed, so that the memory brings many at a time.
  let touched: u64 = 0;
  for (let at: u32 = 0; at < noted; at++) {
    const slot = load<u32>(out + (<usize>at << 3));
    const row = groupOf(table, slot) + plane + <usize>(slot & GROUP_MASK) * stride;
    for (let line: usize = 0; line < stride; line += 64) touched ^= load<u64>(row + line);
  }
  store<u64>(probe, touched, TOUCHED);
  const sum = load<i32>(probe, SUM);
  const scale = load<f32>(probe, SCALE);
  const spread = load<f32>(probe, SPREAD);
  const bar = load<f32>(probe, BAR);
  let found: usize = 0;
  for (let at: u32 = 0; at < noted; at++) {
    const slot = load<u32>(out + (<usize>at << 3));
    const coarse = load<i32>(out + (<usize>at << 3), 4);
    const group = groupOf(table, slot);
    const index = <usize>(slot & GROUP_MASK);
    const fine = dot(group + plane + index * stride, probe + VALUES, pieces);
    const numbers = group + plane + plane + (index << 2);
    const factor: f32 = <f32>0.5 * load<f32>(numbers) * scale;
    const missed = load<f32>(numbers + (8 << GROUP_SHIFT));
    const whole: i32 = 32 * coarse + 2 * fine - 255 * sum;
    const most: f32 = <f32>whole * factor + missed * spread;
    if (most >= bar) {
      store<u32>(out + (found << 3), slot);
      store<f32>(out + (found << 3), most, 4);
      found++;
    }
  }
  store<u32>(probe, <u32>found, FOUND);
}

/**
 * Compares `count` rows with one probe. `table`: addresses of the groups; `slots`: numbers of the rows (group x 1024 + row). Rows that may reach the bar go to the probe's out area as pairs of slot and most (u32, f32);
 * FOUND counts them.
 */
export function scanOne(table: usize, slots: usize, count: u32, pieces: u32, probe: usize): void {
  const stride = <usize>pieces << 4;
  const numbersAt = stride << (GROUP_SHIFT + 1);
  const values = probe + VALUES;
  let at: u32 = 0;
  // Four rows at a time: the probe's values are loaded once for them.
  for (; at + 4 <= count; at += 4) {
    const from = slots + (<usize>at << 2);
    const slot0 = load<u32>(from);
    const slot1 = load<u32>(from, 4);
    const slot2 = load<u32>(from, 8);
    const slot3 = load<u32>(from, 12);
    const group0 = groupOf(table, slot0);
    const group1 = groupOf(table, slot1);
    const group2 = groupOf(table, slot2);
    const group3 = groupOf(table, slot3);
    const row0 = group0 + <usize>(slot0 & GROUP_MASK) * stride;
    const row1 = group1 + <usize>(slot1 & GROUP_MASK) * stride;
    const row2 = group2 + <usize>(slot2 & GROUP_MASK) * stride;
    const row3 = group3 + <usize>(slot3 & GROUP_MASK) * stride;
    let total0: i32 = 0;
    let total1: i32 = 0;
    let total2: i32 = 0;
    let total3: i32 = 0;
    for (let piece: u32 = 0; piece < pieces; piece += SPAN) {
      const end = min(pieces, piece + SPAN);
      let sums0 = i16x8.splat(0);
      let sums1 = i16x8.splat(0);
      let sums2 = i16x8.splat(0);
      let sums3 = i16x8.splat(0);
      for (let part = <usize>piece << 4; part < <usize>end << 4; part += 16) {
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
    judgeRow(slot0, total0, group0, probe, numbersAt);
    judgeRow(slot1, total1, group1, probe, numbersAt);
    judgeRow(slot2, total2, group2, probe, numbersAt);
    judgeRow(slot3, total3, group3, probe, numbersAt);
  }
  for (; at < count; at++) {
    const slot = load<u32>(slots + (<usize>at << 2));
    const group = groupOf(table, slot);
    const coarse = dot(group + <usize>(slot & GROUP_MASK) * stride, values, pieces);
    judgeRow(slot, coarse, group, probe, numbersAt);
  }
  refine(table, pieces, probe);
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
  const stride = <usize>pieces << 4;
  const numbersAt = stride << (GROUP_SHIFT + 1);
  for (let at: u32 = 0; at < count; at += 2) {
    const last = at + 1 == count;
    const slot0 = load<u32>(slots + (<usize>at << 2));
    const slot1 = last ? slot0 : load<u32>(slots + (<usize>at << 2), 4);
    const group0 = <usize>load<u32>(table + (<usize>(slot0 >> GROUP_SHIFT) << 2));
    const group1 = <usize>load<u32>(table + (<usize>(slot1 >> GROUP_SHIFT) << 2));
    const index0 = <usize>(slot0 & GROUP_MASK);
    const index1 = <usize>(slot1 & GROUP_MASK);
    const row0 = group0 + index0 * stride;
    const row1 = group1 + index1 * stride;
    let a0: i32 = 0, a1: i32 = 0, b0: i32 = 0, b1: i32 = 0, c0: i32 = 0, c1: i32 = 0, d0: i32 = 0, d1: i32 = 0;
    for (let piece: u32 = 0; piece < pieces; piece += SPAN) {
      const end = min(pieces, piece + SPAN);
      let sumsA0 = i16x8.splat(0), sumsA1 = i16x8.splat(0), sumsB0 = i16x8.splat(0), sumsB1 = i16x8.splat(0);
      let sumsC0 = i16x8.splat(0), sumsC1 = i16x8.splat(0), sumsD0 = i16x8.splat(0), sumsD1 = i16x8.splat(0);
      for (let part = piece; part < end; part++) {
        const packed0 = v128.load(row0 + (<usize>part << 4));
        const packed1 = v128.load(row1 + (<usize>part << 4));
        const from = VALUES + (<usize>part << 5);
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
    const numbers0 = group0 + numbersAt + (index0 << 2);
    const step0 = load<f32>(numbers0);
    const missed0 = load<f32>(numbers0 + (4 << GROUP_SHIFT));
    judge(slot0, a0, a, step0, missed0);
    judge(slot0, b0, b, step0, missed0);
    judge(slot0, c0, c, step0, missed0);
    judge(slot0, d0, d, step0, missed0);
    if (last) break;
    const numbers1 = group1 + numbersAt + (index1 << 2);
    const step1 = load<f32>(numbers1);
    const missed1 = load<f32>(numbers1 + (4 << GROUP_SHIFT));
    judge(slot1, a1, a, step1, missed1);
    judge(slot1, b1, b, step1, missed1);
    judge(slot1, c1, c, step1, missed1);
    judge(slot1, d1, d, step1, missed1);
  }
  refine(table, pieces, a);
  refine(table, pieces, b);
  refine(table, pieces, c);
  refine(table, pieces, d);
}
