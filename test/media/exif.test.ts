/** EXIF comes out as plain JSON, and never stands in a picture's way. */
import { expect, test } from "bun:test";
import sharp from "sharp";
import { readExif } from "../../src/media/exif.ts";

const EXIF = {
  IFD0: { Make: "Lens & Sons", Model: "A\u0007B", Copyright: "x".repeat(5000) },
  IFD2: { DateTimeOriginal: "2024:05:06 07:08:09", ISOSpeedRatings: "200" },
};

function picture() {
  return sharp({ create: { width: 32, height: 32, channels: 3, background: "red" } });
}

test("camera, time and orientation are read from JPEG, PNG, WebP and TIFF", async () => {
  for (const format of ["jpeg", "png", "webp"] as const) {
    const file = await picture()
      .withExif(EXIF)
      .withMetadata({ orientation: 6, exif: EXIF })
      .toFormat(format)
      .toBuffer();
    const fields = await readExif(file);
    expect(fields).toMatchObject({ Make: "Lens & Sons", DateTimeOriginal: "2024-05-06T07:08:09", ISO: 200 });
  }
  // A TIFF's own directory is where its EXIF begins.
  expect(await readExif(await picture().withMetadata({ orientation: 6 }).tiff().toBuffer())).toMatchObject({
    Orientation: "Rotate 90 CW",
    ImageWidth: 32,
  });
});

test("texts are cut to a bounded length and hold no control characters; all values are plain JSON", async () => {
  const fields = await readExif(await picture().withExif(EXIF).jpeg().toBuffer());
  expect(String(fields?.Copyright).length).toBe(500);
  expect(fields?.Model).toBe("A B");
  expect(JSON.parse(JSON.stringify(fields))).toEqual(fields!);
});

test("a picture without EXIF has none", async () => {
  for (const format of ["jpeg", "png", "webp", "gif"] as const) {
    expect(await readExif(await picture().toFormat(format).toBuffer())).toBeUndefined();
  }
});

test("damaged EXIF never throws", async () => {
  const file = new Uint8Array(await picture().withExif(EXIF).jpeg().toBuffer());
  const start = Buffer.from(file).indexOf("Exif\0\0") + 6;
  for (let step = 0; step < 200; step++) {
    const broken = file.slice();
    // A different byte each time, the offsets and counts of the directory among them.
    broken[start + step] = (broken[start + step]! + 0x7f + step) & 255;
    const fields = await readExif(broken);
    expect(JSON.stringify(fields ?? {}).length).toBeLessThan(50_000);
  }
  for (const bytes of [new Uint8Array(), Uint8Array.from([0xff, 0xd8, 0xff]), file.subarray(0, start + 20)]) {
    expect(await readExif(bytes)).toBeUndefined();
  }
});
