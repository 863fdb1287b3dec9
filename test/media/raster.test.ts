/** What a picture gives besides warps, and what becomes of its memory. */
import { describe, expect, test } from "bun:test";
import { decodePicture } from "../../src/media/decode.ts";
import { cropSize } from "../../src/media/encode.ts";
import type { Picture, WarpTarget } from "../../src/media/picture.ts";
import { pictureFromGray, pictureFromRgb } from "../../src/media/raster.ts";
import { eventually } from "../support/settle.ts";
import { LIMITS } from "./files.ts";
import { type Pixels, warped } from "./reference.ts";

/** A ramp: red grows to the right, green downwards, blue is constant. */
function ramp(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([x % 256, y % 256, 90], (y * width + x) * 3);
  }
  return data;
}

const whole = ({ width, height }: Picture) => ({ x: 0, y: 0, width, height });

describe("pixels of a picture", () => {
  test("rgb of the whole picture at its own size is the picture itself", () => {
    const data = ramp(37, 23);
    const picture = pictureFromRgb(data, 37, 23);
    expect(picture.rgb(whole(picture), 37, 23)).toEqual(data);
    picture.release();
  });

  test("rgb of a box of whole pixels is those pixels", () => {
    const picture = pictureFromRgb(ramp(37, 23), 37, 23);
    const part = picture.rgb({ x: 5, y: 7, width: 3, height: 2 }, 3, 2);
    expect([...part]).toEqual([5, 7, 90, 6, 7, 90, 7, 7, 90, 5, 8, 90, 6, 8, 90, 7, 8, 90]);
    picture.release();
  });

  test("rgb and luma are the rounded samples of the reference, over all rows of a tall box", () => {
    const pixels = { data: ramp(90, 400), width: 90, height: 400 };
    const picture = pictureFromRgb(pixels.data, 90, 400);
    const box = { x: -7.3, y: 10.2, width: 80.5, height: 420 };
    // So wide that its rows do not fit the kernels' scratch memory at once.
    const [width, height] = [1500, 60];
    const [sx, sy] = [box.width / width, box.height / height];
    const map = [sx, 0, box.x + 0.5 * sx - 0.5, 0, sy, box.y + 0.5 * sy - 0.5] as const;
    const target = (color: "rgb" | "gray", border: WarpTarget["border"]): WarpTarget => {
      return { width, height, color, border, mean: [0, 0, 0], std: [1, 1, 1] };
    };
    const planes = warped(pixels, map, target("rgb", { value: 200 }));
    const rgb = picture.rgb(box, width, height, { value: 200 });
    const luma = picture.luma(box, width, height);
    const gray = warped(pixels, map, target("gray", "edge"));
    const size = width * height;
    let worst = 0;
    for (let at = 0; at < size; at++) {
      for (let channel = 0; channel < 3; channel++) {
        worst = Math.max(worst, Math.abs(rgb[at * 3 + channel]! - planes[channel * size + at]!));
      }
      worst = Math.max(worst, Math.abs(luma[at]! - gray[at]!));
    }
    // Half a level of rounding, and the sampling error of the kernels.
    expect(worst).toBeLessThan(0.53);
    picture.release();
  });

  test("a grey picture has three equal channels", () => {
    const picture = pictureFromGray(Uint8Array.from([0, 9, 200, 255]), 2, 2);
    expect([...picture.rgb(whole(picture), 2, 2)]).toEqual([0, 0, 0, 9, 9, 9, 200, 200, 200, 255, 255, 255]);
    picture.release();
  });

  test("jpeg cuts a box out, fills what lies outside and has the size asked for", async () => {
    const picture = pictureFromRgb(new Uint8Array(100 * 80 * 3).fill(250), 100, 80);
    const box = { x: -50, y: 0, width: 100, height: 80 };
    const file = await picture.jpeg(box, { width: 200, border: "zero" });
    picture.release();
    const crop = await decodePicture(file, LIMITS);
    expect([crop.width, crop.height, crop.format]).toEqual([200, 160, "jpeg"]);
    const pixels = crop.rgb(whole(crop), 200, 160);
    const at = (x: number, y: number): number => pixels[(y * 200 + x) * 3]!;
    expect(at(50, 80)).toBeLessThan(10);
    expect(at(150, 80)).toBeGreaterThan(240);
    crop.release();
  });

  test("jpeg shows the reference's samples, wherever the box lies and whatever becomes of its size", async () => {
    // Grey, so that chroma at half size takes nothing away, with detail that misplaced pixels would show.
    const grey = (width: number, height: number): Pixels => {
      const data = new Uint8Array(width * height * 3);
      for (let at = 0; at < width * height; at++) {
        const [x, y] = [at % width, Math.floor(at / width)];
        data.fill(Math.round(128 + 60 * Math.sin(x / 5) + 50 * Math.cos(y / 7)), 3 * at, 3 * at + 3);
      }
      return { data, width, height };
    };
    const cases = [
      // Inside, larger and smaller; halved once and twice; across each edge; all outside; a size whose rows come in strips.
      [grey(200, 150), { x: 20.3, y: 10.7, width: 80.5, height: 90.2 }, 61, 67],
      [grey(200, 150), { x: 20.3, y: 10.7, width: 80.5, height: 90.2 }, 123, 131],
      [grey(200, 150), { x: 1.5, y: 2.5, width: 190, height: 140 }, 70, 50],
      [grey(200, 150), { x: 0, y: 0, width: 200, height: 150 }, 41, 33],
      [grey(200, 150), { x: -40.5, y: -30.25, width: 300, height: 220 }, 190, 140],
      [grey(200, 150), { x: 300, y: 200, width: 40, height: 30 }, 31, 22],
      [grey(200, 150), { x: 30, y: 20, width: 101, height: 77 }, 101, 77],
      [grey(200, 150), { x: 30.5, y: 20.5, width: 101, height: 77 }, 101, 77],
      [grey(700, 600), { x: -10, y: -10, width: 690, height: 600 }, 680, 590],
      // Pictures that have no neighbour to blend with, and one row that is wider than the kernels' scratch memory.
      [grey(1, 1), { x: -3, y: -3, width: 7, height: 7 }, 9, 9],
      [grey(1, 40), { x: -3, y: 3, width: 7, height: 30 }, 9, 33],
      [grey(40, 1), { x: 3, y: -3, width: 30, height: 7 }, 33, 9],
      [grey(30000, 2), { x: 0.5, y: 0, width: 29999, height: 2 }, 16001, 8],
    ] as const;
    for (const [pixels, box, width, height] of cases) {
      const picture = pictureFromRgb(pixels.data, pixels.width, pixels.height);
      const file = await picture.jpeg(box, { width, height, quality: 100 });
      picture.release();
      const crop = await decodePicture(file, LIMITS);
      const shown = crop.rgb(whole(crop), width, height);
      crop.release();
      const [sx, sy] = [box.width / width, box.height / height];
      const map = [sx, 0, box.x + 0.5 * sx - 0.5, 0, sy, box.y + 0.5 * sy - 0.5] as const;
      const target = { width, height, color: "gray", border: "edge", mean: [0], std: [1] } as const;
      const wanted = warped(pixels, map, target);
      // Of a red sample of grey pixels: what coding and rounding make of it.
      const worst = wanted.reduce((most, value, at) => Math.max(most, Math.abs(value - shown[3 * at]!)), 0);
      expect(worst).toBeLessThan(2.6);
    }
  });

  test("the other side of a crop follows its box", () => {
    const box = { x: 0, y: 0, width: 300, height: 100 };
    expect(cropSize(box, {})).toEqual({ width: 300, height: 100 });
    expect(cropSize(box, { height: 50 })).toEqual({ width: 150, height: 50 });
    expect(cropSize(box, { maxSide: 30 })).toEqual({ width: 30, height: 10 });
    expect(cropSize(box, { maxSide: 3000 })).toEqual({ width: 300, height: 100 });
    expect(cropSize(box, { width: 64, height: 64 })).toEqual({ width: 64, height: 64 });
  });
});

describe("the memory of a picture", () => {
  test("pictures alive at the same time do not touch each other", () => {
    const sizes = [
      [40, 30],
      [400, 300],
      [41, 29],
      [1000, 700],
    ] as const;
    const pictures = sizes.map(([width, height]) => pictureFromRgb(ramp(width, height), width, height));
    for (const picture of pictures) picture.luma(whole(picture), 8, 8);
    pictures.forEach((picture, index) => {
      const [width, height] = sizes[index]!;
      expect(picture.rgb(whole(picture), width, height)).toEqual(ramp(width, height));
      picture.release();
    });
  });

  test("a smaller picture after a larger one shows nothing of it", () => {
    const large = pictureFromRgb(new Uint8Array(300 * 300 * 3).fill(255), 300, 300);
    large.luma(whole(large), 10, 10);
    large.release();
    const small = pictureFromRgb(new Uint8Array(20 * 20 * 3), 20, 20);
    expect(Math.max(...small.rgb({ x: -20, y: -20, width: 60, height: 60 }, 60, 60))).toBe(0);
    expect(Math.max(...small.luma(whole(small), 3, 3))).toBe(0);
    small.release();
  });

  test("a released picture refuses to be used, and releasing twice does no harm", () => {
    const picture = pictureFromRgb(ramp(20, 20), 20, 20);
    picture.release();
    picture.release();
    expect(() => picture.luma(whole(picture), 4, 4)).toThrow("released");
    const [one, other] = [pictureFromRgb(ramp(20, 20), 20, 20), pictureFromRgb(new Uint8Array(1200), 20, 20)];
    expect(one.rgb(whole(one), 20, 20)).toEqual(ramp(20, 20));
    one.release();
    other.release();
  });

  test("many pictures of mixed sizes, huge ones among them, leave the process as large as before", async () => {
    const pass = (): void => {
      for (const side of [200, 3000, 700, 5000, 1500]) {
        const picture = pictureFromRgb(new Uint8Array(side * side * 3), side, side);
        picture.luma(whole(picture), 64, 64);
        picture.release();
      }
    };
    const size = (): number => {
      Bun.gc(true);
      return process.memoryUsage.rss();
    };
    pass();
    const before = size();
    for (let round = 0; round < 8; round++) pass();
    // Keeping the huge ones alone would take 100 MB each. What was let go is given back a little later.
    await eventually(() => size() - before < 100_000_000);
  });

  test("a warp that does not fit its tensor writes nothing", () => {
    const picture = pictureFromRgb(ramp(20, 20), 20, 20);
    const target = { width: 10, height: 10, color: "rgb", mean: [0, 0, 0], std: [1, 1, 1], border: "edge" } as const;
    const out = new Float32Array(300);
    expect(() => picture.warp([1, 0, 0, 0, 1, 0], target, out, 1)).toThrow(RangeError);
    expect(() => picture.warp([1, 0, 0, 0, 1, 0], { ...target, width: 0 }, out, 0)).toThrow(RangeError);
    expect(() => picture.warp([1, 0, Number.NaN, 0, 1, 0], target, out, 0)).toThrow(RangeError);
    expect(Math.max(...out)).toBe(0);
    picture.release();
  });
});
