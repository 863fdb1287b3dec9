/** A video frame as a picture: the kernels against the arithmetic of the recommendations. */
import { describe, expect, test } from "bun:test";
import type { Picture, WarpTarget } from "../../src/media/picture.ts";
import { pictureFromFrame, pictureFromRgb } from "../../src/media/raster.ts";
import type { FramePixels } from "../../src/media/video/video.ts";
import { frameBytes, planesAt } from "../../src/media/yuv.ts";
import { halved, warped } from "./reference.ts";

/** A frame of noise, behind other data. */
function noise(width: number, height: number, how: Partial<FramePixels> = {}): FramePixels {
  const offset = 192;
  const buffer = new SharedArrayBuffer(offset + frameBytes(width, height));
  const bytes = new Uint8Array(buffer);
  let state = 12345;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return { buffer, offset, width, height, matrix: "bt601", range: "limited", ...how };
}

/** A chroma sample for each 2x2 pixels, in floating point, as BT.601 and BT.709 define it. */
function converted({ buffer, offset, width, height, matrix, range }: FramePixels): Uint8Array {
  const bytes = new Uint8Array(buffer);
  const planes = planesAt(offset, width, height);
  const [kr, kb] = matrix === "bt601" ? [0.299, 0.114] : [0.2126, 0.0722];
  const rgb = new Uint8Array(3 * width * height);
  const level = (value: number) => Math.min(255, Math.max(0, Math.round(value)));
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const chroma = (row >> 1) * Math.ceil(width / 2) + (column >> 1);
      const luma = bytes[planes.y + row * width + column]!;
      const y = range === "full" ? luma : ((luma - 16) * 255) / 219;
      const span = range === "full" ? 1 : 255 / 224;
      const pb = (bytes[planes.u + chroma]! - 128) * span;
      const pr = (bytes[planes.v + chroma]! - 128) * span;
      const red = y + 2 * (1 - kr) * pr;
      const blue = y + 2 * (1 - kb) * pb;
      const green = (y - kr * red - kb * blue) / (1 - kr - kb);
      rgb.set([level(red), level(green), level(blue)], 3 * (row * width + column));
    }
  }
  return rgb;
}

const worst = (one: ArrayLike<number>, other: ArrayLike<number>): number => {
  let most = 0;
  for (let at = 0; at < one.length; at++) most = Math.max(most, Math.abs(one[at]! - other[at]!));
  return most;
};
const all = (picture: Picture) =>
  picture.rgb({ x: 0, y: 0, width: picture.width, height: picture.height }, picture.width, picture.height);

describe("a video frame as a picture", () => {
  for (const matrix of ["bt601", "bt709"] as const) {
    for (const range of ["limited", "full"] as const) {
      test(`has the colours of ${matrix}, ${range} range, to a level`, () => {
        // Sides that are not multiples of what a vector holds, odd ones too.
        for (const [width, height] of [
          [64, 48],
          [101, 75],
          [33, 2],
          [1, 1],
        ] as const) {
          const frame = noise(width, height, { matrix, range });
          const picture = pictureFromFrame(frame);
          expect(picture).toMatchObject({ width, height, format: "frame" });
          expect(worst(all(picture), converted(frame))).toBeLessThanOrEqual(1);
          picture.release();
        }
      });
    }
  }

  test("is halved as any picture, to what is cut off outside of RGB", () => {
    for (const [width, height] of [
      [128, 96],
      [101, 75],
    ] as const) {
      const frame = noise(width, height, { range: "full" });
      // Colours within RGB, so that nothing is cut off: grey with a little chroma.
      const bytes = new Uint8Array(frame.buffer);
      const { y, u } = planesAt(frame.offset, width, height);
      for (let at = y; at < bytes.length; at++) bytes[at] = at < u ? 60 + (bytes[at]! >> 1) : 118 + (bytes[at]! % 20);
      const pixels = { data: converted(frame), width, height };
      const half = halved(pixels);
      const picture = pictureFromFrame(frame);
      const direct = picture.rgb(
        { x: 0, y: 0, width: half.width * 2, height: half.height * 2 },
        half.width,
        half.height,
      );
      expect(worst(direct, half.data)).toBeLessThanOrEqual(1);
      const target: WarpTarget = {
        width: 20,
        height: 15,
        color: "bgr",
        mean: [1, 2, 3],
        std: [2, 2, 2],
        border: "zero",
      };
      const map = [width / 20, 0.1, -3, 0.2, height / 15, 4] as const;
      const out = new Float32Array(3 * 20 * 15);
      picture.warp(map, target, out, 0);
      expect(worst(out, warped(pixels, map, target))).toBeLessThan(1);
      // The full size after the half one, from the same planes.
      expect(worst(all(picture), pixels.data)).toBeLessThanOrEqual(1);
      picture.release();
    }
  });

  test("computes the rows that a crop looks at, however it is turned and wherever it lies", () => {
    const frame = noise(150, 333);
    const whole = pictureFromFrame(frame);
    const twin = pictureFromRgb(all(whole), 150, 333);
    whole.release();
    const target: WarpTarget = { width: 24, height: 18, color: "rgb", mean: [0, 0, 0], std: [1, 1, 1], border: "edge" };
    let state = 7;
    const random = (low: number, high: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return low + ((high - low) * state) / 2 ** 32;
    };
    for (let round = 0; round < 300; round++) {
      const border = (["edge", "zero", { value: 9 }] as const)[round % 3]!;
      const [scale, angle] = [random(0.2, 1.9), random(-Math.PI, Math.PI)];
      const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
      const map = [cos, -sin, random(-60, 200), sin, cos, random(-90, 400)] as const;
      const [seen, wanted] = [new Float32Array(3 * 24 * 18), new Float32Array(3 * 24 * 18)];
      const picture = pictureFromFrame(frame);
      picture.warp(map, { ...target, border }, seen, 0);
      twin.warp(map, { ...target, border }, wanted, 0);
      picture.release();
      expect(seen).toEqual(wanted);
    }
    const picture = pictureFromFrame(frame);
    for (const box of [
      { x: 3, y: 200, width: 9, height: 70 },
      { x: 0, y: 0, width: 150, height: 333 },
    ]) {
      expect(picture.rgb(box, box.width, box.height)).toEqual(twin.rgb(box, box.width, box.height));
    }
    picture.release();
    twin.release();
  });

  test("keeps its pixels when the frame's memory is used again", () => {
    const frame = noise(64, 48);
    const before = converted(frame);
    const picture = pictureFromFrame(frame);
    new Uint8Array(frame.buffer).fill(0);
    expect(worst(all(picture), before)).toBeLessThanOrEqual(1);
    picture.release();
  });

  test("can be cropped to a JPEG", async () => {
    const picture = pictureFromFrame(noise(64, 48));
    const jpeg = await picture.jpeg({ x: -8, y: 8, width: 32, height: 32 }, { quality: 80 });
    expect([...jpeg.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    picture.release();
  });
});
