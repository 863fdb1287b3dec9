/** Files that mean harm or are broken: refused with a code, and nothing but the file itself is opened. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { probeVideo } from "../../../src/media/video/probe.ts";
import type { VideoLimits } from "../../../src/media/video/video.ts";
import { rejection } from "../../support/settle.ts";
import {
  countedFrames,
  hasFfmpeg,
  LOSSLESS,
  makeVideo,
  readVideo,
  videoOf,
  videoPath,
  WIDE_LIMITS,
} from "../../support/videos.ts";
import { altered, aviWithSubtitles, concatenated, cutOff, withReference } from "./files.ts";

const good = () => makeVideo("good.mp4", ...countedFrames(60), ...LOSSLESS, "-movflags", "+faststart");
const within = (limits: Partial<VideoLimits>) => ({ limits: { ...WIDE_LIMITS, ...limits } });

describe.skipIf(!hasFfmpeg())("a file that names others", () => {
  let server: Server;
  let connections = 0;
  let address: string;
  let secret: string;

  beforeAll(async () => {
    server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // A video, so that a frame would come of it if it were opened.
    secret = await makeVideo("secret.ts", ...countedFrames(30), ...LOSSLESS, "-f", "mpegts");
  });
  afterAll(() => server.close());

  const playlists: Readonly<Record<string, () => string>> = {
    "an HLS playlist with an address": () =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${address}/a.ts\n#EXT-X-ENDLIST\n`,
    "an HLS playlist with a file": () => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${secret}\n#EXT-X-ENDLIST\n`,
    "an HLS playlist with a key elsewhere": () =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="${address}/k"\n#EXTINF:1,\n${secret}\n#EXT-X-ENDLIST\n`,
    "a DASH manifest": () =>
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${address}/a.mp4</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>`,
    "a concat script": () => `ffconcat version 1.0\nfile '${secret}'\nfile '${address}/a.ts'\n`,
    "a session description": () =>
      `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n`,
    "a Smooth Streaming manifest": () =>
      `<SmoothStreamingMedia MajorVersion="2"><StreamIndex Url="${address}"/></SmoothStreamingMedia>`,
    "a list of Windows Media": () => `<asx version="3.0"><entry><ref href="${address}/a.wmv"/></entry></asx>`,
  };
  for (const [what, text] of Object.entries(playlists)) {
    for (const name of ["playlist.txt", "named-like-a.mp4"]) {
      test(`${what} is refused, also as ${name}`, async () => {
        const path = videoOf(name, text());
        expect(await rejection(readVideo(path))).toMatchObject({ code: "video_unknown_format" });
        expect(connections).toBe(0);
      });
    }
  }

  for (const [what, text] of Object.entries(playlists)) {
    test(`${what} inside of an AVI is refused`, async () => {
      const path = aviWithSubtitles("inside.avi", text());
      expect(await rejection(readVideo(path))).toMatchObject({ code: "video_refused" });
      expect(connections).toBe(0);
    });
  }

  test("an AVI with subtitles is read", async () => {
    const path = aviWithSubtitles("subtitles.avi", "1\n00:00:00,000 --> 00:00:01,000\nHello\n");
    expect((await readVideo(path)).frames).toHaveLength(1);
  });

  for (const kind of ["url ", "alis"] as const) {
    test(`a QuickTime file whose media lies elsewhere (${kind.trim()}) is refused`, async () => {
      const path = await withReference("elsewhere.mov", await good(), kind, `${address}/a.mov`);
      expect(await rejection(readVideo(path))).toMatchObject({ code: "video_refused" });
      expect(connections).toBe(0);
    });
  }

  test("a playlist behind the head of an MP4 is not looked for", async () => {
    const head = Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isommp41", "latin1");
    const path = videoOf(
      "polyglot.mp4",
      Buffer.concat([head, Buffer.from(playlists["an HLS playlist with an address"]!())]),
    );
    expect(await rejection(readVideo(path))).toMatchObject({ code: "video_damaged" });
    expect(connections).toBe(0);
  });

  test("a name that ffmpeg takes for a pattern or an address is the name of a file", async () => {
    const bytes = await Bun.file(await good()).bytes();
    for (const name of ["frame%03d.mp4", "http:x", "-y", "concat:a|b", "it's [a] file, isn't it?.mp4"]) {
      expect((await readVideo(videoOf(name, bytes))).frames).toHaveLength(60);
    }
  });

  test("a pipe or a folder is refused without waiting for it", async () => {
    const pipe = videoPath("pipe.mp4");
    execFileSync("mkfifo", [pipe]);
    expect(await rejection(readVideo(pipe))).toMatchObject({ code: "video_refused" });
    expect(await rejection(readVideo("/"))).toMatchObject({ code: "video_refused" });
    expect(await rejection(readVideo("/dev/zero"))).toMatchObject({ code: "video_refused" });
  });
});

describe.skipIf(!hasFfmpeg())("a broken video", () => {
  const CODES: Readonly<Record<string, readonly [code: string, make: () => Promise<string> | string]>> = {
    "no bytes at all": ["video_no_frames", () => videoOf("empty.mp4", "")],
    "sound alone": ["video_no_frames", () => makeVideo("sound.mp4", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac")],
    "sound with a cover": [
      "video_no_frames",
      () =>
        makeVideo(
          "cover.mp4",
          ...["-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "color=s=64x48:d=1", "-map", "0", "-map", "1"],
          ...[
            "-frames:v",
            "1",
            "-c:a",
            "aac",
            "-c:v",
            "mjpeg",
            "-pix_fmt",
            "yuvj420p",
            "-disposition:v",
            "attached_pic",
          ],
        ),
    ],
    "a track without frames": [
      "video_no_frames",
      async () => {
        const path = await makeVideo("pieces.mp4", ...countedFrames(9), ...LOSSLESS, "-movflags", "empty_moov");
        const bytes = await readFile(path);
        return videoOf("none.mp4", bytes.subarray(0, bytes.indexOf("moof") - 4));
      },
    ],
    "its index cut off": [
      "video_damaged",
      async () => cutOff("cut.mp4", await makeVideo("index-last.mp4", ...countedFrames(60), ...LOSSLESS), 0.5),
    ],
    "a codec of long ago": ["video_unknown_format", () => makeVideo("old.avi", ...countedFrames(3), "-c:v", "zmbv")],
    text: ["video_unknown_format", () => videoOf("text.mp4", "just some text ".repeat(400))],
    "a picture": ["video_unknown_format", () => makeVideo("picture.jpg", ...countedFrames(1))],
    "no such file": ["file_unreadable", () => "/no/such/file.mp4"],
  };
  for (const [what, [code, make]] of Object.entries(CODES)) {
    test(`with ${what} is refused with ${code}`, async () => {
      const error = await rejection(readVideo(await make()));
      expect(error).toMatchObject({ code });
      expect(error.message).not.toContain("/");
    });
  }

  for (const container of ["mp4", "mkv", "ts", "avi"]) {
    test(`that ends early gives the frames before: ${container}`, async () => {
      const whole = await makeVideo(
        `whole.${container}`,
        ...countedFrames(240),
        ...(container === "avi" ? ["-c:v", "mpeg4"] : LOSSLESS),
        ...(container === "mp4" ? ["-movflags", "+faststart"] : []),
      );
      const all = (await readVideo(whole)).frames;
      const { frames, reader } = await readVideo(await cutOff(`cut.${container}`, whole, 0.6));
      expect(frames.length).toBeGreaterThan(60);
      expect(frames.length).toBeLessThan(240);
      // The last one may be what was made of half of it.
      expect(frames.slice(0, -1)).toEqual(all.slice(0, frames.length - 1));
      // The others say nowhere how much there should be.
      if (container === "mp4" || container === "mkv") expect(reader.ended).toBe("damaged");
    });
  }

  test("with noise in the middle goes on behind it and is told to be damaged", async () => {
    const whole = await makeVideo(
      "clean.mp4",
      ...countedFrames(60),
      ...LOSSLESS,
      "-g",
      "10",
      "-movflags",
      "+faststart",
    );
    const path = await altered("noise.mp4", whole, (bytes) => {
      const middle = (bytes.indexOf("mdat") + bytes.length) >> 1;
      bytes.fill(0xa5, middle, middle + 40);
    });
    const { frames, reader } = await readVideo(path);
    expect(frames.length).toBeGreaterThan(30);
    expect(reader.ended).toBe("damaged");
  });

  test("whose frames change their size keeps the first size and its shape of time", async () => {
    const parts = ["64x48", "320x200", "30x90"].map((size, index) =>
      makeVideo(
        `size${index}.ts`,
        ...countedFrames(30, { size }),
        ...LOSSLESS,
        "-output_ts_offset",
        String(index),
        "-f",
        "mpegts",
      ),
    );
    const { frames, reader } = await readVideo(await concatenated("sizes.ts", ...(await Promise.all(parts))));
    expect(frames.map(({ number }) => number)).toEqual(Array.from({ length: 90 }, (_, index) => index));
    expect(new Set(frames.map(({ width, height }) => `${width}x${height}`))).toEqual(new Set(["64x48"]));
    expect(frames.map(({ luma }) => luma)).toEqual(Array.from({ length: 90 }, (_, index) => frames[index % 30]!.luma));
    expect(reader.ended).toBe("complete");
  });
});

describe.skipIf(!hasFfmpeg())("a limit", () => {
  test("on the declared duration refuses before anything is decoded", async () => {
    expect(
      await rejection(probeVideo(await good(), { ffmpeg: "ffmpeg", ...within({ maxDurationMs: 1500 }) })),
    ).toMatchObject({
      code: "video_too_long",
      details: { duration_s: 2, max_duration_s: 1.5 },
    });
  });

  test("on the duration also stops a video that declares none", async () => {
    const path = await makeVideo("undeclared.mkv", ...countedFrames(240), ...LOSSLESS, "-live", "1", "-f", "matroska");
    expect((await readVideo(path)).reader.info.durationS).toBeUndefined();
    for (const sampling of [{ every: 1 }, { every: 1000 }]) {
      const failed = rejection(readVideo(path, { ...within({ maxDurationMs: 3000 }), sampling }));
      expect(await failed).toMatchObject({ code: "video_too_long", details: { max_duration_s: 3 } });
    }
  });

  test("on pixels holds for what the container and what the pictures declare", async () => {
    const path = await good();
    const pictures = { code: "video_too_many_pixels", details: { width: 64, height: 48, max_pixels: 3000 } };
    expect(await rejection(readVideo(path, within({ maxPixels: 3000 })))).toMatchObject(pictures);
    const huge = await altered(
      "huge.mkv",
      await makeVideo("small.mkv", ...countedFrames(9), "-c:v", "ffv1"),
      (bytes) => {
        // Width and height of the track, a byte each.
        const at = bytes.indexOf(Buffer.from([0xb0, 0x81, 64, 0xba, 0x81, 48]));
        bytes[at + 2] = 255;
        bytes[at + 5] = 255;
      },
    );
    expect(await rejection(readVideo(huge, within({ maxPixels: 10_000 })))).toMatchObject({
      code: "video_too_many_pixels",
    });
  });

  test("on streams refuses a file with a hundred", async () => {
    const maps = Array.from({ length: 100 }, () => ["-map", "0"]).flat();
    const path = await makeVideo("hundred.mkv", ...countedFrames(2), ...maps, "-c:v", "mpeg4");
    expect(await rejection(readVideo(path))).toMatchObject({ code: "video_refused", details: { max_streams: 32 } });
    expect((await readVideo(path, within({ maxStreams: 100 }))).frames).toHaveLength(2);
  });

  test("on the first frame ends a video that gives none in time", async () => {
    expect(await rejection(readVideo(await good(), within({ probeTimeoutMs: 1 })))).toMatchObject({
      code: "video_too_slow",
    });
  });

  test("names the tool that is missing in one line", async () => {
    for (const ffmpeg of ["no-such-ffmpeg", "/nowhere/ffmpeg"]) {
      const error = await rejection(readVideo(await good(), { ffmpeg }));
      expect(error).toMatchObject({ code: "video_unavailable" });
      expect(error.message).toMatch(/apt-get install ffmpeg/);
    }
  });
});
