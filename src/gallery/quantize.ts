/**
 * How descriptors are rounded for the scan, and why the scan misses nothing.
 *
 * A row `r` is kept twice: as its floats, and as numbers `u` from 0 to 63 for its direction `d = r / |r|`, so that `d' = step (u - 31.5)` is
 * near `d`. With it goes `e >= |d - d'|`, worked out from the numbers as they are stored. A number is `4 h + l`; from `h` alone
 * `d'' = step (4 h + 1.5 - 31.5)`, the middle of the four, with `E >= |d - d''|`. A probe's direction `p` (length 1) is rounded to
 * `p' = scale v` with whole `v` and `f >= |p - p'|`. For the cosine `p.d` holds, by the Cauchy-Schwarz inequality,
 *
 *     |p.d - p'.d'| = |p.(d - d') + (p - p').d'| <= |p||d - d'| + |p - p'||d'| <= e + f (1 + e) = e (1 + f) + f
 *
 * and likewise for `d''` with `E`. `p'.d'` is a whole number, added up exactly, times two floats. So
 *
 *     most = p'.d' + e (1 + f) + f + SLACK
 *
 * is never below the cosine, where SLACK is for the few roundings of `most` itself in 32-bit floats (each at most 6e-8 of
 * numbers that {@link MOST_MISSED} keeps below 8) and of the directions and the cosine in doubles (about 1e-13). A row is left out only
 * when its `most` is below the cosine that it takes to be among the matches; all others are compared by `similarity()` with
 * the floats, as a plain loop over all rows would do. What is dropped would therefore have been dropped by that loop too, and what
 * is kept has that loop's numbers: same matches, same similarities, same order, ties included.
 */
import { GROUP_ROWS, lowerStride, PIECE, PROBE_HEAD, type ScanMemory, upperStride } from "./scan-memory.ts";

/** See the file's head. */
const SLACK = 1e-5;
/** Rows that are missed by more than this (a few values that tower over all others) are always compared by their floats. */
const MOST_MISSED = 2;
/** Missed by a row that is always compared. */
const ALWAYS = 1e30;
/**
 * Values beyond this many times a row's root mean square are cut off, so that the steps between are finer. Of normally distributed values
 * the upper bits then miss least for what all bits still reach: `E` 0.110 and `e` 0.031 against 0.118 and 0.030 without.
 */
const CUT_OFF = 3;
/** Half of the numbers. */
const HALF = 32;
/**
 * Largest sum of magnitudes of a probe's values in one 16-bit lane of a span of 512 values: times the largest nibble it stays
 * within 16 bits.
 */
const LANE_SUM = Math.floor(32767 / 15);
const SPAN = 512;
const LARGEST = 127;

/**
 * Rounds a row's direction into its slot; the row's length. Rows of length zero get a direction of zeros, and so cosine 0.
 */
export function writeRow(memory: ScanMemory, slot: number, pieces: number, row: Float32Array): number {
  const { upper, lower, numbers } = memory.place(slot, pieces);
  const { bytes, floats } = memory;
  const length = lengthOf(row);
  let largest = 0;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, Math.abs(row[i]!));
  largest = Math.min(largest / length, CUT_OFF / Math.sqrt(row.length));
  const step = Math.fround(length === 0 ? 0 : largest / (HALF - 0.5));
  const inverse = step === 0 ? 0 : 1 / (step * length);
  const at = numbers / 4;
  floats[at] = step;
  if (length === 0) {
    eraseRow(memory, slot, pieces);
    return length;
  }
  let missed = 0;
  let missedByUpper = 0;
  const numberOf = (i: number): number => {
    // Places behind the last value count nothing: the probe has zeros there.
    if (i >= row.length) return 0;
    const value = row[i]!;
    const number = Math.min(2 * HALF - 1, Math.max(0, Math.floor(value * inverse + HALF)));
    const direction = value / length;
    const away = direction - step * (number - HALF + 0.5);
    const awayByUpper = direction - step * ((number & 60) - HALF + 2);
    missed += away * away;
    missedByUpper += awayByUpper * awayByUpper;
    return number;
  };
  for (let place = 0; place < lowerStride(pieces); place++) {
    // Two pieces of 32 values: see the layout in `kernels/assembly/layout.ts`.
    const first = (place >>> 4) * 2 * PIECE + (place & 15);
    const [a, b, c, d] = [numberOf(first), numberOf(first + 16), numberOf(first + 32), numberOf(first + 48)];
    const at = upper + (place >>> 4) * PIECE + (place & 15);
    bytes[at] = (a >>> 2) | ((b & 60) << 2);
    // An odd last piece has no partner.
    if (first + 32 < PIECE * pieces) bytes[at + 16] = (c >>> 2) | ((d & 60) << 2);
    bytes[lower + place] = (a & 3) | ((b & 3) << 2) | ((c & 3) << 4) | ((d & 3) << 6);
  }
  floats[at + GROUP_ROWS] = upwards(Math.sqrt(missedByUpper));
  floats[at + 2 * GROUP_ROWS] = upwards(Math.sqrt(missed));
  return length;
}

/** Leaves nothing of a row but a direction of zeros. */
export function eraseRow(memory: ScanMemory, slot: number, pieces: number): void {
  const { upper, lower, numbers } = memory.place(slot, pieces);
  memory.bytes.fill(0, upper, upper + upperStride(pieces));
  memory.bytes.fill(0, lower, lower + lowerStride(pieces));
  for (let number = 0; number < 3; number++) memory.floats[numbers / 4 + number * GROUP_ROWS] = 0;
}

/** A probe that was written; the bar moves while rows are scanned. */
export interface WrittenProbe {
  /** What has to be added to what the kernels note of a row, so that it is never below the cosine. */
  readonly room: number;
  /** Sets the cosine below which rows are left out. */
  setBar(cosine: number): void;
}

/** Rounds a probe's direction into its place. */
export function writeProbe(memory: ScanMemory, place: number, pieces: number, probe: Float32Array): WrittenProbe {
  const head = memory.probe(place);
  const at = head + PROBE_HEAD;
  const { signed } = memory;
  const length = lengthOf(probe);
  signed.fill(0, at, at + PIECE * pieces);
  const scale = length === 0 ? 0 : scaleOf(probe, length);
  let sum = 0;
  let missed = 0;
  for (let i = 0; i < probe.length; i++) {
    const direction = length === 0 ? 0 : probe[i]! / length;
    const value = scale === 0 ? 0 : Math.trunc(direction / scale + (direction < 0 ? -0.5 : 0.5));
    signed[at + i] = value;
    sum += value;
    missed += (direction - scale * value) ** 2;
  }
  const rounding = Math.sqrt(missed);
  const { words, floats } = memory;
  words[head / 4] = sum;
  floats[head / 4 + 1] = scale;
  floats[head / 4 + 2] = upwards(1 + rounding);
  words[head / 4 + 4] = 0;
  words[head / 4 + 5] = memory.foundAddress(place);
  const room = rounding + SLACK;
  return {
    room,
    setBar(cosine) {
      const bar = cosine - room;
      // A little less, so that rounding to 32 bits does not raise it.
      memory.floats[head / 4 + 3] = Number.isFinite(bar) ? bar - Math.abs(bar) * 2 ** -22 : bar;
    },
  };
}

/** The largest values that still add up to what fits: usually those of the largest magnitude 127. */
function scaleOf(probe: Float32Array, length: number): number {
  let largest = 0;
  for (let i = 0; i < probe.length; i++) largest = Math.max(largest, Math.abs(probe[i]! / length));
  let scale = largest / LARGEST;
  for (let span = 0; span < probe.length; span += SPAN) {
    const end = Math.min(probe.length, span + SPAN);
    // Lanes take pairs of neighbours, or values that are eight apart, by the instruction that is there.
    const pairs = new Float64Array(8);
    const eights = new Float64Array(8);
    const counts = new Float64Array(8);
    for (let i = span; i < end; i++) {
      const magnitude = Math.abs(probe[i]! / length);
      pairs[(i & 15) >>> 1]! += magnitude;
      eights[i & 7]! += magnitude;
      counts[i & 7]!++;
    }
    for (let lane = 0; lane < 8; lane++) {
      // Rounding adds at most a half for each value.
      const room = LANE_SUM - counts[lane]! / 2 - 4;
      scale = Math.max(scale, pairs[lane]! / room, eights[lane]! / room);
    }
  }
  return Math.fround(scale * (1 + 2 ** -22));
}

/** Length of a vector. */
export function lengthOf(values: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! * values[i]!;
  return Math.sqrt(squares);
}

/** A float that is not below the number; for rows that are missed by too much, one that lets them always be compared. */
function upwards(value: number): number {
  if (!(value <= MOST_MISSED)) return ALWAYS;
  return Math.fround(value * (1 + 2 ** -22) + 2 ** -40);
}
