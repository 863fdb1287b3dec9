/** Bilinear samples of interleaved 8-bit RGB, as vectors of R, G, B (and a lane to ignore) scaled by {@link SAMPLE_UNIT}. */

/** Bits of a horizontal weight: the pair of weights of two neighbours must fit a signed 16-bit dot product. */
const WEIGHT_BITS: i32 = 14;

/** The factor all samples carry: horizontal weights are whole numbers that add up to it. */
export const SAMPLE_UNIT: f32 = 16384;

/** Fraction bits of a fixed-point coordinate. */
const FRACTION_BITS: i64 = 32;

/** A coordinate as fixed point with 32 fraction bits, so that stepping by integer adds stays exact over a row. */
@inline
export function toFixed(coordinate: f64): i64 {
  return <i64>Math.floor(coordinate * 4294967296.0);
}

/** The whole part of a fixed-point coordinate. */
@inline
export function wholeOf(coordinate: i64): i32 {
  return <i32>(coordinate >> FRACTION_BITS);
}

/** The two weights of a fixed-point x coordinate as one 32-bit word: the left neighbour's low, the right one's high. */
@inline
export function weightsOf(coordinate: i64): i32 {
  const right = (<i32>(<u32>coordinate >> (32 - WEIGHT_BITS)));
  return (right << 16) | ((1 << WEIGHT_BITS) - right);
}

/** The fraction 0..1 of a fixed-point coordinate. */
@inline
export function fractionOf(coordinate: i64): f32 {
  return <f32>(<i32>(<u32>coordinate >> 8)) * <f32>(1.0 / 16777216.0);
}

/** Horizontal blend of the two pixels at an address; reads 8 bytes of which 6 count. */
@inline
function blendPair(address: usize, weights: v128): v128 {
  const bytes = v128.load64_zero(address);
  // As 16-bit pairs of each channel; indices beyond 15 give zero. A swizzle takes one instruction less than a shuffle.
  const pairs = i8x16.swizzle(bytes, i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  return f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(pairs, weights));
}

/** The bilinear sample of the 2x2 pixels whose upper left one is at `address`; `down` is the fraction 0..1 towards the lower row. */
@inline
export function sampleInside(address: usize, stride: usize, weights: i32, down: v128): v128 {
  const pairWeights = i32x4.splat(weights);
  const upper = blendPair(address, pairWeights);
  const lower = blendPair(address + stride, pairWeights);
  return f32x4.add(upper, f32x4.mul(down, f32x4.sub(lower, upper)));
}

/** One pixel as a vector, or the border value where the pixel lies outside. */
@inline
function pixelOrBorder(source: usize, width: i32, height: i32, x: i32, y: i32, border: f32): v128 {
  if (<u32>x >= <u32>width || <u32>y >= <u32>height) return f32x4.splat(border);
  const address = source + (<usize>y * <usize>width + <usize>x) * 3;
  return f32x4(<f32>load<u8>(address), <f32>load<u8>(address + 1), <f32>load<u8>(address + 2), 0);
}

/**
 * The bilinear sample at any coordinate, inside or outside: with `edge` the nearest pixels of the edge are repeated, else
 * every pixel outside counts as `border`. Slow and exact: for the rim of a picture.
 */
export function sampleAnywhere(
  source: usize,
  width: i32,
  height: i32,
  atX: f64,
  atY: f64,
  edge: bool,
  border: f32,
): v128 {
  let x = atX;
  let y = atY;
  if (edge) {
    x = Math.min(Math.max(x, 0), <f64>(width - 1));
    y = Math.min(Math.max(y, 0), <f64>(height - 1));
  } else if (!(x > -1 && y > -1 && x < <f64>width && y < <f64>height)) {
    return f32x4.splat(border * SAMPLE_UNIT);
  }
  const left = <i32>Math.floor(x);
  const top = <i32>Math.floor(y);
  const right = edge ? min(left + 1, width - 1) : left + 1;
  const bottom = edge ? min(top + 1, height - 1) : top + 1;
  const across = f32x4.splat(<f32>(x - <f64>left));
  const down = f32x4.splat(<f32>(y - <f64>top));
  const upperLeft = pixelOrBorder(source, width, height, left, top, border);
  const upperRight = pixelOrBorder(source, width, height, right, top, border);
  const lowerLeft = pixelOrBorder(source, width, height, left, bottom, border);
  const lowerRight = pixelOrBorder(source, width, height, right, bottom, border);
  const upper = f32x4.add(upperLeft, f32x4.mul(across, f32x4.sub(upperRight, upperLeft)));
  const lower = f32x4.add(lowerLeft, f32x4.mul(across, f32x4.sub(lowerRight, lowerLeft)));
  return f32x4.mul(f32x4.add(upper, f32x4.mul(down, f32x4.sub(lower, upper))), f32x4.splat(SAMPLE_UNIT));
}
