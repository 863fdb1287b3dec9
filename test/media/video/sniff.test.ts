/** What is taken for a video by its first bytes, and what never is. */
import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { SNIFF_VIDEO_BYTES, sniffVideo } from "../../../src/media/video/sniff.ts";
import { countedFrames, hasFfmpeg, makeVideo } from "../../support/videos.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe.skipIf(!hasFfmpeg())("the first bytes of a video", () => {
  const FILES: Readonly<Record<string, string>> = {
    "a.mp4": "mp4",
    "a.mov": "mp4",
    "a.3gp": "mp4",
    "a.mkv": "matroska",
    "a.webm": "matroska",
    "a.avi": "avi",
    "a.ts": "mpegts",
    "a.m2ts": "mpegts",
    "a.mpg": "mpegps",
    "a.vob": "mpegps",
    "a.flv": "flv",
    "a.ogv": "ogg",
    "a.wmv": "asf",
    "a.y4m": "y4m",
  };
  for (const [name, format] of Object.entries(FILES)) {
    test(`tell that ${name} is ${format}`, async () => {
      const options = name === "a.3gp" ? ["-c:v", "mpeg4"] : name === "a.flv" ? ["-c:v", "flv"] : [];
      const path = await makeVideo(name, ...countedFrames(30), "-pix_fmt", "yuv420p", ...options);
      expect(sniffVideo((await readFile(path)).subarray(0, SNIFF_VIDEO_BYTES))).toBe(format as "mp4");
    });
  }

  const PICTURES = ["a.jpg", "a.png", "a.gif", "a.bmp", "a.tiff", "a.webp", "a.ppm"];
  for (const name of PICTURES) {
    test(`tell that ${name} is none`, async () => {
      const path = await makeVideo(name, ...countedFrames(1));
      expect(sniffVideo(await readFile(path))).toBeUndefined();
    });
  }
});

describe("no video", () => {
  const OTHERS: Readonly<Record<string, Uint8Array>> = {
    "an HLS playlist": bytes("#EXTM3U\n#EXT-X-VERSION:3\n"),
    "a concat script": bytes("ffconcat version 1.0\nfile a.mp4\n"),
    "a DASH manifest": bytes('<?xml version="1.0"?><MPD>'),
    "a session description": bytes("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"),
    "text that begins with a G": bytes("Go on, there is more of it. ".repeat(100)),
    "an AVIF": bytes("\0\0\0\x20ftypavif\0\0\0\0avifmif1"),
    "a HEIC": bytes("\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    "a WebP": bytes("RIFF\x10\0\0\0WEBPVP8 "),
    "a WAV": bytes("RIFF\x10\0\0\0WAVEfmt "),
    "an MPEG elementary stream": bytes("\0\0\x01\xb3\x16\x01\x20\x13"),
    zeros: new Uint8Array(4096),
    "a few bytes": bytes("\0\0"),
    nothing: new Uint8Array(0),
  };
  for (const [what, head] of Object.entries(OTHERS)) {
    test(`is seen in ${what}`, () => expect(sniffVideo(head)).toBeUndefined());
  }
});
