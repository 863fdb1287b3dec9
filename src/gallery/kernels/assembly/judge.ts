/** Which rows a probe has to look at more closely, and which of them stay. */
import {
  BAR,
  FOUND,
  GROUP_SHIFT,
  groupOf,
  lowerStride,
  multiplyAdd,
  numbersAt,
  OUT,
  rowOf,
  SCALE,
  SPREAD,
  SUM,
  TOUCHED,
  total,
  upperStride,
  VALUES,
} from "./layout";

/** Vectors of 64 values whose sums stay within 16 bits. */
const SPAN: u32 = 8;

/** Notes a row where its upper bits leave room to reach the probe's bar. `numbers`: where those of the row are. */
@inline
export function judge(slot: u32, upper: i32, probe: usize, numbers: usize): void {
  const sum: i32 = 2 * upper - 15 * load<i32>(probe, SUM);
  const factor: f32 = <f32>2 * load<f32>(numbers) * load<f32>(probe, SCALE);
  const missed = load<f32>(numbers + (4 << GROUP_SHIFT));
  const reaches = <f32>sum * factor + missed * load<f32>(probe, SPREAD) >= load<f32>(probe, BAR);
  // Written in any case, and overwritten by the next where it does not count: one row in ten does, which no processor foresees.
  const found = load<u32>(probe, FOUND);
  const out = <usize>load<u32>(probe, OUT) + (<usize>found << 3);
  store<u64>(out, (<u64>(<u32>upper) << 32) | <u64>slot);
  store<u32>(probe, found + <u32>reaches, FOUND);
}

/** Sum of the products of a row's lower bits and a probe's values. */
function dotOfLower(row: usize, values: usize, vectors: u32): i32 {
  const mask = i8x16.splat(3);
  let sum: i32 = 0;
  for (let first: u32 = 0; first < vectors; first += SPAN) {
    const end = min(vectors, first + SPAN);
    let sums = i16x8.splat(0);
    for (let at = first; at < end; at++) {
      const packed = v128.load(row + (<usize>at << 4));
      const from = values + (<usize>at << 6);
      sums = multiplyAdd(sums, v128.and(packed, mask), v128.load(from));
      sums = multiplyAdd(sums, v128.and(i16x8.shr_u(packed, 2), mask), v128.load(from, 16));
      sums = multiplyAdd(sums, v128.and(i16x8.shr_u(packed, 4), mask), v128.load(from, 32));
      sums = multiplyAdd(sums, v128.and(i16x8.shr_u(packed, 6), mask), v128.load(from, 48));
    }
    sum += total(sums);
  }
  return sum;
}

/**
 * Looks at the lower bits of the rows that were noted, and keeps those that may still reach the bar, each with the most it can
 * reach instead of its upper sum.
 */
export function refine(table: usize, pieces: u32, probe: usize): void {
  const noted = load<u32>(probe, FOUND);
  const out = <usize>load<u32>(probe, OUT);
  const lower = upperStride(pieces) << GROUP_SHIFT;
  const stride = lowerStride(pieces);
  // These rows are anywhere: all are asked for before the first is needed, so that the memory brings many at a time.
  let touched: u64 = 0;
  for (let at: u32 = 0; at < noted; at++) {
    const slot = load<u32>(out + (<usize>at << 3));
    const row = groupOf(table, slot) + lower + rowOf(slot) * stride;
    for (let line: usize = 0; line < stride; line += 64) touched ^= load<u64>(row + line);
  }
  store<u64>(probe, touched, TOUCHED);
  const sum = load<i32>(probe, SUM);
  const scale = load<f32>(probe, SCALE);
  const spread = load<f32>(probe, SPREAD);
  const bar = load<f32>(probe, BAR);
  const after = numbersAt(pieces);
  const vectors = <u32>(stride >> 4);
  let found: usize = 0;
  for (let at: u32 = 0; at < noted; at++) {
    const slot = load<u32>(out + (<usize>at << 3));
    const group = groupOf(table, slot);
    const row = rowOf(slot);
    const fine = dotOfLower(group + lower + row * stride, probe + VALUES, vectors);
    const numbers = group + after + (row << 2);
    const factor: f32 = <f32>0.5 * load<f32>(numbers) * scale;
    const whole: i32 = 8 * load<i32>(out + (<usize>at << 3), 4) + 2 * fine - 63 * sum;
    const most: f32 = <f32>whole * factor + load<f32>(numbers + (8 << GROUP_SHIFT)) * spread;
    if (most >= bar) {
      store<u32>(out + (found << 3), slot);
      store<f32>(out + (found << 3), most, 4);
      found++;
    }
  }
  store<u32>(probe, <u32>found, FOUND);
}
