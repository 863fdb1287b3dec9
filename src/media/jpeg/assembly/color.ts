/** RGB to the planes that are coded: luma less 128, and the two chroma differences at half the size. */

/** Luma of ITU-R BT.601, as JFIF has it, and what turns blue and red less luma into the two differences. */
const RED_SHARE: f32 = 0.299;
const GREEN_SHARE: f32 = 0.587;
const BLUE_SHARE: f32 = 0.114;
const BLUE_SCALE: f32 = 0.5 / (1.0 - 0.114);
const RED_SCALE: f32 = 0.5 / (1.0 - 0.299);

/** A width in whole pairs of blocks. */
@inline
export function paddedWidth(width: i32): i32 {
  return (width + 15) & ~15;
}

/** Copies 16 rows to `work`, their last pixel repeated up to the padded width and the last row below the picture. */
function takeStrip(source: usize, width: i32, height: i32, firstRow: i32, work: usize): void {
  const from = <usize>width * 3;
  const columns = paddedWidth(width);
  const bytes = <usize>columns * 3;
  for (let row = 0; row < 16; row++) {
    const at = work + <usize>row * bytes;
    memory.copy(at, source + <usize>min(firstRow + row, height - 1) * from, from);
    const last = at + from - 3;
    for (let to = at + from; to < at + bytes; to += 3) {
      store<u8>(to, load<u8>(last));
      store<u8>(to, load<u8>(last, 1), 1);
      store<u8>(to, load<u8>(last, 2), 2);
    }
  }
}

/** One channel of four interleaved pixels as floats; `lanes` picks its bytes. */
@inline
function channel(pixels: v128, lanes: v128): v128 {
  return f32x4.convert_i32x4_s(i8x16.swizzle(pixels, lanes));
}

@inline
function lumaOf(red: v128, green: v128, blue: v128): v128 {
  return f32x4.add(
    f32x4.add(f32x4.mul(red, f32x4.splat(RED_SHARE)), f32x4.mul(green, f32x4.splat(GREEN_SHARE))),
    f32x4.mul(blue, f32x4.splat(BLUE_SHARE)),
  );
}

/** Sums of neighbours of eight values. */
@inline
function pairs(first: v128, second: v128): v128 {
  return f32x4.add(v128.shuffle<f32>(first, second, 0, 2, 4, 6), v128.shuffle<f32>(first, second, 1, 3, 5, 7));
}

/**
 * The planes of 16 rows from `firstRow` on, each row after the other: `luma` of the padded width, `blue` and `red` of half the
 * width and half the rows, from the mean of four pixels. `work` has room for the rows and 16 bytes more.
 */
export function planesOf(
  source: usize,
  width: i32,
  height: i32,
  firstRow: i32,
  work: usize,
  luma: usize,
  blue: usize,
  red: usize,
): void {
  takeStrip(source, width, height, firstRow, work);
  const columns = <usize>paddedWidth(width);
  const bytes = columns * 3;
  const lumaRow = columns << 2;
  const reds = i8x16(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1);
  const greens = i8x16(1, -1, -1, -1, 4, -1, -1, -1, 7, -1, -1, -1, 10, -1, -1, -1);
  const blues = i8x16(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1);
  const middle = f32x4.splat(128);
  let at = work;
  let out = luma;
  for (let row = 0; row < 8; row++) {
    const end = at + bytes;
    for (; at < end; at += 24) {
      const upper0 = v128.load(at);
      const upper1 = v128.load(at + 12);
      const lower0 = v128.load(at + bytes);
      const lower1 = v128.load(at + bytes + 12);
      const redUpper0 = channel(upper0, reds);
      const redUpper1 = channel(upper1, reds);
      const redLower0 = channel(lower0, reds);
      const redLower1 = channel(lower1, reds);
      const blueUpper0 = channel(upper0, blues);
      const blueUpper1 = channel(upper1, blues);
      const blueLower0 = channel(lower0, blues);
      const blueLower1 = channel(lower1, blues);
      const lumaUpper0 = lumaOf(redUpper0, channel(upper0, greens), blueUpper0);
      const lumaUpper1 = lumaOf(redUpper1, channel(upper1, greens), blueUpper1);
      const lumaLower0 = lumaOf(redLower0, channel(lower0, greens), blueLower0);
      const lumaLower1 = lumaOf(redLower1, channel(lower1, greens), blueLower1);
      v128.store(out, f32x4.sub(lumaUpper0, middle));
      v128.store(out + 16, f32x4.sub(lumaUpper1, middle));
      v128.store(out + lumaRow, f32x4.sub(lumaLower0, middle));
      v128.store(out + lumaRow + 16, f32x4.sub(lumaLower1, middle));
      // A quarter for the mean of four pixels.
      const lumas = pairs(f32x4.add(lumaUpper0, lumaLower0), f32x4.add(lumaUpper1, lumaLower1));
      const redSums = pairs(f32x4.add(redUpper0, redLower0), f32x4.add(redUpper1, redLower1));
      const blueSums = pairs(f32x4.add(blueUpper0, blueLower0), f32x4.add(blueUpper1, blueLower1));
      v128.store(blue, f32x4.mul(f32x4.sub(blueSums, lumas), f32x4.splat(BLUE_SCALE * 0.25)));
      v128.store(red, f32x4.mul(f32x4.sub(redSums, lumas), f32x4.splat(RED_SCALE * 0.25)));
      out += 32;
      blue += 16;
      red += 16;
    }
    at += bytes;
    out += lumaRow;
  }
}
