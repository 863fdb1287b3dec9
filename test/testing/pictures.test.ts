/** Pictures and videos of the kit, and that models know their marks again. */
import { expect, test } from "bun:test";
import sharp from "sharp";
import { isMarked, readCells } from "../../src/inference/scripted/mark.ts";
import { scripted, scriptedByMark, startTestServer, testPicture, testVideo } from "../../src/testing/index.ts";
import { openPicture } from "../support/stages.ts";
import { thrownBy } from "../support/thrown.ts";

const FACES = [{ box: [140, 90, 100, 125] }] as const;

test("a picture has the size and format asked for, and the same bytes each time", async () => {
  const options = { width: 320, height: 200, faces: FACES, text: "Ada", mark: "ada", format: "jpeg" } as const;
  const bytes = await testPicture(options);
  expect(await sharp(bytes).metadata()).toMatchObject({ width: 320, height: 200, format: "jpeg", hasAlpha: false });
  expect(Buffer.compare(bytes, await testPicture(options))).toBe(0);
});

test("a mark is known again after strong compression and scaling, and told from others", async () => {
  const bytes = await testPicture({ mark: "ada" });
  const poor = await sharp(bytes).resize({ width: 200 }).jpeg({ quality: 20 }).toBuffer();
  for (const each of [bytes, new Uint8Array(poor)]) {
    const picture = await openPicture(each);
    const cells = readCells(picture);
    picture.release();
    expect(["ada", "bob", ""].map((label) => isMarked(cells, label))).toEqual([true, false, false]);
  }
  const bare = await openPicture(await testPicture());
  expect(isMarked(readCells(bare), "ada")).toBe(false);
  bare.release();
});

test("a drawn face is good enough for the quality measures", async () => {
  await using server = await startTestServer({
    shipped: false,
    pipelines: { quality: "stages:\n  - detect: {}\n  - landmarks: {}\n  - quality: {}\n" },
    models: { "detector-default": scripted(FACES), "*": scripted() },
  });
  const { items } = await server.run("quality", await testPicture({ faces: FACES }));
  expect(items[0]?.faces[0]?.quality?.overall).toBeGreaterThan(0.6);
});

test.each(["mp4", "mkv", "avi"] as const)("the scenes of a video in %s come one after the other", async (format) => {
  const live = scriptedByMark({ a: { live: 0.9 }, b: { live: 0.05 } });
  await using server = await startTestServer({
    shipped: false,
    pipelines: { video: "accepts: [video]\nstages:\n  - detect: {}\n  - liveness: {}\n" },
    models: { "detector-default": scripted(FACES), "liveness-default": live, "*": scripted() },
  });
  const scenes = [{ mark: "a" }, { mark: "b", seconds: 0.5 }];
  const video = await testVideo({ width: 480, height: 360, rate: 10, faces: FACES, scenes, format });
  const { items, videos } = await server.run("video", video, { every: 1 });
  expect(videos?.[0]).toMatchObject({ frames_decoded: 15, width: 480, height: 360, ended: "complete" });
  const predictions = items.map(({ faces }) => faces[0]?.liveness?.prediction);
  expect(predictions).toEqual([...Array(10).fill("live"), ...Array(5).fill("spoof")]);
});

test("without ffmpeg a video says so", async () => {
  expect(await thrownBy(testVideo({ ffmpeg: "no-such-ffmpeg" }))).toMatchObject({ code: "video_unavailable" });
});
