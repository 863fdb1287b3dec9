/**
 * How descriptors are rounded for the scan, and why the scan misses nothing.
 *
 * A row `r` is kept twice: as its floats, and as numbers `u` from 0 to 127 for its direction `d = r / |r|`, so that `d' = step (u - 63.5)` is
 * near `d`. With it goes `e >= |d - d'|`, worked out from the numbers as they are stored. A probe's direction `p` (length 1) is
 * rounded to `p' = scale v` with whole `v` and `f >= |p - p'|`. For the cosine `p.d` holds, by the Cauchy-Schwarz inequality,
 *
 *     |p.d - p'.d'| = |p.(d - d') + (p - p').d'| <= |p||d - d'| + |p - p'||d'| <= e + f (1 + e) = e (1 + f) + f
 *
 * `p'.d'` is a whole number, added up exactly, times two floats. So
 *
 *     most = p'.d' + e (1 + f) + f + SLACK
 *
 * is never below the cosine, where SLACK is for the few roundings of `most` itself in 32-bit floats (each at most 6e-8 of numbers that are
 * below 8: `e` is at most a hair above 1, as no value is further from its number than 0 would be, and so is `f`) and of the
 * directions and the cosine in doubles (about 1e-13). A row is left out only
 * when its `most` is below the cosine that it takes to be among the matches; all others are compared by `similarity()` with
 * the floats, as a plain loop over all rows would do. What is dropped would therefore have been dropped by that loop too, and what
 * is kept has that loop's numbers: same matches, same similarities, same order, ties included.
 */
import { type ScanMemory, VECTOR } from "./scan-memory.ts";

/** See the file's head. */
const SLACK = 1e-5;
/**
 * Values beyond this many times a row's root mean square are cut off, so that the steps between are finer. Normally distributed values
 * hardly go beyond: `e` is 0.015 of 512 of them.
 */
const CUT_OFF = 4;
/** Largest number, and the middle between it and 0. */
const LARGEST_NUMBER = 127;
const MIDDLE = LARGEST_NUMBER / 2;
/**
 * Largest sum of magnitudes of a probe's values in one 16-bit lane of a span of 128 values: times the largest number it stays within
 * 16 bits. Shorter spans would round the probe less and take longer; `f` is 0.022 of 512 normally distributed values.
 */
const LANE_SUM = Math.floor(32767 / LARGEST_NUMBER);
const SPAN = 128;
/** Largest magnitude of a probe's value. */
const LARGEST_VALUE = 127;

/**
 * Rounds a row's direction into its slot; the row's length. Rows of length zero get a direction of zeros, and so cosine 0.
 */
export function writeRow(memory: ScanMemory, slot: number, vectors: number, row: Float32Array): number {
  const place = memory.place(slot, vectors);
  const { bytes, floats } = memory;
  const length = lengthOf(row);
  if (length === 0) {
    eraseRow(memory, slot, vectors);
    return length;
  }
  let largest = 0;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, Math.abs(row[i]!));
  largest = Math.min(largest / length, CUT_OFF / Math.sqrt(row.length));
  const step = Math.fround(largest / MIDDLE);
  const inverse = 1 / (step * length);
  let missed = 0;
  for (let i = 0; i < row.length; i++) {
    const number = Math.min(LARGEST_NUMBER, Math.max(0, Math.round(row[i]! * inverse + MIDDLE)));
    missed += (row[i]! / length - step * (number - MIDDLE)) ** 2;
    bytes[place.bytes + i] = number;
  }
  // Places behind the last value count nothing: the probe has zeros there.
  bytes.fill(0, place.bytes + row.length, place.bytes + VECTOR * vectors);
  floats[place.step / 4] = step;
  floats[place.missed / 4] = upwards(Math.sqrt(missed));
  return length;
}

/** Leaves nothing of a row but a direction of zeros. */
export function eraseRow(memory: ScanMemory, slot: number, vectors: number): void {
  const { bytes, step, missed } = memory.place(slot, vectors);
  memory.bytes.fill(0, bytes, bytes + VECTOR * vectors);
  memory.floats[step / 4] = 0;
  memory.floats[missed / 4] = 0;
}

/** A probe that was written; the bar moves while rows are scanned. */
export interface WrittenProbe {
  /** What has to be added to what the kernels note of a row, so that it is never below the cosine. */
  readonly room: number;
  /** Sets the cosine below which rows are left out. */
  setBar(cosine: number): void;
}

/** Rounds a probe's direction into its place. */
export function writeProbe(memory: ScanMemory, place: number, vectors: number, probe: Float32Array): WrittenProbe {
  const { signed } = memory;
  const length = lengthOf(probe);
  const scale = length === 0 ? 0 : scaleOf(probe, length);
  let sum = 0;
  let missed = 0;
  for (let first = 0; first < VECTOR * vectors; first += VECTOR) {
    const at = memory.value(place, vectors, first);
    for (let i = 0; i < VECTOR; i++) {
      const direction = length === 0 ? 0 : (probe[first + i] ?? 0) / length;
      const value = scale === 0 ? 0 : Math.trunc(direction / scale + (direction < 0 ? -0.5 : 0.5));
      signed[at + i] = value;
      sum += value;
      missed += (direction - scale * value) ** 2;
    }
  }
  const rounding = Math.sqrt(missed);
  memory.writeHead(place, { sum, scale, spread: upwards(1 + rounding) });
  const room = rounding + SLACK;
  return {
    room,
    setBar(cosine) {
      const bar = cosine - room;
      // A little less, so that rounding to 32 bits does not raise it.
      memory.setBar(place, Number.isFinite(bar) ? bar - Math.abs(bar) * 2 ** -22 : bar);
    },
  };
}

/** The largest values that still add up to what fits: usually those of the largest magnitude 127. */
function scaleOf(probe: Float32Array, length: number): number {
  let largest = 0;
  for (let i = 0; i < probe.length; i++) largest = Math.max(largest, Math.abs(probe[i]! / length));
  let scale = largest / LARGEST_VALUE;
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

/** A float that is not below the number. */
function upwards(value: number): number {
  return Math.fround(value * (1 + 2 ** -22) + 2 ** -40);
}
