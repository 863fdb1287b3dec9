/** Bytes that are no picture, or a picture meant to hurt: each is refused with its code, before it costs anything. */
import { describe, expect, test } from "bun:test";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { bmp, gifOfFrames, pngDeclaring, tiffDeclaring, tiffOfPages } from "./files.ts";
import { decoded, refused } from "./outcome.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** An ISO media file of a brand. */
const isoMedia = (brand: string): Uint8Array =>
  Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(`ftyp${brand}\0\0\0\0${brand}mif1`)]);

describe("what is not a picture", () => {
  test("no bytes at all are picture_empty", async () => {
    expect((await refused(new Uint8Array())).code).toBe("picture_empty");
  });

  test("bytes of no known format are picture_unknown_format", async () => {
    for (const content of [
      "hello world",
      "P9 3 3 255 ",
      "BMessage of nothing in particular",
      "\0\0\0\0\0\0\0\0",
      "{}",
    ]) {
      expect((await refused(text(content))).code).toBe("picture_unknown_format");
    }
  });

  test("known formats that are not decoded are named", async () => {
    const foreign: Record<string, Uint8Array> = {
      svg: text('<?xml version="1.0"?>\n<!-- a face --><svg xmlns="http://www.w3.org/2000/svg"/>'),
      html: text("\ufeff  <!DOCTYPE html><img src=x onerror=alert(1)>"),
      pdf: text("%PDF-1.7\n1 0 obj"),
      zip: Buffer.from([0x50, 0x4b, 3, 4, 20, 0, 0, 0, 0, 0]),
      heic: isoMedia("heic"),
      avif: isoMedia("avif"),
      mp4: isoMedia("isom"),
      pbm: text("P4\n8 8\n"),
    };
    for (const [name, bytes] of Object.entries(foreign)) {
      const error = await refused(bytes);
      expect([error.code, error.details?.format]).toEqual(["picture_unsupported_format", name]);
    }
  });

  test("HTML or SVG with a picture inside is refused as what it starts as", async () => {
    const jpeg = await sharp({ create: { width: 32, height: 32, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer();
    for (const [start, name] of [
      ["<html><body>", "html"],
      ["<svg xmlns='http://www.w3.org/2000/svg'>", "svg"],
      ["%PDF-1.4\n", "pdf"],
    ] as const) {
      const error = await refused(Buffer.concat([text(start), jpeg]));
      expect([error.code, error.details?.format]).toEqual(["picture_unsupported_format", name]);
    }
  });

  test("a format's first bytes alone are refused, and nothing of the server shows", async () => {
    const starts = [
      "\xff\xd8\xff",
      "\x89PNG\r\n\x1a\n",
      "RIFF\0\0\0\0WEBP",
      "GIF89a",
      "II*\0",
      "MM\0*",
      "BM\0\0\0\0\0\0\0\0",
      "P6\n",
      "P3 ",
    ];
    for (const start of starts) {
      for (const tail of ["", "\0".repeat(100), "\xff".repeat(100), "9".repeat(100)]) {
        const error = await refused(Buffer.from(start + tail, "latin1"));
        expect(error.code).toBeOneOf([
          "picture_damaged",
          "picture_truncated",
          "picture_too_many_pixels",
          "picture_unknown_format",
        ]);
        expect(error.message).not.toMatch(/[\\/]|vips|buffer/i);
      }
    }
  });
});

describe("pictures over a limit", () => {
  test("more bytes than allowed are picture_too_large", async () => {
    const error = await refused(new Uint8Array(1001), { maxBytes: 1000 });
    expect([error.code, error.details]).toEqual(["picture_too_large", { bytes: 1001, max_bytes: 1000 }]);
  });

  test("a huge declared size is refused before decoding, with memory flat", async () => {
    const few = new Uint8Array(1000);
    const huge = {
      png: pngDeclaring(14_000, 14_000, few),
      tiff: tiffDeclaring(60_000, 60_000, deflateSync(few), 8),
      bmp: bmp({ width: 14_000, height: 14_000, bits: 24 }, few),
      ppm: text("P6 14000 14000 255 "),
      pgm: text("P2\n# large\n14000 14000 65535 1 2 3"),
    };
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    for (const bytes of Object.values(huge)) {
      const error = await refused(bytes);
      expect(error.code).toBe("picture_too_many_pixels");
      expect(error.details?.width).toBeGreaterThanOrEqual(14_000);
    }
    // One decoded picture of this size would take 588 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test("sizes beyond what a format can hold are refused", async () => {
    const most = 0x7fffffff;
    for (const bytes of [
      pngDeclaring(most, most, new Uint8Array(10)),
      tiffDeclaring(most, most, new Uint8Array(10), 1),
      bmp({ width: most, height: most, bits: 32 }, new Uint8Array(10)),
      text("P5 999999999 999999999 255 "),
      text("P5 99999999999999999999 8 255 "),
    ]) {
      expect((await refused(bytes)).code).toBeOneOf(["picture_damaged", "picture_too_many_pixels"]);
    }
  });

  test("a 1x1 picture is picture_too_small", async () => {
    const dot = sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } });
    for (const bytes of [
      await dot.clone().png().toBuffer(),
      await dot.clone().jpeg().toBuffer(),
      text("P3 1 1 255 1 2 3"),
    ]) {
      const error = await refused(bytes);
      expect([error.code, error.details?.width]).toEqual(["picture_too_small", 1]);
    }
  });

  test("a GIF of 10,000 frames gives its first one", async () => {
    expect(await decoded(gifOfFrames(64, 48, 10_000))).toMatchObject({ width: 64, height: 48, format: "gif" });
  });

  test("a TIFF of 50,000 pages gives its first one, without its pages being counted", async () => {
    const page = await sharp({ create: { width: 40, height: 30, channels: 3, background: "#c01020" } })
      .tiff()
      .toBuffer();
    const started = process.cpuUsage();
    expect(await decoded(tiffOfPages(page, 50_000))).toMatchObject({ width: 40, height: 30, format: "tiff" });
    // Counting them takes seconds. A generous bound on work, not a measurement of speed.
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
  });

  test("a TIFF whose pages go in circles is decoded", async () => {
    const page = Buffer.from(
      await sharp({ create: { width: 40, height: 30, channels: 3, background: "red" } })
        .tiff()
        .toBuffer(),
    );
    const directory = page.readUInt32LE(4);
    page.writeUInt32LE(directory, directory + 2 + page.readUInt16LE(directory) * 12);
    expect((await decoded(page)).width).toBe(40);
  });
});
