/** Which rows may reach a probe's bar. */
import { BAR, FOUND, FOUR, groupOf, MISSED, OUT, rowOf, SCALE, SPREAD, SUM, slotAt, stepsAt } from "./layout";

/**
 * Lays the steps of `count` rows side by side at `steps`, and the lengths of what they miss at `missed`, whatever groups they are in.
 */
export function gather(table: usize, slots: usize, count: u32, stride: usize, steps: usize, missed: usize): void {
  for (let at: u32 = 0; at < count; at++) {
    const slot = slotAt(slots, at);
    const from = groupOf(table, slot) + stepsAt(stride) + (rowOf(slot) << 2);
    store<f32>(steps + (<usize>at << 2), load<f32>(from));
    store<f32>(missed + (<usize>at << 2), load<f32>(from, MISSED));
  }
}

/**
 * Notes the rows that may reach the probe's bar in its out area, as pairs of slot and the most they can reach (u32, f32); FOUND counts
 * them. The slot has its top bit set where the row probably does reach it. `sums`: the probe's, of `count` rows; `steps`, `missed`: see {@link gather}.
 */
export function judge(slots: usize, count: u32, probe: usize, sums: usize, steps: usize, missed: usize): void {
  const bar = f32x4.splat(load<f32>(probe, BAR));
  const spread = f32x4.splat(load<f32>(probe, SPREAD));
  const scale = f32x4.splat(<f32>0.5 * load<f32>(probe, SCALE));
  const middle = i32x4.splat(127 * load<i32>(probe, SUM));
  const out = <usize>load<u32>(probe, OUT);
  let found: usize = 0;
  for (let at: u32 = 0; at < count; at += 4) {
    const from = <usize>at << 2;
    const four = v128.load(sums + from);
    const sum = f32x4.convert_i32x4_s(i32x4.sub(i32x4.add(four, four), middle));
    const estimate = f32x4.mul(sum, f32x4.mul(v128.load(steps + from), scale));
    const most = f32x4.add(estimate, f32x4.mul(v128.load(missed + from), spread));
    let bits = <u32>i32x4.bitmask(f32x4.ge(most, bar));
    // Behind the last row there is what other blocks left.
    if (at + 4 > count) bits &= (1 << (count - at)) - 1;
    if (bits == 0) continue;
    const likely = <u32>i32x4.bitmask(f32x4.ge(estimate, bar));
    v128.store(probe, most, FOUR);
    while (bits != 0) {
      const lane = <usize>ctz(bits);
      bits &= bits - 1;
      store<u32>(out + (found << 3), slotAt(slots, at + <u32>lane) | (((likely >> <u32>lane) & 1) << 31));
      store<f32>(out + (found << 3), load<f32>(probe + (lane << 2), FOUR), 4);
      found++;
    }
  }
  store<u32>(probe, <u32>found, FOUND);
}
