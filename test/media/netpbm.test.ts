/** PPM and PGM in plain and raw form. */
import { describe, expect, test } from "bun:test";
import { decoded, refused } from "./outcome.ts";

const ascii = (content: string): Uint8Array => Buffer.from(content, "latin1");
const SMALL = { minSide: 1 };
const COLORS = Uint8Array.from([255, 0, 0, 0, 128, 0, 0, 0, 64, 1, 2, 3]);

describe("a PPM or PGM decodes to its pixels", () => {
  test("raw and plain colour give the same", async () => {
    const raw = await decoded(Buffer.concat([ascii("P6\n2 2\n255\n"), COLORS]), SMALL);
    const plain = await decoded(ascii(`P3 2 2 255 ${COLORS.join(" ")}`), SMALL);
    expect(raw).toMatchObject({ width: 2, height: 2, format: "ppm" });
    expect(raw.pixels).toEqual(COLORS);
    expect(plain.pixels).toEqual(COLORS);
  });

  test("grey becomes equal channels", async () => {
    const raw = await decoded(Buffer.concat([ascii("P5 3 1 255\n"), Uint8Array.from([0, 10, 255])]), SMALL);
    const plain = await decoded(ascii("P2 3 1 255\n0\t10\r\n255"), SMALL);
    expect(raw).toMatchObject({ format: "pgm" });
    expect([...raw.pixels]).toEqual([0, 0, 0, 10, 10, 10, 255, 255, 255]);
    expect(plain.pixels).toEqual(raw.pixels);
  });

  test("comments are skipped, also between values", async () => {
    const picture = await decoded(ascii("P3#made by hand\n2 #wide\n1\n# 9 9 9\n255\n1 2 3 #first\n4 5 6\n"), SMALL);
    expect([...picture.pixels]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("any maximum value is scaled to 255, above 255 with two bytes a value", async () => {
    const low = await decoded(Buffer.concat([ascii("P5 3 1 15\n"), Uint8Array.from([0, 5, 15])]), SMALL);
    expect([low.at(0, 0)[0], low.at(1, 0)[0], low.at(2, 0)[0]]).toEqual([0, 85, 255]);
    const high = await decoded(
      Buffer.concat([ascii("P5 3 1 65535\n"), Uint8Array.from([0, 0, 0x80, 0, 0xff, 0xff])]),
      SMALL,
    );
    expect([high.at(0, 0)[0], high.at(1, 0)[0], high.at(2, 0)[0]]).toEqual([0, 128, 255]);
    const plain = await decoded(ascii("P2 2 1 1000 500 1000"), SMALL);
    expect([plain.at(0, 0)[0], plain.at(1, 0)[0]]).toEqual([128, 255]);
  });
});

describe("a broken PPM or PGM", () => {
  test("that ends early is refused, or stays black where nothing is left", async () => {
    for (const cut of [
      Buffer.concat([ascii("P6 2 2 255\n"), COLORS.subarray(0, 6)]),
      ascii("P3 2 2 255 255 0 0 0 128 0"),
    ]) {
      expect((await refused(cut, SMALL)).code).toBe("picture_truncated");
      const { pixels } = await decoded(cut, { ...SMALL, truncated: "decode" });
      expect(pixels).toEqual(Uint8Array.from([...COLORS.subarray(0, 6), 0, 0, 0, 0, 0, 0]));
    }
    expect((await refused(ascii("P6 2"), SMALL)).code).toBe("picture_truncated");
  });

  test("with sizes, maxima or values that cannot be is damaged", async () => {
    for (const content of [
      "P5 0 2 255 ",
      "P5 2 2 0 ",
      "P5 2 2 65536 ",
      "P5 -2 2 255 ",
      "P2 2 1 9 10 3 ",
      "P2 2 1 9 x y ",
    ]) {
      expect((await refused(ascii(content), SMALL)).code).toBe("picture_damaged");
    }
  });
});
