/**
 * Planar YUV 4:2:0 to interleaved 8-bit RGB, at full size or halved on the way. A chroma sample counts for the 2x2 pixels it
 * lies in, without blending into its neighbours.
 *
 * Values are 16-bit lanes in units of 1/32 level: inputs are scaled by 128, coefficients by a quarter of 2^15, and the
 * rounding product of the two (`q15mulr`) is off by at most half a unit. So the sum is off by less than 0.05 levels before
 * it is rounded.
 */

/** What is taken off luma before it is scaled. */
let lumaOffset: i32 = 0;
/** Coefficients, as 2^13 for 1. */
let lumaScale: i32 = 0;
let redOfV: i32 = 0;
let greenOfU: i32 = 0;
let greenOfV: i32 = 0;
let blueOfU: i32 = 0;

/** Sets the conversion: `red = (y - offset) * luma + (v - 128) * rv` and so on, coefficients as whole numbers with 2^13 for 1. */
export function setYuv(offset: i32, luma: i32, rv: i32, gu: i32, gv: i32, bu: i32): void {
  lumaOffset = offset;
  lumaScale = luma;
  redOfV = rv;
  greenOfU = gu;
  greenOfV = gv;
  blueOfU = bu;
}

/** A lane's rounding product, as the vector instruction has it. */
@inline
function product(value: i32, factor: i32): i32 {
  return (value * factor + 0x4000) >> 15;
}

@inline
function clamped(sum: i32): u8 {
  return <u8>min(max((sum + 16) >> 5, 0), 255);
}

/** One pixel from its luma (scaled by 128, offset taken off) and the addresses of its chroma. */
@inline
function storePixel(out: usize, luma: i32, u: usize, v: usize): void {
  const y = product(luma, lumaScale);
  const blue = (<i32>load<u8>(u) - 128) << 7;
  const red = (<i32>load<u8>(v) - 128) << 7;
  store<u8>(out, clamped(y + product(red, redOfV)));
  store<u8>(out, clamped(y + product(blue, greenOfU) + product(red, greenOfV)), 1);
  store<u8>(out, clamped(y + product(blue, blueOfU)), 2);
}

/** 8 chroma samples as signed lanes, scaled by 128. */
@inline
function chroma(address: usize): v128 {
  return i16x8.shl(i16x8.sub(v128.load8x8_u(address), i16x8.splat(128)), 7);
}

/** Rounded levels of two vectors of sums. */
@inline
function levels(low: v128, high: v128): v128 {
  const half = i16x8.splat(16);
  return i8x16.narrow_i16x8_u(i16x8.shr_s(i16x8.add(low, half), 5), i16x8.shr_s(i16x8.add(high, half), 5));
}

/** Lanes 0..3, each twice. */
@inline
function lowTwice(lanes: v128): v128 {
  return i8x16.swizzle(lanes, i8x16(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7));
}

/** Lanes 4..7, each twice. */
@inline
function highTwice(lanes: v128): v128 {
  return i8x16.swizzle(lanes, i8x16(8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15));
}

/** The first 16 bytes of interleaved pixels. */
@inline
function interleavedFirst(red: v128, green: v128, blue: v128): v128 {
  return v128.or(
    v128.or(
      i8x16.swizzle(red, i8x16(0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5)),
      i8x16.swizzle(green, i8x16(-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1)),
    ),
    i8x16.swizzle(blue, i8x16(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1)),
  );
}

/** The next 16 bytes. */
@inline
function interleavedSecond(red: v128, green: v128, blue: v128): v128 {
  return v128.or(
    v128.or(
      i8x16.swizzle(red, i8x16(-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1)),
      i8x16.swizzle(green, i8x16(5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10)),
    ),
    i8x16.swizzle(blue, i8x16(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1)),
  );
}

/** The last 16 bytes of 16 pixels. */
@inline
function interleavedThird(red: v128, green: v128, blue: v128): v128 {
  return v128.or(
    v128.or(
      i8x16.swizzle(red, i8x16(-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1)),
      i8x16.swizzle(green, i8x16(-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1)),
    ),
    i8x16.swizzle(blue, i8x16(10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15)),
  );
}

/** Converts `width` x `height` pixels; chroma planes are half as wide and high, rounded up. */
export function yuvToRgb(y: usize, u: usize, v: usize, width: i32, height: i32, target: usize): void {
  const chromaStride = <usize>((width + 1) >> 1);
  const offset = i16x8.splat(<i16>lumaOffset);
  const scale = i16x8.splat(<i16>lumaScale);
  const rv = i16x8.splat(<i16>redOfV);
  const gu = i16x8.splat(<i16>greenOfU);
  const gv = i16x8.splat(<i16>greenOfV);
  const bu = i16x8.splat(<i16>blueOfU);
  for (let row = 0; row < height; row++) {
    let luma = y + <usize>row * <usize>width;
    let blueChroma = u + <usize>(row >> 1) * chromaStride;
    let redChroma = v + <usize>(row >> 1) * chromaStride;
    let out = target + <usize>row * <usize>width * 3;
    let x = 0;
    for (; x + 16 <= width; x += 16) {
      const cb = chroma(blueChroma);
      const cr = chroma(redChroma);
      const red = i16x8.q15mulr_sat_s(cr, rv);
      const green = i16x8.add(i16x8.q15mulr_sat_s(cb, gu), i16x8.q15mulr_sat_s(cr, gv));
      const blue = i16x8.q15mulr_sat_s(cb, bu);
      const low = i16x8.q15mulr_sat_s(i16x8.shl(i16x8.sub(v128.load8x8_u(luma), offset), 7), scale);
      const high = i16x8.q15mulr_sat_s(i16x8.shl(i16x8.sub(v128.load8x8_u(luma, 8), offset), 7), scale);
      const reds = levels(i16x8.add(low, lowTwice(red)), i16x8.add(high, highTwice(red)));
      const greens = levels(i16x8.add(low, lowTwice(green)), i16x8.add(high, highTwice(green)));
      const blues = levels(i16x8.add(low, lowTwice(blue)), i16x8.add(high, highTwice(blue)));
      v128.store(out, interleavedFirst(reds, greens, blues));
      v128.store(out, interleavedSecond(reds, greens, blues), 16);
      v128.store(out, interleavedThird(reds, greens, blues), 32);
      luma += 16;
      blueChroma += 8;
      redChroma += 8;
      out += 48;
    }
    for (let rest: usize = 0; x < width; x++, rest++) {
      storePixel(out, (<i32>load<u8>(luma) - lumaOffset) << 7, blueChroma + (rest >> 1), redChroma + (rest >> 1));
      luma++;
      out += 3;
    }
  }
}

/** The sums of horizontal pairs of 16 bytes, as 8 lanes. */
@inline
function pairSums(address: usize): v128 {
  const bytes = v128.load(address);
  return i16x8.add(v128.and(bytes, i16x8.splat(0xff)), i16x8.shr_u(bytes, 8));
}

/**
 * Converts to half the size at once: `floor(width / 2)` x `floor(height / 2)` pixels, each the mean of 2x2. It is what
 * halving the full size gives, but for rounding and for colours outside RGB, which are cut off after the mean instead of before.
 */
export function yuvToHalfRgb(y: usize, u: usize, v: usize, width: i32, height: i32, target: usize): void {
  const chromaStride = <usize>((width + 1) >> 1);
  const halfWidth = width >> 1;
  const halfHeight = height >> 1;
  const offset = i16x8.splat(<i16>(4 * lumaOffset));
  const scale = i16x8.splat(<i16>lumaScale);
  const rv = i16x8.splat(<i16>redOfV);
  const gu = i16x8.splat(<i16>greenOfU);
  const gv = i16x8.splat(<i16>greenOfV);
  const bu = i16x8.splat(<i16>blueOfU);
  for (let row = 0; row < halfHeight; row++) {
    let upper = y + <usize>(2 * row) * <usize>width;
    let lower = upper + <usize>width;
    let blueChroma = u + <usize>row * chromaStride;
    let redChroma = v + <usize>row * chromaStride;
    let out = target + <usize>row * <usize>halfWidth * 3;
    let x = 0;
    for (; x + 16 <= halfWidth; x += 16) {
      const cbLow = chroma(blueChroma);
      const cbHigh = chroma(blueChroma + 8);
      const crLow = chroma(redChroma);
      const crHigh = chroma(redChroma + 8);
      const low = i16x8.q15mulr_sat_s(
        i16x8.shl(i16x8.sub(i16x8.add(pairSums(upper), pairSums(lower)), offset), 5),
        scale,
      );
      const high = i16x8.q15mulr_sat_s(
        i16x8.shl(i16x8.sub(i16x8.add(pairSums(upper + 16), pairSums(lower + 16)), offset), 5),
        scale,
      );
      const reds = levels(
        i16x8.add(low, i16x8.q15mulr_sat_s(crLow, rv)),
        i16x8.add(high, i16x8.q15mulr_sat_s(crHigh, rv)),
      );
      const greens = levels(
        i16x8.add(i16x8.add(low, i16x8.q15mulr_sat_s(cbLow, gu)), i16x8.q15mulr_sat_s(crLow, gv)),
        i16x8.add(i16x8.add(high, i16x8.q15mulr_sat_s(cbHigh, gu)), i16x8.q15mulr_sat_s(crHigh, gv)),
      );
      const blues = levels(
        i16x8.add(low, i16x8.q15mulr_sat_s(cbLow, bu)),
        i16x8.add(high, i16x8.q15mulr_sat_s(cbHigh, bu)),
      );
      v128.store(out, interleavedFirst(reds, greens, blues));
      v128.store(out, interleavedSecond(reds, greens, blues), 16);
      v128.store(out, interleavedThird(reds, greens, blues), 32);
      upper += 32;
      lower += 32;
      blueChroma += 16;
      redChroma += 16;
      out += 48;
    }
    for (; x < halfWidth; x++) {
      const sum = <i32>load<u8>(upper) + <i32>load<u8>(upper, 1) + <i32>load<u8>(lower) + <i32>load<u8>(lower, 1);
      storePixel(out, (sum - 4 * lumaOffset) << 5, blueChroma, redChroma);
      upper += 2;
      lower += 2;
      blueChroma++;
      redChroma++;
      out += 3;
    }
  }
}
