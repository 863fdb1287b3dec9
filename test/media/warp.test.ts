/** The WASM kernels give what the slow arithmetic gives, for pictures and maps of all kinds. */
import { describe, expect, test } from "bun:test";
import type { Affine, WarpTarget } from "../../src/media/picture.ts";
import { pictureFromRgb } from "../../src/media/raster.ts";
import { type Pixels, warped } from "./reference.ts";

/** Weights have 14 bits: 255 / 2^15 a sample, twice for two rows, and float rounding. In grey levels. */
const TOLERANCE = 0.03;

/** Repeatable numbers 0..1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function noise(width: number, height: number, seed: number): Pixels {
  const random = generator(seed);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random() * 256) };
}

const raw = { mean: [0, 0, 0], std: [1, 1, 1] };

/** Largest difference in grey levels between kernel and reference. */
function difference(pixels: Pixels, map: Affine, target: WarpTarget): number {
  const expected = warped(pixels, map, target);
  const picture = pictureFromRgb(pixels.data, pixels.width, pixels.height);
  // What lies around the tensor must stay untouched.
  const out = new Float32Array(expected.length + 10).fill(-7);
  picture.warp(map, target, out, 5);
  picture.release();
  expect(out.slice(0, 5)).toEqual(new Float32Array(5).fill(-7));
  expect(out.slice(-5)).toEqual(new Float32Array(5).fill(-7));
  const size = target.width * target.height;
  return expected.reduce((worst, value, index) => {
    const deviation = target.std[Math.floor(index / size)]!;
    return Math.max(worst, Math.abs(value - out[index + 5]!) * deviation);
  }, 0);
}

const borders: WarpTarget["border"][] = ["edge", "zero", { value: 127 }];
const colors = ["rgb", "bgr", "gray"] as const;

describe("a warp agrees with the slow reference", () => {
  test("for random maps with rotation, shear, mirror, any scale, any border, any channel order", () => {
    const random = generator(1);
    for (let round = 0; round < 300; round++) {
      const width = 1 + Math.floor(random() * 90);
      const height = 1 + Math.floor(random() * 70);
      const scale = 2 ** (random() * 6 - 3);
      const angle = random() * Math.PI * 2;
      const mirror = random() < 0.3 ? -1 : 1;
      const target = {
        width: 1 + Math.floor(random() * 50),
        height: 1 + Math.floor(random() * 50),
        color: colors[round % 3]!,
        mean: [random() * 128, random() * 128, random() * 128],
        std: [1 + random() * 128, 1 + random() * 128, 1 + random() * 128],
        border: borders[Math.floor(random() * 3)]!,
      };
      const [a, d] = [scale * Math.cos(angle) * mirror, scale * Math.sin(angle) * mirror];
      const [b, e] = [-scale * Math.sin(angle) * (0.7 + random() * 0.6), scale * Math.cos(angle)];
      const c = random() * width - (a * target.width + b * target.height) / 2;
      const f = random() * height - (d * target.width + e * target.height) / 2;
      expect(difference(noise(width, height, round), [a, b, c, d, e, f], target)).toBeLessThan(TOLERANCE);
    }
  });

  test("for resizes of random boxes that reach past the picture", () => {
    const random = generator(2);
    for (let round = 0; round < 300; round++) {
      const width = 1 + Math.floor(random() * 120);
      const height = 1 + Math.floor(random() * 90);
      const target = {
        ...raw,
        width: 1 + Math.floor(random() * 60),
        height: 1 + Math.floor(random() * 60),
        color: colors[round % 3]!,
        border: borders[Math.floor(random() * 3)]!,
      };
      const [sx, sy] = [(random() * 2 * width) / target.width, (random() * 2 * height) / target.height];
      const [x, y] = [(random() - 0.5) * width, (random() - 0.5) * height];
      const map: Affine = [sx, 0, x + 0.5 * sx - 0.5, 0, sy, y + 0.5 * sy - 0.5];
      expect(difference(noise(width, height, round), map, target)).toBeLessThan(TOLERANCE);
    }
  });

  test("for whole-pixel crops and halvings, which have a path of their own", () => {
    const random = generator(3);
    for (let round = 0; round < 60; round++) {
      const scale = 2 ** (round % 4);
      const [width, height] = [scale * (9 + Math.floor(random() * 40)), scale * (9 + Math.floor(random() * 40))];
      const target = { ...raw, width: 33, height: 27, color: colors[round % 3]!, border: borders[(round >> 2) % 3]! };
      const shift = (): number => scale * Math.floor(random() * 30 - 15) + 0.5 * scale - 0.5;
      expect(difference(noise(width, height, round), [scale, 0, shift(), 0, scale, shift()], target)).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  test("for maps that see nothing of the picture, hardly move, or stand still", () => {
    const pixels = noise(20, 10, 4);
    for (const border of borders) {
      const target = { ...raw, width: 13, height: 9, color: "rgb" as const, border };
      for (const map of [
        [1, 0, 1e9, 0, 1, -1e9],
        [1e-12, 0, 4.3, 0, 1e-12, 5.2],
        [0, 0, 4.3, 0, 0, 5.2],
        [0, 0, -0.4, 0, 0, 9.4],
        [1, 0, 7, 0, 1, -3],
        [-1, 0, 12, 0, -1, 8],
        [0, 1, 0, 1, 0, 0],
      ] as Affine[]) {
        expect(difference(pixels, map, target)).toBeLessThan(TOLERANCE);
      }
    }
  });

  test("for the 720p letterbox of a detector, its padding included", () => {
    const pixels = noise(1280, 720, 5);
    const target = { width: 320, height: 240, color: "rgb" as const, mean: [127, 127, 127], std: [128, 128, 128] };
    expect(difference(pixels, [4, 0, 1.5, 0, 4, 1.5], { ...target, border: { value: 127 } })).toBeLessThan(TOLERANCE);
  });
});
