/** How good a face's picture is, measured on its pixels: sharpness, lighting, saturation, size, room. Cheap on purpose. */
import type { Box, Picture } from "../media/picture.ts";
import { innerSquareRoom } from "./crop-room.ts";
import type { Landmarks, Quality } from "./item.ts";

/** Side in pixels of the sample: about what the models see of a face, so a face that is too small is not sharp either. */
const SIDE = 64;
const COUNT = SIDE * SIDE;

/** Added to the gradient's mean energy (squared steps of 255), so that noise on a dark flat patch is not fine detail. */
const NOISE = 4;
/** Fineness of a picture blurred away entirely, and the step that takes sharpness 63 % of the way to 1. */
const FINENESS = { blurred: 0.02, step: 0.18 } as const;

/**
 * Values at which a measure is 0 and 1. Set so that ordinary photos pass: on the 43 faces of nine group photos darkness
 * came out at 0.97 or more, light and saturation at 1. The brightest tenth tells darkness, as dark skin has highlights
 * too, and the median tells too much light, as pale skin is not white.
 */
const RAMPS = { darkness: [30, 90], light: [250, 205], saturation: [0, 0.2], eyeDistance: [0, 60] } as const;

/** Distance between the eye centres in pixels. */
function eyeDistanceOf({ five: [left, right] }: Landmarks): number {
  return Math.hypot(right[0] - left[0], right[1] - left[1]);
}

/**
 * All measures of a face. The pixels measured are the middle square of the box, as wide as it, resampled to 64 x 64.
 * `cropScale`: side of the widest crop a model takes, as multiple of the box's height.
 */
export function qualityOf(picture: Picture, box: Box, landmarks: Landmarks, cropScale: number): Quality {
  const square = { x: box.x, y: box.y + (box.height - box.width) / 2, width: box.width, height: box.width };
  const { fineness, bright, median, saturation } = samplePixels(picture.rgb(square, SIDE, SIDE));
  const measures = {
    sharpness: 1 - Math.exp(-Math.max(0, fineness - FINENESS.blurred) / FINENESS.step),
    darkness: along(bright, RAMPS.darkness),
    light: along(median, RAMPS.light),
    saturation: along(saturation, RAMPS.saturation),
    eyeDistance: eyeDistanceOf(landmarks),
    cropRoom: innerSquareRoom(picture, box, cropScale),
  };
  return { ...measures, overall: overallOf(measures) };
}

/** sqrt(sharpness x darkness x light x crop room x min(1, eye distance / 60 px)) x (0.8 + 0.2 x saturation). */
export function overallOf(measures: Omit<Quality, "overall">): number {
  const { sharpness, darkness, light, saturation, eyeDistance, cropRoom } = measures;
  const size = along(eyeDistance, RAMPS.eyeDistance);
  return Math.sqrt(sharpness * darkness * light * cropRoom * size) * (0.8 + 0.2 * saturation);
}

/** 0 at the first value and 1 at the second, linear between, flat beyond. */
function along(value: number, [zero, one]: readonly [number, number]): number {
  return Math.min(1, Math.max(0, (value - zero) / (one - zero)));
}

interface PixelFacts {
  /** Energy of the Laplacian over that of the gradient: how fine the detail is, whatever the contrast. */
  readonly fineness: number;
  /** Luma (0..255) that nine tenths of the pixels do not exceed. */
  readonly bright: number;
  readonly median: number;
  /** Mean of (max - min) / max over the channels, 0..1. */
  readonly saturation: number;
}

const luma = new Uint8Array(COUNT);
const histogram = new Uint32Array(256);

/** Measures an interleaved RGB sample of 64 x 64. */
function samplePixels(rgb: Uint8Array): PixelFacts {
  histogram.fill(0);
  let saturation = 0;
  for (let i = 0, p = 0; i < COUNT; i++, p += 3) {
    const r = rgb[p]!;
    const g = rgb[p + 1]!;
    const b = rgb[p + 2]!;
    // 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded.
    const value = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    luma[i] = value;
    histogram[value]!++;
    const most = Math.max(r, g, b);
    const least = Math.min(r, g, b);
    if (most > 0) saturation += (most - least) / most;
  }
  return {
    fineness: finenessOf(luma),
    bright: percentile(0.9),
    median: percentile(0.5),
    saturation: saturation / COUNT,
  };
}

/** Blurring takes from fine detail first, so this falls with blur while contrast cancels out. */
function finenessOf(values: Uint8Array): number {
  let laplacian = 0;
  let gradient = 0;
  for (let y = 1; y < SIDE - 1; y++) {
    for (let i = y * SIDE + 1; i < (y + 1) * SIDE - 1; i++) {
      const left = values[i - 1]!;
      const right = values[i + 1]!;
      const above = values[i - SIDE]!;
      const below = values[i + SIDE]!;
      const curve = left + right + above + below - 4 * values[i]!;
      laplacian += curve * curve;
      gradient += (right - left) * (right - left) + (below - above) * (below - above);
    }
  }
  const count = (SIDE - 2) * (SIDE - 2);
  return laplacian / count / (gradient / count + NOISE);
}

/** Least luma that this share of the histogram does not exceed. */
function percentile(share: number): number {
  let seen = 0;
  for (let value = 0; value < 256; value++) {
    seen += histogram[value]!;
    if (seen >= share * COUNT) return value;
  }
  return 255;
}
