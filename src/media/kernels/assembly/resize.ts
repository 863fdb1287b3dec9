/**
 * Upright parts of interleaved 8-bit RGB in another size, as interleaved bytes again: for pictures that are shown or coded. The
 * two source rows of a row are blended first, whole vectors at a time, then the columns of what comes of it.
 */

/** Bytes of one column's entry in the table: the byte offset of its left neighbour in the blended row, then the weights. */
const ENTRY_BYTES: usize = 8;
/** Bits of a horizontal weight: two that add up to one whole must fit signed 16-bit numbers. */
const WEIGHT_BITS: i32 = 14;
/** Two rows that are blended have shares that add up to this: as fine as leaves their sum within 16 bits. */
const WHOLE: i32 = 256;
/** Fraction bits of a blended row's values, a bit less than of the sum: they must fit signed 16-bit numbers. */
const BLEND_BITS: i32 = 7;
/** Half a level of such a sum, so that what is cut off in the end rounds. */
const HALF_LEVEL: i32 = WHOLE / 2;

/** First and last source column of the tabulated columns. */
let firstColumn: i32 = 0;
let lastColumn: i32 = 0;

/** A coordinate, or beyond the picture that of its edge. */
@inline
function inside(at: f64, size: i32): f64 {
  return Math.max(Math.min(at, <f64>(size - 1)), 0);
}

/**
 * Fills the table, up to a multiple of four columns; those beyond the last repeat it. What the last source column has to its
 * right is not there, and has no weight.
 */
function tabulate(table: usize, width: i32, a: f64, c: f64, columns: i32): void {
  const one = <i32>inside(c, width);
  const other = <i32>inside(a * <f64>(columns - 1) + c, width);
  firstColumn = min(one, other);
  lastColumn = min(max(one, other) + 1, width - 1);
  for (let x = 0; x < ((columns + 3) & ~3); x++) {
    const at = inside(a * <f64>min(x, columns - 1) + c, width);
    const left = <i32>at;
    const right = <i32>((at - <f64>left) * <f64>(1 << WEIGHT_BITS) + 0.5);
    const entry = table + <usize>x * ENTRY_BYTES;
    store<i32>(entry, (left - firstColumn) * 6);
    store<i32>(entry, (right << 16) | ((1 << WEIGHT_BITS) - right), 4);
  }
}

/** Eight bytes of two rows, blended by shares of {@link WHOLE}. */
@inline
function blend(above: v128, below: v128, aboveShare: v128, belowShare: v128): v128 {
  const sum = i16x8.add(i16x8.mul(above, aboveShare), i16x8.mul(below, belowShare));
  return i16x8.shr_u(i16x8.add(sum, i16x8.splat(<i16>HALF_LEVEL)), 1);
}

/** Blends `count` bytes of two rows into 16-bit values at `target`; reads up to 15 bytes and writes up to 30 past the last. */
function blendRows(one: usize, other: usize, count: usize, share: i32, target: usize): void {
  const aboveShare = i16x8.splat(<i16>(WHOLE - share));
  const belowShare = i16x8.splat(<i16>share);
  let out = target;
  for (let at: usize = 0; at < count; at += 16) {
    const above = v128.load(one + at);
    const below = v128.load(other + at);
    v128.store(
      out,
      blend(i16x8.extend_low_i8x16_u(above), i16x8.extend_low_i8x16_u(below), aboveShare, belowShare));
    v128.store(
      out,
      blend(i16x8.extend_high_i8x16_u(above), i16x8.extend_high_i8x16_u(below), aboveShare, belowShare), 16);
    out += 32;
  }
}

/** The sample of a column as four whole numbers: R, G, B and one to ignore. */
@inline
function sample(blended: usize, entry: usize): v128 {
  const pixels = v128.load(blended + <usize>load<i32>(entry));
  const pairs = i8x16.swizzle(pixels, i8x16(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1));
  return i32x4.shr_s(i32x4.dot_i16x8_s(pairs, v128.load32_splat(entry, 4)), WEIGHT_BITS + BLEND_BITS);
}

/** Writes a row's columns, four at a time; writes up to 13 bytes past the last pixel. */
function sampleColumns(table: usize, blended: usize, columns: i32, target: usize): void {
  let entry = table;
  let out = target;
  for (const end = table + <usize>columns * ENTRY_BYTES; entry < end; entry += 4 * ENTRY_BYTES) {
    const bytes = i8x16.narrow_i16x8_u(
      i16x8.narrow_i32x4_s(sample(blended, entry), sample(blended, entry + ENTRY_BYTES)),
      i16x8.narrow_i32x4_s(sample(blended, entry + 2 * ENTRY_BYTES), sample(blended, entry + 3 * ENTRY_BYTES)),
    );
    v128.store(out, i8x16.swizzle(bytes, i8x16(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)));
    out += 12;
  }
}

/**
 * Writes rows `firstRow` to `endRow` at `target`, without gaps: pixel (x, y) is the rounded bilinear sample of the source at
 * `(a x + c, e y + f)`, whose edge is repeated. `table` is room for 8 bytes a column, and for 3 columns more; `blended` for
 * 6 bytes a source column between the outermost ones, and for 32 more. Reads up to 15 bytes past the source, writes up to 13
 * past the last pixel.
 */
export function resizeRows(
  source: usize,
  width: i32,
  height: i32,
  a: f64,
  c: f64,
  e: f64,
  f: f64,
  columns: i32,
  firstRow: i32,
  endRow: i32,
  table: usize,
  blended: usize,
  target: usize,
): void {
  const stride = <usize>width * 3;
  tabulate(table, width, a, c, columns);
  const count = <usize>(lastColumn - firstColumn + 1) * 3;
  let out = target;
  for (let y = firstRow; y < endRow; y++) {
    const at = inside(e * <f64>y + f, height);
    const top = <i32>at;
    const above = source + <usize>top * stride + <usize>firstColumn * 3;
    const share = <i32>((at - <f64>top) * <f64>WHOLE + 0.5);
    blendRows(above, top + 1 < height ? above + stride : above, count, share, blended);
    sampleColumns(table, blended, columns, out);
    out += <usize>columns * 3;
  }
}
