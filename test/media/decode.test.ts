/** Pictures of every format, kind of pixel and orientation come out upright and in the right colours. */
import { describe, expect, test } from "bun:test";
import sharp, { type Sharp } from "sharp";
import { decoded, refused } from "./outcome.ts";

/** Four flat quarters: red, green / blue, white. Flat, so that lossy formats keep their colours. */
const QUARTERS = [
  [200, 30, 30],
  [30, 180, 30],
  [30, 30, 200],
  [230, 230, 230],
] as const;
const WIDTH = 96;
const HEIGHT = 64;

function quarters(): Sharp {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      data.set(QUARTERS[(y < HEIGHT / 2 ? 0 : 2) + (x < WIDTH / 2 ? 0 : 1)]!, (y * WIDTH + x) * 3);
    }
  }
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

/** Largest difference of the middles of the quarters from what they should be. */
function deviation(picture: Awaited<ReturnType<typeof decoded>>, expected: readonly (readonly number[])[] = QUARTERS) {
  const { width, height } = picture;
  const middles = [0, 1, 2, 3].map((quarter) =>
    picture.at(Math.floor(width * (quarter & 1 ? 0.75 : 0.25)), Math.floor(height * (quarter & 2 ? 0.75 : 0.25))),
  );
  return Math.max(
    ...middles.flatMap((color, at) => color.map((value, index) => Math.abs(value - expected[at]![index]!))),
  );
}

describe("a picture is decoded by its content", () => {
  for (const format of ["jpeg", "png", "webp", "gif", "tiff"] as const) {
    test(`${format} keeps size and colours`, async () => {
      const picture = await decoded(await quarters().toFormat(format).toBuffer());
      expect(picture).toMatchObject({ width: WIDTH, height: HEIGHT, format });
      expect(deviation(picture)).toBeLessThan(8);
    });
  }

  test("a JPEG with HTML behind it is decoded as the JPEG it starts as", async () => {
    const jpeg = await quarters().jpeg().toBuffer();
    const picture = await decoded(Buffer.concat([jpeg, Buffer.from("<html><script>alert(1)</script></html>")]));
    expect(picture.format).toBe("jpeg");
    expect(deviation(picture)).toBeLessThan(8);
  });

  test("only the first frame of an animation is decoded", async () => {
    const red = Buffer.alloc(32 * 32 * 3).fill(Buffer.from([255, 0, 0]));
    const blue = Buffer.alloc(32 * 32 * 3).fill(Buffer.from([0, 0, 255]));
    const frames = sharp(Buffer.concat([red, blue]), { raw: { width: 32, height: 64, channels: 3, pageHeight: 32 } });
    for (const format of ["gif", "webp"] as const) {
      const picture = await decoded(await frames.clone().toFormat(format, { lossless: true }).toBuffer());
      expect(picture).toMatchObject({ width: 32, height: 32 });
      expect(picture.at(16, 16)[0]).toBeGreaterThan(250);
      expect(picture.at(16, 16)[2]).toBeLessThan(5);
    }
  });
});

describe("every kind of pixel becomes 8-bit sRGB", () => {
  test("palette PNG", async () => {
    expect(deviation(await decoded(await quarters().png({ palette: true }).toBuffer()))).toBeLessThan(8);
  });

  test("16-bit PNG and TIFF", async () => {
    expect(deviation(await decoded(await quarters().toColourspace("rgb16").png().toBuffer()))).toBeLessThan(3);
    expect(deviation(await decoded(await quarters().toColourspace("rgb16").tiff().toBuffer()))).toBeLessThan(3);
  });

  test("grey JPEG, 8-bit and 16-bit grey PNG, two-level PNG", async () => {
    const data = Uint8Array.from({ length: 64 * 32 }, (_, at) => (at % 64) * 4);
    const ramp = sharp(data, { raw: { width: 64, height: 32, channels: 1 } });
    for (const file of [
      await ramp.clone().toColourspace("b-w").jpeg({ quality: 100 }).toBuffer(),
      await ramp.clone().toColourspace("b-w").png().toBuffer(),
      await ramp.clone().toColourspace("grey16").png().toBuffer(),
    ]) {
      const picture = await decoded(file);
      for (const x of [0, 20, 40, 63]) {
        const [red, green, blue] = picture.at(x, 10);
        expect([green, blue]).toEqual([red, red]);
        expect(Math.abs(red! - 4 * x)).toBeLessThan(3);
      }
    }
    const bitmap = await decoded(await quarters().threshold(128).png({ palette: true, colours: 2 }).toBuffer());
    expect(
      deviation(bitmap, [
        [0, 0, 0],
        [255, 255, 255],
        [0, 0, 0],
        [255, 255, 255],
      ]),
    ).toBe(0);
  });

  test("CMYK JPEG and TIFF", async () => {
    // The gamut of ink is smaller: the colours come back muted, but in their places.
    for (const file of [
      await quarters().toColourspace("cmyk").jpeg().toBuffer(),
      await quarters().toColourspace("cmyk").tiff().toBuffer(),
    ]) {
      const picture = await decoded(file);
      const [red, green, blue, white] = [
        picture.at(10, 10),
        picture.at(80, 10),
        picture.at(10, 50),
        picture.at(80, 50),
      ];
      expect(Math.max(...red)).toBe(red[0]!);
      expect(Math.max(...green)).toBe(green[1]!);
      expect(Math.max(...blue)).toBe(blue[2]!);
      expect(Math.min(...white)).toBeGreaterThan(210);
    }
  });

  test("transparency is laid on black", async () => {
    const half = { r: 200, g: 100, b: 50, alpha: 0.5 };
    const file = await sharp({ create: { width: 32, height: 32, channels: 4, background: half } })
      .png()
      .toBuffer();
    const [red, green, blue] = (await decoded(file)).at(5, 5);
    expect(Math.abs(red! - 100) + Math.abs(green! - 50) + Math.abs(blue! - 25)).toBeLessThan(6);
  });

  test("a picture with another colour profile is converted, one that names sRGB is left alone", async () => {
    const wide = await decoded(await quarters().withIccProfile("p3").png().toBuffer());
    expect(deviation(wide)).toBeLessThan(8);
    const same = await decoded(await quarters().withIccProfile("srgb").jpeg({ quality: 100 }).toBuffer());
    const bare = await decoded(await quarters().jpeg({ quality: 100 }).toBuffer());
    expect(same.pixels).toEqual(bare.pixels);
  });
});

describe("EXIF orientation is applied", () => {
  // Where the upper left quarter (red) of the stored picture is seen, for orientations 1 to 8, as [right, lower].
  const seen = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ] as const;
  for (const [index, [right, lower]] of seen.entries()) {
    const orientation = index + 1;
    test(`orientation ${orientation}`, async () => {
      const picture = await decoded(await quarters().withMetadata({ orientation }).jpeg().toBuffer());
      const turned = orientation >= 5;
      expect([picture.width, picture.height]).toEqual(turned ? [HEIGHT, WIDTH] : [WIDTH, HEIGHT]);
      const x = Math.floor(picture.width * (right ? 0.75 : 0.25));
      const y = Math.floor(picture.height * (lower ? 0.75 : 0.25));
      const [red, green, blue] = picture.at(x, y);
      expect(red!).toBeGreaterThan(180);
      expect(Math.max(green!, blue!)).toBeLessThan(60);
    });
  }
});

describe("a picture that ends early", () => {
  test("a GIF is, also where what is left of it ends like a whole one", async () => {
    const file = await sharp({ create: { width: 200, height: 150, channels: 3, background: "#7a5" } })
      .gif()
      .toBuffer();
    const cut = file.subarray(0, Math.floor(file.length / 2));
    for (const end of [[0x3b], [0x3b, 0, 0]]) {
      const error = await refused(new Uint8Array(Buffer.concat([cut, Buffer.from(end)])));
      expect(error.code).toBe("picture_truncated");
    }
  });

  for (const format of ["jpeg", "png", "gif", "webp", "tiff"] as const) {
    test(`${format} is refused with picture_truncated`, async () => {
      const noisy = sharp({
        create: {
          width: 200,
          height: 150,
          channels: 3,
          background: "#777",
          noise: { type: "gaussian", mean: 128, sigma: 40 },
        },
      });
      const file = await noisy.toFormat(format).toBuffer();
      for (const share of [0.3, 0.6, 0.95]) {
        const error = await refused(file.subarray(0, Math.floor(file.length * share)));
        expect(error.code).toBe("picture_truncated");
      }
    });
  }

  test("is decoded as far as it goes when the settings say so", async () => {
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    const noisy = sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#777", noise } });
    for (const format of ["jpeg", "png"] as const) {
      const file = await noisy.clone().toFormat(format).toBuffer();
      const whole = await decoded(file);
      const picture = await decoded(file.subarray(0, Math.floor(file.length * 0.7)), { truncated: "decode" });
      expect([picture.width, picture.height]).toEqual([WIDTH, HEIGHT]);
      const firstRows = WIDTH * 3 * 8;
      expect(picture.pixels.subarray(0, firstRows)).toEqual(whole.pixels.subarray(0, firstRows));
      expect(picture.pixels).not.toEqual(whole.pixels);
    }
  });

  test("is called damaged, not truncated, when only its middle is broken", async () => {
    const file = new Uint8Array(await quarters().png().toBuffer());
    file.fill(0x5a, 60, 80);
    expect((await refused(file)).code).toBe("picture_damaged");
  });
});

describe("a JPEG that is broken in the middle", () => {
  const texture = Uint8Array.from({ length: 200 * 150 * 3 }, (_, at) => (at * at * 7) ^ (at >> 5));
  const textured = sharp(texture, { raw: { width: 200, height: 150, channels: 3 } });
  /** The file with its middle overwritten, and with a piece of it missing. */
  const broken = (file: Buffer): Uint8Array[] => {
    const middle = file.length >> 1;
    return [
      Buffer.from(file).fill(0xff, middle, middle + 500),
      Buffer.concat([file.subarray(0, middle), file.subarray(middle + 500)]),
    ];
  };

  for (const progressive of [false, true]) {
    test(`is refused with picture_damaged, ${progressive ? "progressive" : "sequential"}`, async () => {
      for (const file of broken(await textured.clone().jpeg({ progressive }).toBuffer())) {
        expect((await refused(file)).code).toBe("picture_damaged");
      }
    });
  }

  test("is decoded where the settings let truncated ones pass", async () => {
    for (const file of broken(await textured.clone().jpeg().toBuffer())) {
      expect(await decoded(file, { truncated: "decode" })).toMatchObject({ width: 200, height: 150 });
    }
  });

  test("is not mixed up with one that is only written carelessly, as some telephones do", async () => {
    const file = await quarters().jpeg().toBuffer();
    const scan = file.indexOf(Buffer.from([0xff, 0xda]));
    const header = file.readUInt16BE(scan + 2);
    const careless = Buffer.from(file);
    // The end of the spectral selection, which has to be 63 and tells nothing in a sequential picture.
    careless[scan + 2 + header - 2] = 0;
    const picture = await decoded(careless);
    expect(deviation(picture)).toBeLessThan(8);
    const padded = Buffer.concat([file.subarray(0, -2), Buffer.alloc(5, 7), file.subarray(-2)]);
    expect(deviation(await decoded(padded))).toBeLessThan(8);
  });
});
