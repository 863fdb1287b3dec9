/** Writing samples as normalised planar floats, and planar floats as 8-bit pixels. */
import { SAMPLE_UNIT } from "./sample";

/** Where samples go and how they are normalised; set once a warp. */
let planeBytes: usize = 0;
let gray: bool = false;
let scale0: f32 = 0;
let scale1: f32 = 0;
let scale2: f32 = 0;
let bias0: f32 = 0;
let bias1: f32 = 0;
let bias2: f32 = 0;
/** Byte offsets of the planes that R, G and B go to. */
let planeOfRed: usize = 0;
let planeOfBlue: usize = 0;

/** Shares of R, G and B in luma, as ITU-R BT.601 has them. */
const RED_SHARE: f32 = 0.299;
const GREEN_SHARE: f32 = 0.587;
const BLUE_SHARE: f32 = 0.114;

/** Order of channels in the output. */
export const COLOR_RGB: i32 = 0;
export const COLOR_BGR: i32 = 1;
export const COLOR_GRAY: i32 = 2;

/**
 * Sets how samples are written: `value * scale + bias` for each R, G, B (for grey: `scale`, `bias` of red on the luma),
 * into planes that are `plane` bytes apart.
 */
export function setOutput(
  color: i32,
  plane: usize,
  redScale: f32,
  greenScale: f32,
  blueScale: f32,
  redBias: f32,
  greenBias: f32,
  blueBias: f32,
): void {
  planeBytes = plane;
  gray = color == COLOR_GRAY;
  planeOfRed = color == COLOR_BGR ? 2 * plane : 0;
  planeOfBlue = color == COLOR_RGB ? 2 * plane : 0;
  const unit: f32 = 1 / SAMPLE_UNIT;
  scale0 = redScale * unit;
  scale1 = greenScale * unit;
  scale2 = blueScale * unit;
  bias0 = redBias;
  bias1 = greenBias;
  bias2 = blueBias;
}

@inline
function normalised(values: v128, scale: f32, bias: f32): v128 {
  return f32x4.add(f32x4.mul(values, f32x4.splat(scale)), f32x4.splat(bias));
}

/** Writes four values of each channel at `out`. */
@inline
export function storeChannels(out: usize, red: v128, green: v128, blue: v128): void {
  if (gray) {
    const luma = f32x4.add(
      f32x4.add(f32x4.mul(red, f32x4.splat(RED_SHARE)), f32x4.mul(green, f32x4.splat(GREEN_SHARE))),
      f32x4.mul(blue, f32x4.splat(BLUE_SHARE)),
    );
    v128.store(out, normalised(luma, scale0, bias0));
    return;
  }
  v128.store(out + planeOfRed, normalised(red, scale0, bias0));
  v128.store(out + planeBytes, normalised(green, scale1, bias1));
  v128.store(out + planeOfBlue, normalised(blue, scale2, bias2));
}

/** Writes four samples at `out`. */
@inline
export function storeSamples(out: usize, first: v128, second: v128, third: v128, fourth: v128): void {
  const redGreen01 = v128.shuffle<f32>(first, second, 0, 4, 1, 5);
  const redGreen23 = v128.shuffle<f32>(third, fourth, 0, 4, 1, 5);
  const blue01 = v128.shuffle<f32>(first, second, 2, 6, 3, 7);
  const blue23 = v128.shuffle<f32>(third, fourth, 2, 6, 3, 7);
  storeChannels(
    out,
    v128.shuffle<f32>(redGreen01, redGreen23, 0, 1, 4, 5),
    v128.shuffle<f32>(redGreen01, redGreen23, 2, 3, 6, 7),
    v128.shuffle<f32>(blue01, blue23, 0, 1, 4, 5),
  );
}

/** Writes one sample at `out`. */
export function storeSample(out: usize, sample: v128): void {
  const red = f32x4.extract_lane(sample, 0);
  const green = f32x4.extract_lane(sample, 1);
  const blue = f32x4.extract_lane(sample, 2);
  if (gray) {
    store<f32>(out, (red * RED_SHARE + green * GREEN_SHARE + blue * BLUE_SHARE) * scale0 + bias0);
    return;
  }
  store<f32>(out + planeOfRed, red * scale0 + bias0);
  store<f32>(out + planeBytes, green * scale1 + bias1);
  store<f32>(out + planeOfBlue, blue * scale2 + bias2);
}
