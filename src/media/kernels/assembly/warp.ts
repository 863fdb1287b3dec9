/**
 * Affine warps of interleaved 8-bit RGB into normalised planar floats.
 *
 * A row has up to three kinds of columns: those whose four source pixels lie inside (vectorised, no checks), those that
 * see nothing of the picture (a constant), and the rim between them (checked pixel by pixel).
 */
import { setOutput, storeChannels, storeSample, storeSamples } from "./planes";
import { fractionOf, SAMPLE_UNIT, sampleAnywhere, sampleInside, toFixed, weightsOf, wholeOf } from "./sample";
import { narrowSpan, resetSpan, spanEnd, spanStart } from "./span";

/** Bytes of one column's entry in the table of a resize: the byte offset in the source row, then the weights. */
const ENTRY_BYTES: usize = 8;

/** Share of the last row but one in what the edge repeats of the last one: less than floats tell. */
const LAST_ROW_MARGIN: f64 = 1.0 / 16777216.0;

/** Columns `from` to `end` of a row by the checked sampler. */
function warpChecked(
  source: usize,
  width: i32,
  height: i32,
  stepX: f64,
  stepY: f64,
  baseX: f64,
  baseY: f64,
  from: i32,
  end: i32,
  edge: bool,
  border: f32,
  row: usize,
): void {
  let sample = f32x4.splat(0);
  let sampled = NaN;
  for (let x = from; x < end; x++) {
    let at = stepX * x + baseX;
    if (edge) at = Math.min(Math.max(at, 0), <f64>(width - 1));
    // Beyond a side that is repeated, all columns of an upright row are one sample.
    if (at != sampled || stepY != 0) sample = sampleAnywhere(source, width, height, at, stepY * x + baseY, edge, border);
    sampled = at;
    storeSample(row + (<usize>x << 2), sample);
  }
}

/** Columns `from` to `end` of a row with the border's value. */
function fillBorder(from: i32, end: i32, border: f32, row: usize): void {
  const sample = f32x4.splat(border * SAMPLE_UNIT);
  let x = from;
  for (; x + 4 <= end; x += 4) storeChannels(row + (<usize>x << 2), sample, sample, sample);
  for (; x < end; x++) storeSample(row + (<usize>x << 2), sample);
}

/** Columns of a row whose samples lie inside, any map. `end - from` is a multiple of 4. */
function warpInside(
  source: usize,
  stride: usize,
  stepX: i64,
  stepY: i64,
  startX: i64,
  startY: i64,
  from: i32,
  end: i32,
  row: usize,
): void {
  let sx = startX;
  let sy = startY;
  let out = row + (<usize>from << 2);
  const last = row + (<usize>end << 2);
  for (; out < last; out += 16) {
    const first = sampleInside(
      source + <usize>wholeOf(sy) * stride + <usize>(wholeOf(sx) * 3), stride, weightsOf(sx), f32x4.splat(fractionOf(sy)));
    sx += stepX;
    sy += stepY;
    const second = sampleInside(
      source + <usize>wholeOf(sy) * stride + <usize>(wholeOf(sx) * 3), stride, weightsOf(sx), f32x4.splat(fractionOf(sy)));
    sx += stepX;
    sy += stepY;
    const third = sampleInside(
      source + <usize>wholeOf(sy) * stride + <usize>(wholeOf(sx) * 3), stride, weightsOf(sx), f32x4.splat(fractionOf(sy)));
    sx += stepX;
    sy += stepY;
    const fourth = sampleInside(
      source + <usize>wholeOf(sy) * stride + <usize>(wholeOf(sx) * 3), stride, weightsOf(sx), f32x4.splat(fractionOf(sy)));
    sx += stepX;
    sy += stepY;
    storeSamples(out, first, second, third, fourth);
  }
}

/** Fills the table of a resize for columns `from` to `end`. */
function tabulate(table: usize, stepX: i64, startX: i64, from: i32, end: i32): void {
  let sx = startX;
  for (let x = from; x < end; x++) {
    const entry = table + <usize>x * ENTRY_BYTES;
    store<i32>(entry, wholeOf(sx) * 3);
    store<i32>(entry, weightsOf(sx), 4);
    sx += stepX;
  }
}

/** Columns of a row whose samples lie inside, for a map without rotation. `end - from` is a multiple of 4. */
function resizeInside(table: usize, upper: usize, stride: usize, fraction: f32, from: i32, end: i32, row: usize): void {
  const down = f32x4.splat(fraction);
  let entry = table + <usize>from * ENTRY_BYTES;
  let out = row + (<usize>from << 2);
  const last = row + (<usize>end << 2);
  for (; out < last; out += 16) {
    storeSamples(
      out,
      sampleInside(upper + <usize>load<i32>(entry), stride, load<i32>(entry, 4), down),
      sampleInside(upper + <usize>load<i32>(entry, 8), stride, load<i32>(entry, 12), down),
      sampleInside(upper + <usize>load<i32>(entry, 16), stride, load<i32>(entry, 20), down),
      sampleInside(upper + <usize>load<i32>(entry, 24), stride, load<i32>(entry, 28), down),
    );
    entry += 4 * ENTRY_BYTES;
  }
}

/** Four pixels' bytes of one channel as floats scaled like samples. */
@inline
function unitFloats(bytes: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(bytes), f32x4.splat(SAMPLE_UNIT));
}

/** Columns of a row that fall exactly on source pixels, one to one. Reads 4 bytes past the last pixel. */
function copyInside(address: usize, from: i32, end: i32, row: usize): void {
  let at = address;
  let out = row + (<usize>from << 2);
  const last = row + (<usize>end << 2);
  for (; out < last; out += 16) {
    const bytes = v128.load(at);
    storeChannels(
      out,
      unitFloats(i8x16.swizzle(bytes, i8x16(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1))),
      unitFloats(i8x16.swizzle(bytes, i8x16(1, -1, -1, -1, 4, -1, -1, -1, 7, -1, -1, -1, 10, -1, -1, -1))),
      unitFloats(i8x16.swizzle(bytes, i8x16(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1))),
    );
    at += 12;
  }
}

/**
 * Writes rows `firstRow` to `endRow` of a warp at `target`: destination pixel (x, y) is the bilinear sample of the source
 * at `(a x + b y + c, d x + e y + f)`. `table` is room for 8 bytes a destination column. Planes are `plane` bytes apart.
 */
export function warpRows(
  source: usize,
  width: i32,
  height: i32,
  a: f64,
  b: f64,
  c: f64,
  d: f64,
  e: f64,
  f: f64,
  columns: i32,
  firstRow: i32,
  endRow: i32,
  edge: bool,
  border: f32,
  color: i32,
  redScale: f32,
  greenScale: f32,
  blueScale: f32,
  redBias: f32,
  greenBias: f32,
  blueBias: f32,
  table: usize,
  target: usize,
  plane: usize,
): void {
  setOutput(color, plane, redScale, greenScale, blueScale, redBias, greenBias, blueBias);
  const stride = <usize>width * 3;
  const upright = b == 0 && d == 0;
  const oneToOne = upright && a == 1 && e == 1 && c == Math.floor(c) && f == Math.floor(f);
  const stepX = toFixed(a);
  const stepY = toFixed(d);
  // The last row's coordinate, less what keeps the row above it in the blend, with no weight that shows.
  const lastY = <f64>(height - 1) - LAST_ROW_MARGIN;
  let tabulated = false;

  for (let y = firstRow; y < endRow; y++) {
    const row = target + (<usize>(y - firstRow) * <usize>columns << 2);
    const baseX = b * y + c;
    let baseY = e * y + f;
    // Above and below a picture whose edge is repeated, an upright row is the first or the last one: no check for each pixel.
    if (edge && upright && !oneToOne) baseY = Math.max(Math.min(baseY, lastY), 0);

    // What sees anything of the picture, a column wider than computed because of rounding.
    let seenStart = 0;
    let seenEnd = columns;
    if (!edge) {
      resetSpan(columns);
      narrowSpan(a, baseX, -1, <f64>width);
      narrowSpan(d, baseY, -1, <f64>height);
      if (spanStart < spanEnd) {
        seenStart = max(spanStart - 1, 0);
        seenEnd = min(spanEnd + 1, columns);
      } else {
        seenEnd = 0;
      }
      fillBorder(0, seenStart, border, row);
      fillBorder(seenEnd, columns, border, row);
      if (seenStart >= seenEnd) continue;
    }

    // What lies inside, its ends checked in the arithmetic that the vectorised loops use.
    resetSpan(columns);
    narrowSpan(a, baseX, 0, <f64>(width - 1));
    narrowSpan(d, baseY, 0, <f64>(height - 1));
    let start = spanStart;
    let end = spanEnd;
    let startX: i64 = 0;
    let startY: i64 = 0;
    for (; start < end; start++) {
      startX = toFixed(a * start + baseX);
      startY = toFixed(d * start + baseY);
      if (isInside(startX, startY, width, height)) break;
    }
    end = start + ((end - start) & ~3);
    for (; start < end; end -= 4) {
      const steps = <i64>(end - 1 - start);
      if (isInside(startX + steps * stepX, startY + steps * stepY, width, height)) break;
    }

    if (start >= end) {
      warpChecked(source, width, height, a, d, baseX, baseY, seenStart, seenEnd, edge, border, row);
      continue;
    }
    warpChecked(source, width, height, a, d, baseX, baseY, seenStart, start, edge, border, row);
    if (oneToOne) {
      copyInside(source + <usize>wholeOf(startY) * stride + <usize>(wholeOf(startX) * 3), start, end, row);
    } else if (upright) {
      if (!tabulated) {
        // Without rotation every row has the same columns inside.
        tabulate(table, stepX, startX, start, end);
        tabulated = true;
      }
      resizeInside(table, source + <usize>wholeOf(startY) * stride, stride, fractionOf(startY), start, end, row);
    } else {
      warpInside(source, stride, stepX, stepY, startX, startY, start, end, row);
    }
    warpChecked(source, width, height, a, d, baseX, baseY, end, seenEnd, edge, border, row);
  }
}

/** True when the four pixels around a fixed-point coordinate are all inside. */
@inline
function isInside(x: i64, y: i64, width: i32, height: i32): bool {
  return <u32>wholeOf(x) < <u32>(width - 1) && <u32>wholeOf(y) < <u32>(height - 1);
}
